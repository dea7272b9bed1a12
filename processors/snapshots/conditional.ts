// Whether a blocking snapshot was asked for with a condition: its notifications do not say, the signal that asked for it does.
// Guarantee: a condition that came by the signal table or the signal topic is found; of other channels nothing is known (docs/snapshots.md).
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { sql } from '../../lake/sql.ts'
import { topicsOf } from '../bronze-names.ts'
import type { TableName } from '../source-schema.ts'
import { unwrapped } from '../stage.ts'
import type { Generation } from './generations.ts'

/** A signal is carried out at once, or after the blocking snapshot before it. */
const patience = 86_400_000

interface Asked {
  type?: string
  'data-collections'?: string[]
  'additional-condition'?: string
  'additional-conditions'?: { 'data-collection'?: string; filter?: string }[]
}

/** Looks through the signals of the day before the snapshot's end. */
export async function isConditional(
  duck: Duck,
  lake: Lakehouse,
  { name, generation }: { name: TableName; generation: Generation },
): Promise<boolean> {
  const since = sql`make_timestamptz(${BigInt(generation.started - patience) * 1_000n})`
  const until = sql`make_timestamptz(${BigInt(generation.ended ?? Date.now()) * 1_000n})`
  const asked: Asked[] = []
  for (const table of await signalTables(lake)) {
    const path = tablePath('bronze', table)
    const snapshot = (await lake.current(path))!
    const rows = await scan(lake.table(path), snapshot, { columns: ['_kafka_ts', '_value'] })
    const row = '{"type":"VARCHAR","data":"VARCHAR"}'
    const found = await duck.rows<{ data: string }>(sql`
      SELECT coalesce(e.after.data, e.data::VARCHAR) AS data
      FROM (SELECT TRY(json_transform(${unwrapped(sql`_value`)}, ${`{"after":${row},"type":"VARCHAR","data":"JSON"}`})) AS e FROM ${rows}
        WHERE _kafka_ts BETWEEN ${since} AND ${until} AND _value IS NOT NULL)
      WHERE coalesce(e.after.type, e.type) = 'execute-snapshot'`)
    asked.push(...found.flatMap(({ data }) => parsed(data)))
  }
  return asked.some(one => one.type?.toUpperCase() === 'BLOCKING' && conditions(one).some(filter => concerns(filter, name)))
}

/** Bronze of the signal topic and of signal tables. */
async function signalTables(lake: Lakehouse): Promise<TableName[]> {
  const tables = await lake.bronzeTables()
  return tables.filter(({ snapshot }) => topicsOf(snapshot).some(({ topic }) => isSignalTopic(topic))).map(({ name }) => name)
}

/** The signal topic, or that of a signal table, by what Debezium's documentation and people call them. */
export function isSignalTopic(topic: string): boolean {
  return /[._-]signals?$/i.test(topic)
}

function parsed(data: string): Asked[] {
  try {
    return [JSON.parse(data) as Asked]
  } catch {
    return []
  }
}

/** The tables' patterns of conditions; the one for all that old Debezium knew concerns any table. */
function conditions(asked: Asked): string[] {
  const list = (asked['additional-conditions'] ?? []).map(one => one['data-collection'] ?? '.*')
  return asked['additional-condition'] ? [...list, '.*'] : list
}

function concerns(pattern: string, { database, table }: TableName): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'i').test(`${database}.${table}`)
  } catch {
    return true
  }
}
