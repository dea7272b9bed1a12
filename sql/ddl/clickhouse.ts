// What to paste into ClickHouse to read the lake's tables.

import type { Quoted } from './dialect.ts'
import { dialect, piece, statement } from './dialect.ts'
import { historySelect } from './history-view.ts'
import { type Ddl, type DdlTable, folderOf, named, zonesOf } from './table.ts'

const clickhouse = dialect('`', { nameEscape: 'backslash', textEscape: 'backslash' })

/** Tables of the DeltaLake engines, and views of the histories. */
export function clickhouseDdl(tables: readonly DdlTable[]): Ddl {
  const { id } = clickhouse
  const azure = tables.some(({ location }) => location.kind !== 'local')
  const statements = zonesOf(tables).map(zone => statement`CREATE DATABASE IF NOT EXISTS ${id(zone)}`)
  for (const { table, name, view } of named(tables, name => name)) {
    statements.push(statement`CREATE TABLE IF NOT EXISTS ${id(table.zone, name)} ENGINE = ${engine(table)}`)
    if (view) {
      const lead = (window: Quoted) =>
        piece`leadInFrame(${id('_valid_from')}) OVER (${window} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)`
      const select = historySelect({ dialect: clickhouse, from: id(table.zone, name), key: table.historyKey!, lead })
      statements.push(statement`CREATE OR REPLACE VIEW ${id(table.zone, view)} AS ${select}`)
    }
  }
  return {
    notes: [
      'ClickHouse 25.10 or newer.',
      azure
        ? 'Put the account’s key in place of <account key>, or better: a named collection that holds it.'
        : 'The folder must lie below the server’s user_files_path, or be linked there.',
    ],
    statements,
  }
}

function engine({ location }: DdlTable): Quoted {
  const { text } = clickhouse
  if (location.kind === 'local') return piece`DeltaLakeLocal(${text(location.folder)})`
  const [url, account] =
    location.kind === 'azure'
      ? [`https://${location.account}.blob.${location.suffix}`, location.account]
      : [location.endpoint, location.endpoint.split('/').at(-1)!]
  const place = piece`${text(url)}, ${text(location.container)}, ${text(folderOf(location))}`
  return piece`DeltaLakeAzure(${place}, ${text(account)}, '<account key>')`
}
