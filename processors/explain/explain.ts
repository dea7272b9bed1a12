// `binlake explain`: everything that bronze, the policy, silver, people and gold have to do with one key.
// Guarantee: reads only; which events count is what the line itself applies to the key, done once more beside the lake.

import type { Duck } from '../../lake/duckdb.ts'
import { LakeError } from '../../lake/lake-error.ts'
import { tablePath } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, sql } from '../../lake/sql.ts'
import type { Way } from '../apply.ts'
import { heldOffsets } from '../bronze.ts'
import { topicsOf } from '../bronze-names.ts'
import type { Context } from '../context.ts'
import { openTable } from '../open-table.ts'
import { type EventsOfKeys, eventsOfKeys } from '../order/events-of-keys.ts'
import { TableHalted } from '../order/table-halted.ts'
import { hasSeveralPartitions } from '../order/truncates.ts'
import { buildAside } from '../replay/build-aside.ts'
import { chooseTables } from '../replay/replay.ts'
import { scratchLake } from '../replay/scratch-lake.ts'
import { sweptMark } from '../snapshots/marks.ts'
import { type AskedKey, ExplainInvalid, findAsked } from './asked-key.ts'
import { type DecisionAbout, decisionsAbout } from './decisions-about.ts'
import { type ExplainedEvent, eventsOf } from './events-of-key.ts'
import { type FedModel, goldOfKey } from './gold-of-key.ts'
import { type QuarantinedOfKey, quarantinedOfKey } from './quarantined-of-key.ts'
import { type ColumnFate, rulesOfTable } from './rules-of-table.ts'
import { type SilverOfKey, silverOfKey } from './silver-of-key.ts'

export interface Explanation {
  /** `database.table`. */
  table: string
  /** The key's columns as silver has them; as text. */
  key: Record<string, string>
  events: ExplainedEvent[]
  /** Records of the key that could not be read as events. */
  quarantined: QuarantinedOfKey[]
  /** Why the line stops at this key, if it does. */
  halted?: string
  columns: ColumnFate[]
  silver: SilverOfKey & { bronzeVersion: number; taken: number }
  decisions: DecisionAbout[]
  /** Absent: not asked for. */
  gold?: FedModel[]
}

export interface ExplainOptions {
  table: string
  asked: AskedKey
  /** Print what rows hold: bronze's images, silver's row, gold's rows. */
  values: boolean
  /** Evaluate the gold models, which reads all of their inputs. */
  gold: boolean
}

/** Undefined: bronze has no such key. Throws ExplainInvalid, ReplayUnknownTable, and what openTable throws. */
export async function explain(context: Context, options: ExplainOptions): Promise<Explanation | undefined> {
  const [chosen] = await chooseTables(context, [options.table])
  return explainKey(context, chosen!, options)
}

/** The same of a table whose schema and masks are known. */
export async function explainKey(
  { duck, lake, log, policy, keys, gold: models }: Context,
  { schema, mask }: Pick<Way, 'schema' | 'mask'>,
  options: Omit<ExplainOptions, 'table'>,
): Promise<Explanation | undefined> {
  const way = { lake, log, schema, mask }
  const table = `${schema.database}.${schema.table}`
  if (schema.primaryKey.length === 0) {
    throw new ExplainInvalid(
      `${table}: it has no primary key, so its rows cannot be told apart and none can be asked for; look its events up with \`binlake sql\` in bronze`,
    )
  }
  const open = await openTable(way)
  if (!open) return undefined
  const { bronze, tables } = open
  const { asked, values } = options
  const found = await findAsked(duck, { ...way, keys }, { bronze, asked })
  if (found === 0) return undefined
  if (found > 1)
    throw new ExplainInvalid(
      `${table}: ${found} keys are meant (one in MySQL's form, another in silver's); name one by --offset partition:offset of an event`,
    )
  const only = await eventsOfKeys(duck, way, { bronze, keys: sql`SELECT * FROM asked_keys` })
  const halted = await applyAgain(duck, way, { bronze, only })
  const events = await eventsOf(duck, way, {
    ...{ bronze, only, values },
    halted: halted !== undefined,
    several: hasSeveralPartitions(bronze),
    taken: await takenOffsets(way, bronze, tables.taken.current),
  })
  const key = await duck.row<Record<string, string>>(sql`SELECT COLUMNS(*)::VARCHAR FROM asked_keys`)
  const decisions = await decisionsAbout(duck, lake, { schema, events })
  const silver = await silverOfKey(duck, lake, { tables, values })
  return {
    table,
    key: key!,
    events,
    quarantined: await quarantinedOfKey(duck, way),
    ...(halted === undefined ? {} : { halted }),
    columns: rulesOfTable(policy, schema, mask),
    silver: { ...silver, bronzeVersion: bronze.version, taken: tables.taken.current },
    decisions,
    ...(options.gold ? { gold: await goldOfKey(duck, lake, { table: schema, key: mask.primaryKey, models, values }) } : {}),
  }
}

/**
 * Temp tables `explained` (what applies to the key) and `explained_changes` (what came as far as a decision), as a rebuild of the key alone
 * makes them. Gives the reason if the line stops at it.
 */
async function applyAgain(
  duck: Duck,
  way: Way,
  { bronze, only }: { bronze: Snapshot; only: EventsOfKeys },
): Promise<string | undefined> {
  const key = join(way.mask.primaryKey.map(name => id(name)))
  const place = sql`_epoch, _partition, _offset`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE explained AS SELECT *, NULL::INTEGER AS _epoch, NULL::INTEGER AS _partition, NULL::BIGINT AS _offset,
    NULL::VARCHAR AS _snapshot, NULL::TIMESTAMPTZ AS _source_ts, NULL::INTEGER AS _lineage FROM asked_keys WHERE false`)
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE explained_changes (_epoch INTEGER, _partition INTEGER, _offset BIGINT, _bad BOOLEAN)`,
  )
  const seen = async () =>
    duck.run(
      sql`INSERT INTO explained_changes SELECT ${place}, _bad FROM changes WHERE _op <> 't' AND _snapshot IS DISTINCT FROM ${sweptMark}`,
    )
  await using scratch = await scratchLake()
  try {
    await buildAside(duck, way, {
      ...{ bronze, only, lake: scratch.lake, setAside: false },
      onApplied: async () => {
        await seen()
        await duck.run(sql`INSERT INTO explained SELECT ${key}, ${place}, _snapshot, _source_ts, _lineage FROM applied`)
      },
    })
    return undefined
  } catch (error) {
    if (!(error instanceof TableHalted)) throw error
    await seen()
    return error.message
  }
}

/** Where silver goes on, by partition of the topic's newest life; undefined: it has taken all, or bronze no longer tells. */
async function takenOffsets(
  { lake, schema }: Way,
  bronze: Snapshot,
  taken: number,
): Promise<ReadonlyMap<number, bigint> | undefined> {
  if (taken >= bronze.version) return undefined
  if (taken < 0) return new Map()
  const newest = topicsOf(bronze).at(-1)!
  try {
    const then = await loadSnapshot(lake.table(tablePath('bronze', schema)), { version: taken })
    return then && heldOffsets(then, newest.topic, newest.topicId)
  } catch (error) {
    if (error instanceof LakeError && error.code === 'LAKE_VERSION_GONE') return undefined
    throw error
  }
}
