// Rows of silver that are not what bronze makes of them (a damaged file, another writer): put back as a rebuild would have them.
// Guarantee: only rows of the asked keys change, and only where they differ from what bronze says; bronze, history and markers are not touched.

import { mkdir, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openStore } from '../../connectors/open-store.ts'
import { commit } from '../../lake/commit.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { Lakehouse } from '../../lake/lakehouse.ts'
import { locate } from '../../lake/locate.ts'
import { mergeFiles } from '../../lake/merge.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { withMissing } from '../../lake/with-missing.ts'
import type { Way } from '../apply.ts'
import { openTable } from '../open-table.ts'
import { eventsOfKeys } from '../order/events-of-keys.ts'
import { refine } from '../refine.ts'
import { buildAside } from '../replay/build-aside.ts'
import { silverParts } from '../silver-parts.ts'

const tries = 5

/** `keys` is a query for keys as silver has them. Gives the number of rows put back, taken out or changed. */
export async function remakeDamaged(
  duck: Duck,
  way: Way,
  { keys, scratch, maxRows }: { keys: Sql; scratch: string; maxRows: number },
): Promise<number> {
  for (let tried = 1; ; tried++) {
    try {
      // Bronze and silver at one version: what the line has not taken yet is taken here.
      while ((await refine(duck, { ...way, maxRows }))?.more);
      return await remakeOnce(duck, way, { keys, scratch })
    } catch (error) {
      if (!(error instanceof ConflictError && error.retryable) || tried === tries) throw error
    }
  }
}

async function remakeOnce(duck: Duck, way: Way, { keys, scratch }: { keys: Sql; scratch: string }): Promise<number> {
  const { schema, mask } = way
  const open = await openTable(way)
  if (!open) return 0
  const { bronze, tables } = open
  if (!tables.current || tables.taken.current !== bronze.version) return 0
  const folder = joinPath(scratch, 'remade')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const store = await openStore(pathToFileURL(folder).href, { cacheDir: joinPath(folder, 'cache') })
  try {
    const only = await eventsOfKeys(duck, way, { bronze, keys })
    const aside = await buildAside(duck, way, { bronze, lake: new Lakehouse(store), setAside: false, only })
    const built = aside.tables.current!
    return await putBack(duck, way, {
      keys,
      part: silverParts(tables, mask)[2],
      base: tables.current,
      rows: withMissing(
        sql`SELECT * FROM ${await scan(aside.lake.table(`silver/${schema.database}/${schema.table}`), built)}`,
        tables.current.fields,
        built.fields,
      ),
    })
  } finally {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
}

type PuttingBack = { keys: Sql; part: ReturnType<typeof silverParts>[2]; base: Snapshot; rows: Sql }

async function putBack(duck: Duck, { lake, mask }: Way, { keys, part, base, rows }: PuttingBack): Promise<number> {
  const key = mask.primaryKey
  const by = join(key.map(name => id(name)))
  const all = base.fields.map(({ name }) => name)
  const live = await locate(duck, lake.table(part.path), base, {
    keys,
    keyColumns: key,
    columns: all.filter(name => !key.includes(name)),
  })
  const nothing = await scan(lake.table(part.path), base, { files: [], fileColumn: '_path' })
  const values = join(all.map(name => id(name)))
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_live AS SELECT ${values}, _path FROM ${live ?? nothing}`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_built AS SELECT ${values} FROM (${rows})`)
  // As multisets: a damaged file may hold a row twice.
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_damaged AS SELECT DISTINCT ${by} FROM (
    (SELECT ${values} FROM verify_live EXCEPT ALL SELECT ${values} FROM verify_built)
    UNION ALL (SELECT ${values} FROM verify_built EXCEPT ALL SELECT ${values} FROM verify_live))`)
  try {
    const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM verify_damaged`)
    if (count!.n === 0n) return 0
    const { adds, removes } = await mergeFiles(duck, lake.table(part.path), {
      base,
      fields: base.fields,
      keyColumns: key,
      rows: sql`SELECT * FROM verify_built SEMI JOIN verify_damaged USING (${by})`,
      held: sql`SELECT DISTINCT ${by}, _path FROM verify_live SEMI JOIN verify_damaged USING (${by})`,
      stats: part.stats,
    })
    const committed = await commit(lake.table(part.path), {
      base,
      mode: 'merge',
      operation: 'MERGE',
      removes,
      adds,
      userMetadata: JSON.stringify({ repaired: Number(count!.n) }),
    })
    lake.committed(part.path, committed)
    return Number(count!.n)
  } finally {
    await duck.run(sql`DROP TABLE IF EXISTS verify_live; DROP TABLE IF EXISTS verify_built; DROP TABLE IF EXISTS verify_damaged`)
  }
}
