// What of the chosen records can stand in bronze and silver now: the rows that bronze lacks, and why the others do not fit.
// Guarantee: bronze gets each place once; only a corrected value stands beside the one it corrects, marked by its decision.
import type { Duck } from '../../lake/duckdb.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { duckType } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import type { Way } from '../apply.ts'
import { bronzeFields } from '../bronze.ts'
import { typeChanges } from '../changes.ts'
import { epochDecisions } from '../order/epochs.ts'
import { asEvents, eventRows } from '../order/event-rows.ts'
import { maskedKeys } from '../order/events-of-keys.ts'
import { lineageOfRow } from '../order/lineage.ts'
import { bronzeColumnsRead } from '../own-columns.ts'
import { MendRefused } from './mend-refused.ts'
import { mendHeader } from './mends.ts'
import { restage } from './restage.ts'

export interface MendedRowsOptions {
  bronze: Snapshot
  /** The decision that a corrected row is marked with. */
  decision: string
  /** Instead of the one record's original value. */
  value?: Buffer
}

/**
 * Makes, of temp table `chosen`: `mended_rows` (bronze's columns, of what bronze lacks), `unfit` (`_topic, _life, _partition, _offset,
 * _reason`) and `fitting` (the chosen records that are not unfit). Throws MendRefused for a value of another key.
 */
export async function mendedRows(duck: Duck, way: Way, { bronze, decision, value }: MendedRowsOptions): Promise<void> {
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE unfit (_topic VARCHAR, _life INTEGER, _partition INTEGER, _offset BIGINT, _reason VARCHAR)`,
  )
  await restageAll(duck, way, { decision, ...(value ? { value } : {}) })
  const silver = way.mask.omitted === undefined && way.schema.primaryKey.length > 0
  if (silver) await lookAgain(duck, way, { bronze, corrected: value !== undefined })
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE fitting AS SELECT * FROM chosen ANTI JOIN unfit USING (_topic, _life, _partition, _offset)`,
  )
  await duck.run(
    sql`DELETE FROM mended_rows WHERE (_topic, _epoch, _partition, _offset) IN (SELECT (_topic, _life, _partition, _offset) FROM unfit)`,
  )
  await leaveOutHeld(duck, way, { bronze, corrected: value !== undefined })
}

/** Temp table `mended_rows`: records that are not in bronze, and whatever is corrected, read as if they came now. */
async function restageAll(
  duck: Duck,
  { lake, schema }: Way,
  { decision, value }: Pick<MendedRowsOptions, 'decision' | 'value'>,
): Promise<void> {
  const again = value ? sql`true` : sql`_step <> 'silver'`
  const lives = await duck.rows<{ topic: string; life: number }>(
    sql`SELECT DISTINCT _topic AS topic, _life AS life FROM chosen WHERE ${again}`,
  )
  // Its columns, even if there is nothing to read again.
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE mended_rows AS ${noRows}`)
  for (const { topic, life } of lives) {
    await restage(duck, lake, {
      name: schema,
      topic,
      life,
      records: sql`SELECT * FROM chosen WHERE _topic = ${topic} AND _life = ${life} AND ${again}`,
      ingestedAt: new Date(),
      ...(value ? { value } : {}),
    })
    const headers = value ? sql`REPLACE (${JSON.stringify([[mendHeader, decision]])} AS _headers)` : sql``
    await duck.run(sql`INSERT INTO mended_rows BY NAME SELECT * ${headers} FROM restaged`)
  }
}

/** Adds to `unfit` what silver could not take: values that do not fit their columns under the schema and the policy of now. */
async function lookAgain(duck: Duck, way: Way, { bronze, corrected }: { bronze: Snapshot; corrected: boolean }): Promise<void> {
  const { schema, mask } = way
  const at = { duck, lake: way.lake }
  const among = {
    columns: ['_topic', '_epoch', '_partition', '_offset'],
    rows: (rows: Sql) => sql`(SELECT row.* FROM ${rows} AS row SEMI JOIN (SELECT * FROM chosen WHERE _step = 'silver') AS record
      ON row._topic = record._topic AND coalesce(row._epoch, 0) = record._life AND row._partition = record._partition AND row._offset = record._offset)`,
  }
  const files = [...bronze.files.values()]
  const inBronze = sql`FROM ${await eventRows(at, schema, { bronze, files, columns: bronzeColumnsRead, among })}`
  const decisions = await epochDecisions(at, schema)
  const restaged = sql`FROM ${asEvents(sql`mended_rows`, bronzeColumnsRead, { decisions, lineage: lineageOfRow(bronze) })}`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE looked_at AS ${corrected ? restaged : inBronze}`)
  await typeChanges(duck, sql`(SELECT * FROM looked_at)`, { schema, mask })
  await duck.run(sql`INSERT INTO unfit SELECT _topic, _life, _partition, _offset, 'value_does_not_fit'
    FROM chosen SEMI JOIN (SELECT * FROM changes WHERE _bad) USING (_partition, _offset)`)
  if (corrected) await refuseOtherKey(duck, way)
}

/** The line finds a key's events by the records' own keys, so the two must agree. */
async function refuseOtherKey(duck: Duck, { schema, mask }: Way): Promise<void> {
  const rows = sql`(SELECT NULL AS _path, _partition, _offset, _op, _key FROM mended_rows)`
  const differs = join(
    mask.primaryKey.map(name => sql`own.${id(name)} <> changes.${id(name)}`),
    ' OR ',
  )
  const found = await duck.row(
    sql`SELECT 1 FROM (${maskedKeys(rows, { schema, mask })}) AS own JOIN changes ON "the partition" = changes._partition AND "the offset" = changes._offset WHERE ${differs} LIMIT 1`,
  )
  if (found) {
    throw new MendRefused(
      `${schema.database}.${schema.table}: the corrected value is of another row than the record's key; correct the value and leave its key as it is`,
    )
  }
}

/** Takes out of `mended_rows` what an earlier try has brought into bronze. */
async function leaveOutHeld(
  duck: Duck,
  way: Way,
  { bronze, corrected }: { bronze: Snapshot; corrected: boolean },
): Promise<void> {
  const lives = bronze.fields.some(({ name }) => name === '_epoch') ? ['_epoch'] : []
  const columns = ['_topic', '_partition', '_offset', ...lives, ...(corrected ? ['_headers', '_value'] : [])]
  const held = await bronzeRows(bronze, way, columns)
  const life = lives.length > 0 ? sql`coalesce(held._epoch, 0)` : sql`0`
  const same = corrected
    ? sql`AND held._value IS NOT DISTINCT FROM mended_rows._value AND contains(held._headers, ${mendHeader})`
    : sql``
  await duck.run(sql`DELETE FROM mended_rows WHERE EXISTS (SELECT 1 FROM (${held}) AS held
    WHERE held._topic = mended_rows._topic AND ${life} = mended_rows._epoch AND held._partition = mended_rows._partition AND held._offset = mended_rows._offset ${same})`)
}

/** Bronze's columns, of no row. */
const noRows = sql`SELECT ${join(bronzeFields.map(({ name, type }) => sql`NULL::${trusted(duckType(type))} AS ${id(name)}`))} WHERE false`

async function bronzeRows(bronze: Snapshot, { lake, schema }: Way, columns: string[]): Promise<Sql> {
  return scan(lake.table(tablePath('bronze', schema)), bronze, { columns })
}
