// Silver of a few keys made anew from all of their events, because records came into bronze, or became readable, behind later ones.
// Guarantee: these keys stand in silver, history and markers as a rebuild of the table would have them; no other key is touched.
import { type CommitOptions, commit } from '../../lake/commit.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { failPoint } from '../../lake/fail-point.ts'
import { goneFiles } from '../../lake/gone-files.ts'
import { LakeError } from '../../lake/lake-error.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { mergeFiles } from '../../lake/merge.ts'
import { scan } from '../../lake/scan.ts'
import type { Field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { withMissing } from '../../lake/with-missing.ts'
import { writeFile } from '../../lake/write.ts'
import { apply, type Way } from '../apply.ts'
import { typeChanges } from '../changes.ts'
import { type Collapsed, TableHalted } from '../collapse.ts'
import { eventsOfKeys } from '../events-of-keys.ts'
import { bronzeColumnsRead } from '../own-columns.ts'
import { evolved, type Publish, readState } from '../silver.ts'
import { paths, type SilverPart, type SilverTables, silverParts } from '../silver-parts.ts'
import type { TableName } from '../source-schema.ts'
import { mendsOf, placesOf } from './mends.ts'

export interface Remaking {
  bronze: Snapshot
  tables: SilverTables
  /** The bronze version that holds the mend. */
  version: number
  /** The decision that it carries out. */
  mend: string
  /** Where the silver tables' files are, if not in the lake itself. */
  silver?: Lakehouse
  /** Instead of a commit to the lake. */
  publish?: Publish
}

/** Takes one bronze version that carries out a mend. Throws TableHalted where only a rebuild can. */
export async function remakeKeys(duck: Duck, way: Way, options: Remaking): Promise<{ rows: number; collapsed: Collapsed }> {
  const { lake, schema } = way
  const { tables, version, silver = lake } = options
  if (schema.primaryKey.length === 0) throw onlyRebuild(schema, 'records of a table without a primary key were mended')
  const bronze = await bronzeAt(way, options)
  const mends = (await mendsOf(duck, lake, schema)).filter(mend => mend.id === options.mend)
  await keysToRemake(duck, way, { bronze, places: placesOf(mends) })
  const events = await eventsOfKeys(duck, way, { bronze, keys: sql`SELECT * FROM remade_keys` })
  const nothing = { current: undefined, history: undefined, deleted: undefined }
  const empty: SilverTables = { ...tables, ...nothing, taken: { current: -1, history: -1, deleted: -1 } }
  const collapsed = await apply(duck, way, { bronze, tables: empty, files: events.files, silver, only: events })
  // What silver holds of these keys now is what goes.
  await readState(duck, silver, tables)
  const publish: Publish =
    options.publish ?? (async (path, wanted) => void lake.committed(path, await commit(lake.table(path), wanted)))
  for (const part of silverParts(tables, way.mask)) {
    if (part.taken >= version && part.path !== paths(tables.name).current) continue
    const fields = evolved(part.path, part.base, part.wanted)
    const written = await replaceKeys(duck, silver, { part, fields, key: tables.key })
    await publish(part.path, {
      base: part.base,
      mode: 'merge',
      operation: 'MERGE',
      metaData: { fields, name: part.name, configuration: part.configuration },
      txns: [{ appId: bronze.metaData.id, version: BigInt(version) }],
      ...written,
      userMetadata: JSON.stringify({ bronzeVersion: version, mend: options.mend, ...collapsed }),
    })
    if (part.committed) failPoint(part.committed)
  }
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM applied`)
  return { rows: Number(count!.n), collapsed }
}

/** Bronze as it was at the mend: what came later is taken by the next step. */
async function bronzeAt({ lake, schema }: Way, { bronze, version }: Remaking): Promise<Snapshot> {
  if (bronze.version === version) return bronze
  const table = lake.table(tablePath('bronze', schema))
  try {
    const then = (await loadSnapshot(table, { version }))!
    const replaced = [...then.files.keys()].filter(file => !bronze.files.has(file))
    if ((await goneFiles(table, replaced)).length === 0) return then
  } catch (error) {
    if (!(error instanceof LakeError && error.code === 'LAKE_VERSION_GONE')) throw error
  }
  throw onlyRebuild(schema, `bronze no longer holds its version ${version}, in which records were mended`)
}

function onlyRebuild({ database, table }: TableName, why: string): TableHalted {
  return new TableHalted(`${database}.${table}: ${why}; bring silver on with \`binlake replay ${database}.${table}\``)
}

/** Temp table `remade_keys`: the keys, as silver has them, of the records at these places. */
async function keysToRemake(
  duck: Duck,
  { lake, schema, mask }: Way,
  { bronze, places }: { bronze: Snapshot; places: Sql },
): Promise<void> {
  const columns = [...bronzeColumnsRead, '_topic']
  const rows = await scan(lake.table(tablePath('bronze', schema)), bronze, { columns })
  const mended = sql`(SELECT row.* EXCLUDE (_topic) FROM ${rows} AS row SEMI JOIN ${places} AS place
    ON row._topic = place._topic AND row._partition = place._partition AND row._offset BETWEEN place._from AND place._to)`
  if (await duck.row(sql`SELECT 1 FROM ${mended} WHERE _op = 't' LIMIT 1`))
    throw onlyRebuild(schema, 'a TRUNCATE was mended, which concerns every row')
  await typeChanges(duck, mended, { schema, mask })
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE remade_keys AS SELECT DISTINCT ${columnsOf(mask.primaryKey)} FROM changes WHERE NOT _bad`,
  )
}

type Replacing = { part: SilverPart; fields: readonly Field[]; key: readonly string[] }

/** The files of one table's commit: those that held the keys go, their other rows and the keys' new ones come. */
async function replaceKeys(
  duck: Duck,
  lake: Lakehouse,
  { part, fields, key }: Replacing,
): Promise<Pick<CommitOptions, 'adds' | 'removes'>> {
  const { base, stats, heldIn } = part
  const table = lake.table(part.path)
  const rows = withMissing(part.rows, fields, part.wanted)
  if (heldIn) {
    const held = sql`SELECT ${columnsOf(key)}, ${id(heldIn)} AS _path FROM state WHERE ${id(heldIn)} IS NOT NULL`
    const { adds, removes } = await mergeFiles(duck, table, { base, fields, keyColumns: key, rows, held, stats })
    return { adds, removes }
  }
  const removes = base ? await filesHolding(duck, lake, { part, base, key }) : []
  const adds = []
  for (const path of removes) {
    const old = await scan(table, base!, { files: [base!.files.get(path)!] })
    const kept = sql`SELECT * FROM ${old} ANTI JOIN remade_keys USING (${columnsOf(key)})`
    const add = await writeFile(duck, table, { select: withMissing(kept, fields, base!.fields), fields, stats })
    if (add) adds.push(add)
  }
  const add = await writeFile(duck, table, { select: rows, fields, stats })
  if (add) adds.push(add)
  return { adds, removes }
}

/** Logged paths of the files that have rows of the keys. */
async function filesHolding(
  duck: Duck,
  lake: Lakehouse,
  { part, base, key }: { part: SilverPart; base: Snapshot; key: readonly string[] },
): Promise<string[]> {
  const rows = await scan(lake.table(part.path), base, { columns: key, fileColumn: '_path' })
  const found = await duck.rows<{ path: string }>(
    sql`SELECT DISTINCT _path AS path FROM ${rows} SEMI JOIN remade_keys USING (${columnsOf(key)})`,
  )
  return found.map(({ path }) => path)
}

function columnsOf(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
