// Before a snapshot is asked for: would the connector do it? It says nothing of tables that it does not know, and skips those without a key.
// Guarantee: only looks; a condition is tried on MySQL without reading a row.

import { MysqlError } from '../connectors/mysql-error.ts'
import { quoted } from '../connectors/mysql-keys.ts'
import type { MysqlSession } from '../connectors/mysql-session.ts'
import { type LiveConnector, uncapturedBy } from '../infra/debezium/captures.ts'
import { nameOf } from '../processors/table-name.ts'
import { SnapshotError } from './snapshot-error.ts'

export interface TableName {
  database: string
  table: string
}

/** `orders` or `shop.orders`; the database is that of the URL unless named. */
export function namedTables(names: readonly string[], url: string): TableName[] {
  const own = decodeURIComponent(new URL(url).pathname.slice(1))
  return names.map(name => {
    const dot = name.indexOf('.')
    return dot < 0 ? { database: own, table: name } : { database: name.slice(0, dot), table: name.slice(dot + 1) }
  })
}

/** Throws SNAPSHOT_UNKNOWN_TABLE, SNAPSHOT_NO_KEY, SNAPSHOT_CONDITION, MysqlError. Returns about how many rows there are to read. */
export async function checkSnapshot(
  mysql: MysqlSession,
  connector: LiveConnector,
  { tables, where, full }: { tables: readonly TableName[]; where?: string; full: boolean },
): Promise<number> {
  let rows = 0
  for (const name of tables) {
    const found = await mysql.query(
      `SELECT table_rows FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = ${text(name.database)} AND table_name = ${text(name.table)}`,
    )
    if (found.length === 0) throw new SnapshotError('SNAPSHOT_UNKNOWN_TABLE', await unknown(mysql, name))
    const by = uncapturedBy(connector.config, name)
    if (by !== undefined) {
      throw new SnapshotError(
        'SNAPSHOT_UNKNOWN_TABLE',
        `${nameOf(name)}: connector ${connector.name} does not capture it (${by}); add it there, then ask again (docs/snapshots.md, «Adding a table later»)`,
      )
    }
    if (!full && !(await hasKey(mysql, name))) {
      throw new SnapshotError(
        'SNAPSHOT_NO_KEY',
        `${nameOf(name)} has no primary key, so Debezium skips it in an incremental snapshot; use \`binlake snapshot ${name.table} --full\`, which stops the stream while it reads`,
      )
    }
    if (full && where !== undefined && !(await hasKey(mysql, name))) {
      throw new SnapshotError(
        'SNAPSHOT_NO_KEY',
        `${nameOf(name)} has no primary key, so the rows of a snapshot take the place of all that silver has: leave --where out (docs/keys.md)`,
      )
    }
    if (where !== undefined) await tryCondition(mysql, name, where)
    rows += Number(found[0]?.[0] ?? 0)
  }
  return rows
}

async function unknown(mysql: MysqlSession, { database, table }: TableName): Promise<string> {
  const all = await mysql.query(
    `SELECT table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = ${text(database)} ORDER BY 1 LIMIT 30`,
  )
  const known = all.map(([name]) => name).join(', ')
  return `MySQL has no table ${database}.${table}${known ? `; ${database} has: ${known}` : `, nor a database ${database} that this user may see`}`
}

async function hasKey(mysql: MysqlSession, { database, table }: TableName): Promise<boolean> {
  const found = await mysql.query(
    `SELECT 1 FROM information_schema.table_constraints WHERE constraint_type = 'PRIMARY KEY' AND table_schema = ${text(database)} AND table_name = ${text(table)}`,
  )
  return found.length > 0
}

async function tryCondition(mysql: MysqlSession, name: TableName, where: string): Promise<void> {
  try {
    await mysql.query(`SELECT 1 FROM ${quoted(name.database)}.${quoted(name.table)} WHERE (${where}\n) LIMIT 0`)
  } catch (error) {
    if (!(error instanceof MysqlError)) throw error
    const said = (error.cause as { sqlMessage?: string } | undefined)?.sqlMessage ?? error.message
    throw new SnapshotError(
      'SNAPSHOT_CONDITION',
      `${nameOf(name)}: MySQL does not take the condition of --where: ${said}; it is what stands behind WHERE, e.g. --where "id > 1000"`,
      { cause: error },
    )
  }
}

function text(value: string): string {
  return `_utf8mb4 X'${Buffer.from(value).toString('hex')}'`
}
