// Silver of a few keys made anew from all of their events, because records came into bronze, or became readable, behind later ones.
// Guarantee: these keys stand in silver, history and markers as a rebuild of the table would have them; no other key is touched.
import { type CommitOptions, commit } from '../../lake/commit.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { failPoint } from '../../lake/fail-point.ts'
import { goneFiles } from '../../lake/gone-files.ts'
import { LakeError } from '../../lake/lake-error.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { locate } from '../../lake/locate.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { mergeFiles } from '../../lake/merge.ts'
import { scan } from '../../lake/scan.ts'
import type { Field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { withMissing } from '../../lake/with-missing.ts'
import { writeFile } from '../../lake/write.ts'
import type { Way } from '../apply.ts'
import { typeChanges } from '../changes.ts'
import { eventRows } from '../order/event-rows.ts'
import { eventsOfKeys } from '../order/events-of-keys.ts'
import { TableHalted } from '../order/table-halted.ts'
import { bronzeColumnsRead } from '../own-columns.ts'
import { buildAside, partNames } from '../replay/build-aside.ts'
import { scratchLake } from '../replay/scratch-lake.ts'
import { evolved, type Publish } from '../silver.ts'
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
  /** False: nothing is written to quarantine. */
  setAside?: boolean
}

/** Takes one bronze version that carries out a mend; gives how many changes make the keys up. Throws TableHalted where only a rebuild can. */
export async function remakeKeys(duck: Duck, way: Way, options: Remaking): Promise<{ rows: number }> {
  const { lake, schema } = way
  const { tables, version, silver = lake, setAside = true } = options
  if (schema.primaryKey.length === 0) throw onlyRebuild(schema, 'records of a table without a primary key were mended')
  const bronze = await bronzeAt(way, options)
  const mends = (await mendsOf(duck, lake, schema)).filter(mend => mend.id === options.mend)
  await keysToRemake(duck, way, { bronze, places: placesOf(mends) })
  const only = await eventsOfKeys(duck, way, { bronze, keys: sql`SELECT * FROM remade_keys` })
  await using scratch = await scratchLake()
  const aside = await buildAside(duck, way, { bronze, lake: scratch.lake, setAside, only })
  const publish: Publish =
    options.publish ?? (async (path, wanted) => void lake.committed(path, await commit(lake.table(path), wanted)))
  for (const part of silverParts(tables, way.mask)) {
    const { path, base, taken, name, configuration, committed } = part
    if (taken >= version && path !== paths(tables.name).current) continue
    const built = aside.tables[partNames.find(one => paths(tables.name)[one] === path)!]!
    const fields = evolved(path, base, built.fields)
    const rows = withMissing(await scan(scratch.lake.table(path), built), fields, built.fields)
    const written = await replaceKeys(duck, silver, { part, fields, rows, key: tables.key })
    await publish(path, {
      base,
      mode: 'merge',
      operation: 'MERGE',
      metaData: { fields, name, configuration },
      txns: [{ appId: bronze.metaData.id, version: BigInt(version) }],
      ...written,
      userMetadata: JSON.stringify({ bronzeVersion: version, mend: options.mend }),
    })
    if (committed) failPoint(committed)
  }
  return { rows: aside.changes }
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
  const among = {
    columns: ['_topic', '_epoch', '_partition', '_offset'],
    rows: (rows: Sql) => sql`(SELECT row.* FROM ${rows} AS row SEMI JOIN ${places} AS place
      ON row._topic = place._topic AND coalesce(row._epoch, 0) = place._life AND row._partition = place._partition AND row._offset BETWEEN place._from AND place._to)`,
  }
  const files = [...bronze.files.values()]
  const mended = await eventRows({ duck, lake }, schema, { bronze, files, columns: bronzeColumnsRead, among })
  if (await duck.row(sql`SELECT 1 FROM ${mended} WHERE _op = 't' LIMIT 1`))
    throw onlyRebuild(schema, 'a TRUNCATE was mended, which concerns every row')
  await typeChanges(duck, mended, { schema, mask })
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE remade_keys AS SELECT DISTINCT ${columnsOf(mask.primaryKey)} FROM changes WHERE NOT _bad`,
  )
}

type Replacing = { part: SilverPart; fields: readonly Field[]; rows: Sql; key: readonly string[] }

/** The files of one table's commit: those that held the keys go, their other rows and the keys' new ones come. */
async function replaceKeys(
  duck: Duck,
  lake: Lakehouse,
  { part, fields, rows, key }: Replacing,
): Promise<Pick<CommitOptions, 'adds' | 'removes'>> {
  const { base, stats, path, mode } = part
  const table = lake.table(path)
  if (mode === 'merge') {
    const keys = sql`SELECT * FROM remade_keys`
    const found = base && (await locate(duck, table, base, { keys, keyColumns: key }))
    const none = sql`(SELECT *, NULL::VARCHAR AS _path FROM remade_keys WHERE false)`
    const held = sql`SELECT ${columnsOf(key)}, _path FROM ${found ?? none}`
    const { adds, removes } = await mergeFiles(duck, table, { base, fields, keyColumns: key, rows, held, stats })
    return { adds, removes }
  }
  const removes = base ? await filesHolding(duck, lake, { path, base, key }) : []
  const adds = []
  for (const file of removes) {
    const old = await scan(table, base!, { files: [base!.files.get(file)!] })
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
  { path, base, key }: { path: string; base: Snapshot; key: readonly string[] },
): Promise<string[]> {
  const rows = await scan(lake.table(path), base, { columns: key, fileColumn: '_path' })
  const found = await duck.rows<{ path: string }>(
    sql`SELECT DISTINCT _path AS path FROM ${rows} SEMI JOIN remade_keys USING (${columnsOf(key)})`,
  )
  return found.map(({ path }) => path)
}

function columnsOf(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
