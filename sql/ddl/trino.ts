// What to paste into Trino (a catalog of its Delta Lake connector) to read the lake's tables.
import { dialect, statement } from './dialect.ts'
import { historySelect } from './history-view.ts'
import { abfss, type Ddl, type DdlTable, hadoopFile, named, plainName, zonesOf } from './table.ts'

const trino = dialect('"', { nameEscape: 'double', textEscape: 'double' })

/** Tables registered where they are, and views of the histories. Metastores take plain names only, in small letters. */
export function trinoDdl(tables: readonly DdlTable[]): Ddl {
  const { id, text } = trino
  const catalog = 'delta'
  const azure = tables.some(({ location }) => location.kind === 'azure')
  const statements = zonesOf(tables).map(zone => statement`CREATE SCHEMA IF NOT EXISTS ${id(catalog, zone)}`)
  for (const { table, name, view } of named(tables, name => plainName(name).toLowerCase())) {
    statements.push(
      statement`CALL ${id(catalog)}.system.register_table(schema_name => ${text(table.zone)}, table_name => ${text(name)}, table_location => ${text(place(table))})`,
    )
    if (view) {
      const select = historySelect({ dialect: trino, from: id(catalog, table.zone, name), key: table.historyKey!.map(lower) })
      statements.push(statement`CREATE OR REPLACE VIEW ${id(catalog, table.zone, view)} AS ${select}`)
    }
  }
  return {
    notes: [
      'Trino with a catalog named delta: connector.name=delta_lake, delta.register-table-procedure.enabled=true, a metastore, and',
      azure
        ? 'fs.native-azure.enabled=true (newer: fs.azure.enabled=true), azure.auth-type=DEFAULT (or ACCESS_KEY and azure.access-key=<account key>).'
        : 'fs.hadoop.enabled=true, on a folder that every worker sees under the same path.',
      'Trino shows timestamps to the millisecond. register_table refuses a table that is registered: CALL delta.system.unregister_table first.',
    ],
    statements,
  }
}

function place({ location }: DdlTable): string {
  if (location.kind === 'local') return hadoopFile(location.folder)
  if (location.kind === 'azure') return abfss(location)
  throw new TypeError('Trino reads no emulator')
}

function lower(name: string): string {
  return name.toLowerCase()
}
