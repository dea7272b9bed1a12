// `binlake quarantine replay`: quarantined records that can be read now, or that a person corrected, take their places.
// Guarantee: a mended record counts from its own place in Kafka, so that it never overwrites what came later; stopped anywhere, the same command goes on.
import { randomUUID } from 'node:crypto'
import type { Add } from '../../lake/actions.ts'
import { type CommitOptions, commit } from '../../lake/commit.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { failPoint } from '../../lake/fail-point.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { writeFile } from '../../lake/write.ts'
import type { Way } from '../apply.ts'
import { bounded, bronzeFields, ingestDate, rowGroupSize } from '../bronze.ts'
import { decideFor } from '../decisions.ts'
import type { TableName } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'
import { type Choice, chooseRecords } from './chosen.ts'
import { MendRefused } from './mend-refused.ts'
import { mendedRows } from './mended-rows.ts'
import { type Mend, mendAppId, mendsOf, placesOf, rangesOf } from './mends.ts'
import { settle } from './settle.ts'

export interface Mended {
  table: string
  /** Records that take their places now. */
  mended: number
  /** Those that still do not fit, by reason. */
  left: [reason: string, records: number][]
}

export interface MendOptions extends Choice {
  /** Instead of the original value of the one record that is chosen. */
  value?: Buffer
}

/** Brings the chosen records into bronze, or back into view. Silver takes them with its next steps. Throws QuarantineUnknown, MendRefused. */
export async function mend(duck: Duck, way: Way, options: MendOptions): Promise<Mended> {
  const { lake, schema } = way
  const { value, ...choice } = options
  const table = nameOf(schema)
  const count = await chooseRecords(duck, lake, { name: schema, ...choice })
  const bronze = await lake.current(tablePath('bronze', schema))
  if (count === 0 || !bronze) return { table, mended: 0, left: [] }
  if (value && count !== 1)
    throw new MendRefused(
      `${table}: a corrected value is for one record, and ${count} are meant; name it with --offset partition:offset`,
    )
  const decision = randomUUID()
  await mendedRows(duck, way, { bronze, decision, ...(value ? { value } : {}) })
  const fitting = await places(duck)
  const mended = fitting.reduce((sum, { count: n }) => sum + n, 0)
  if (mended > 0) {
    const content: Mend = {
      id: decision,
      how: value ? 'corrected' : 'mended',
      places: fitting.map(({ count: _, offsets, ...place }) => ({ ...place, offsets: rangesOf(offsets) })),
    }
    const news = await duck.row(sql`SELECT 1 FROM mended_rows UNION ALL SELECT 1 FROM fitting WHERE _step = 'silver' LIMIT 1`)
    // All of it is in bronze since an earlier try.
    if (news) {
      await decideFor({ duck, lake }, [{ table: nameIn(schema), kind: 'mend', content }])
      failPoint('quarantine:decided')
      await toBronze(duck, way, { bronze, decision })
      failPoint('quarantine:in-bronze')
    }
    await settle({ duck, lake }, schema, { places: sql`SELECT * FROM fitting`, how: 'mended', because: null })
    failPoint('quarantine:settled')
  }
  const left = await duck.rows<{ reason: string; n: bigint }>(
    sql`SELECT _reason AS reason, count(*) AS n FROM unfit GROUP BY ALL ORDER BY n DESC, reason`,
  )
  return { table, mended, left: left.map(({ reason, n }) => [reason, Number(n)]) }
}

/** Gives the chosen records up: their bytes go, their places and the reason stay. Returns how many. Throws QuarantineUnknown. */
export async function drop(
  duck: Duck,
  way: { lake: Lakehouse; name: TableName },
  options: Choice & { because: string },
): Promise<number> {
  const { lake, name } = way
  const { because, ...choice } = options
  if ((await chooseRecords(duck, lake, { name, ...choice })) === 0) return 0
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE fitting AS SELECT * FROM chosen`)
  const content: Mend = {
    id: randomUUID(),
    how: 'dropped',
    because,
    places: (await places(duck)).map(({ count: _, offsets, ...place }) => ({ ...place, offsets: rangesOf(offsets) })),
  }
  await decideFor({ duck, lake }, [{ table: nameIn(name), kind: 'mend', content }])
  failPoint('quarantine:decided')
  await tellSilver(duck, { lake, name }, content)
  return settle({ duck, lake }, name, { places: sql`SELECT * FROM fitting`, how: 'dropped', because })
}

/** Somebody else may have brought the records in at the same moment: then silver has them, and this, the newer decision, takes them out again. */
async function tellSilver(duck: Duck, { lake, name }: { lake: Lakehouse; name: TableName }, dropped: Mend): Promise<void> {
  const mends = await mendsOf(duck, lake, name)
  const others = mends.filter(({ how }) => how !== 'dropped')
  const met = await duck.row(sql`SELECT 1 FROM ${placesOf([dropped])} AS own JOIN ${placesOf(others)} AS other
    USING (_topic, _life, _partition) WHERE own._from <= other._to AND other._from <= own._to LIMIT 1`)
  if (!met) return
  const path = tablePath('bronze', name)
  const bronze = await lake.current(path)
  if (bronze) await commitMend(lake, path, { bronze, decision: dropped.id })
}

interface FittingPlaces {
  topic: string
  life: number
  partition: number
  offsets: bigint[]
  count: number
}

async function places(duck: Duck): Promise<FittingPlaces[]> {
  const rows = await duck.rows<Omit<FittingPlaces, 'count'>>(sql`
    SELECT _topic AS topic, _life AS life, _partition AS partition, list(_offset ORDER BY _offset) AS offsets FROM fitting GROUP BY ALL ORDER BY ALL`)
  return rows.map(row => ({ ...row, count: row.offsets.length }))
}

/** One commit that holds the rows, if any, and tells silver that keys must be made anew. */
async function toBronze(
  duck: Duck,
  { lake, schema }: Way,
  { bronze, decision }: { bronze: Snapshot; decision: string },
): Promise<void> {
  const path = tablePath('bronze', schema)
  const { partitionColumns } = bronze.metaData
  const partitioned = partitionColumns.includes(ingestDate.name)
  const fields = partitioned ? bronzeFields : bronzeFields.filter(column => column !== ingestDate)
  const add = await writeFile(duck, lake.table(path), {
    select: sql`SELECT * FROM mended_rows`,
    fields,
    stats: bounded,
    rowGroupSize,
    partition: Object.fromEntries(partitionColumns.map(name => [name, new Date().toISOString().slice(0, 10)])),
  })
  await commitMend(lake, path, { bronze, decision, metaData: { fields, partitionColumns }, ...(add ? { add } : {}) })
}

async function commitMend(
  lake: Lakehouse,
  path: string,
  { bronze, decision, metaData, add }: { bronze: Snapshot; decision: string; metaData?: CommitOptions['metaData']; add?: Add },
): Promise<void> {
  const snapshot = await commit(lake.table(path), {
    base: bronze,
    mode: 'append',
    operation: 'STREAMING UPDATE',
    ...(metaData ? { metaData } : {}),
    txns: [{ appId: mendAppId, version: (bronze.txns.get(mendAppId) ?? 0n) + 1n }],
    adds: add ? [add] : [],
    userMetadata: JSON.stringify({ mend: decision }),
  })
  lake.committed(path, snapshot)
}

function nameIn({ database, table }: TableName): TableName {
  return { database, table }
}
