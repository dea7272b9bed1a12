// What to paste into a DuckDB of one's own (its delta extension) to read the lake's tables.
import { dialect, statement } from './dialect.ts'
import { historySelect } from './history-view.ts'
import { abfss, type Ddl, type DdlTable, fileUrl, named, zonesOf } from './table.ts'

const duckdb = dialect('"', { nameEscape: 'double', textEscape: 'double' })

/** Views over `delta_scan`, which see the newest version each time. */
export function duckdbDdl(tables: readonly DdlTable[]): Ddl {
  const { id, text } = duckdb
  const accounts = new Set(tables.flatMap(({ location }) => (location.kind === 'azure' ? [location.account] : [])))
  const statements = ['INSTALL delta', 'LOAD delta', ...(accounts.size > 0 ? ['INSTALL azure', 'LOAD azure'] : [])]
  for (const account of accounts) {
    statements.push(
      statement`CREATE OR REPLACE SECRET ${id(`binlake_${account}`)} (TYPE azure, PROVIDER credential_chain, ACCOUNT_NAME ${text(account)})`,
    )
  }
  statements.push(...zonesOf(tables).map(zone => statement`CREATE SCHEMA IF NOT EXISTS ${id(zone)}`))
  for (const { table, name, view } of named(tables, name => name)) {
    statements.push(statement`CREATE OR REPLACE VIEW ${id(table.zone, name)} AS SELECT * FROM delta_scan(${text(place(table))})`)
    if (view) {
      const select = historySelect({ dialect: duckdb, from: id(table.zone, name), key: table.historyKey! })
      statements.push(statement`CREATE OR REPLACE VIEW ${id(table.zone, view)} AS ${select}`)
    }
  }
  return {
    notes: [
      "DuckDB 1.4 or newer. Times are instants: SET TimeZone = 'UTC' shows them as binlake does.",
      ...(accounts.size > 0
        ? ['The secret uses the Azure login of this machine (az login, environment, managed identity).']
        : []),
    ],
    statements,
  }
}

function place({ location }: DdlTable): string {
  if (location.kind === 'local') return fileUrl(location.folder)
  if (location.kind === 'azure') return abfss(location)
  throw new TypeError('DuckDB reads no emulator')
}
