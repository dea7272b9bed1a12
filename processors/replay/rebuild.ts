// One table's silver built anew from bronze, beside what it holds: new files that no log names yet, put in place by one commit a table.
// Guarantee: readers see the old table or the new one; a crash between the commits leaves tables that the next run or replay brings together.
import { randomUUID } from 'node:crypto'
import type { Add, Commit } from '../../lake/actions.ts'
import { type CommitOptions, commit } from '../../lake/commit.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { failPoint } from '../../lake/fail-point.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { ourProtocol } from '../../lake/protocol.ts'
import { schemaString } from '../../lake/schema.ts'
import { replay as fold, type Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { apply, openBronze, type Way } from '../apply.ts'
import type { EventsOfKeys } from '../events-of-keys.ts'
import { nextFiles } from '../next-files.ts'
import { remakeKeys } from '../quarantine/remake-keys.ts'
import { mergeSilver, type Publish } from '../silver.ts'
import { paths, type SilverTables } from '../silver-parts.ts'
import { applySweep } from '../snapshots/apply-sweep.ts'
import { segmentsOf } from '../snapshots/segments.ts'
import { takenBy } from '../taken.ts'
import { rememberBefore } from './before-rebuild.ts'

/** In the order of their commits: history may be ahead of silver, never behind. */
export const partNames = ['history', 'deleted', 'current'] as const
export type PartName = (typeof partNames)[number]

/** Silver's three tables as they will be: snapshots of no log, whose files are in `lake`. */
export interface Aside {
  lake: Lakehouse
  tables: SilverTables
  /** Changes that make them up. */
  changes: number
}

export interface AsideOptions {
  /** Bronze at the version to build up to. */
  bronze: Snapshot
  /** Where the new files go: the lake itself, or a scratch place. */
  lake: Lakehouse
  /** False: nothing is written to quarantine. */
  setAside: boolean
}

/** Builds all three tables from the whole of `bronze`, in one step that spills to disk where memory ends. */
export async function buildAside(duck: Duck, way: Way, { bronze, lake, setAside }: AsideOptions): Promise<Aside> {
  const nothing = { current: undefined, history: undefined, deleted: undefined }
  const taken = { current: -1, history: -1, deleted: -1 }
  const aside: Aside = { lake, tables: { name: way.schema, key: way.mask.primaryKey, ...nothing, taken }, changes: 0 }
  for (const segment of await segmentsOf(duck, way, bronze)) {
    // Each is as new to the tables aside as all of bronze.
    Object.assign(taken, { current: -1, history: -1, deleted: -1 })
    await take(duck, way, aside, { bronze, ...segment, version: bronze.version, setAside })
  }
  return aside
}

/** Brings the tables aside to bronze as it is now, in steps of `maxRows`. */
export async function advance(duck: Duck, way: Way, aside: Aside, { maxRows }: { maxRows: number }): Promise<void> {
  const bronze = (await openBronze(way))!
  while (aside.tables.taken.current < bronze.version) {
    const next = await nextFiles(way.lake, bronze, { tables: aside.tables, maxRows })
    await take(duck, way, aside, { bronze, ...next, setAside: true })
  }
}

type Taking = {
  bronze: Snapshot
  files: Add[]
  version: number
  setAside: boolean
  mend?: string
  sweep?: string
  only?: EventsOfKeys
}

async function take(duck: Duck, way: Way, aside: Aside, taking: Taking): Promise<void> {
  const { bronze, files, version, setAside, mend, sweep, only } = taking
  const { tables, lake } = aside
  const at = paths(tables.name)
  const publish: Publish = async (path, wanted) => {
    const part = partNames.find(name => at[name] === path)!
    tables[part] = committed(wanted)
    tables.taken[part] = version
  }
  if (mend !== undefined) {
    const { rows } = await remakeKeys(duck, way, { bronze, tables, version, mend, silver: lake, publish })
    aside.changes += rows
    return
  }
  const collapsed =
    sweep === undefined
      ? await apply(duck, way, { bronze, tables, files, silver: lake, setAside, ...(only ? { only } : {}) })
      : await applySweep(duck, way, { bronze, tables, sweep, silver: lake })
  // They hold every change once more; the disk they spill to is wanted for what comes.
  await duck.run(sql`DROP TABLE changes; DROP TABLE IF EXISTS events`)
  const { rows } = await mergeSilver(duck, lake, {
    tables,
    mask: way.mask,
    bronzeId: bronze.metaData.id,
    version,
    userMetadata: JSON.stringify({ bronzeVersion: version, ...collapsed }),
    publish,
  })
  await duck.run(sql`DROP TABLE applied`)
  aside.changes += rows
}

/** The snapshot that a commit would leave. */
function committed({ base, metaData, txns = [], removes = [], adds = [] }: CommitOptions): Snapshot {
  const wanted = metaData!
  const next: Commit = {
    version: base ? base.version + 1 : 0,
    ...(base ? {} : { protocol: ourProtocol }),
    metaData: {
      id: 'aside',
      format: { provider: 'parquet', options: {} },
      schemaString: schemaString(wanted.fields),
      partitionColumns: [],
      configuration: { ...wanted.configuration },
    },
    txns: [...txns],
    removes: removes.map(path => ({ path, dataChange: true })),
    adds: [...adds],
  }
  return fold(base, [next])
}

/** Rivals may commit every few seconds, and each costs one round. */
const rounds = 10

/**
 * Puts the tables aside in the place of the live ones: brought to bronze as it is, then one commit a table. A rival in between begins a
 * new round, with what it took brought in. Throws ConflictError after ten rounds.
 */
export async function swap(duck: Duck, way: Way, aside: Aside, options: { bronzeId: string; maxRows: number }): Promise<void> {
  failPoint('rebuild:written')
  const before = { id: randomUUID(), versions: new Map<PartName, number>() }
  for (let round = 1; ; round++) {
    await advance(duck, way, aside, options)
    try {
      if (await swapOnce(way, aside, { bronzeId: options.bronzeId, before })) return
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error
    }
    const name = `${way.schema.database}.${way.schema.table}`
    if (round === rounds) {
      throw new ConflictError(
        `${name}: ${rounds} times another writer was first while the rebuilt table was put in place; stop \`binlake run\` for a moment and replay again`,
        true,
      )
    }
    way.log.info({ table: name, round }, 'another writer was first; bringing in what it took')
  }
}

/** False: a live table has taken more of bronze than the ones aside. `before` notes which version each table's first swap replaced. */
async function swapOnce(
  { lake, schema }: Way,
  { tables }: Aside,
  { bronzeId, before }: { bronzeId: string; before: { id: string; versions: Map<PartName, number> } },
): Promise<boolean> {
  const at = paths(schema)
  // History first: whoever moves silver on has moved history before, and then the commit to history finds its base gone.
  const live: [PartName, Snapshot | undefined][] = []
  for (const part of partNames) live.push([part, await lake.current(at[part])])
  if (live.some(([, snapshot]) => takenBy(snapshot, bronzeId) > tables.taken.current)) return false
  for (const [part, base] of live) {
    const built = tables[part]!
    const replaced = before.versions.get(part) ?? base?.version
    const snapshot = await commit(lake.table(at[part]), {
      base,
      mode: 'overwrite',
      operation: 'REBUILD',
      metaData: {
        fields: built.fields,
        name: at[part].slice(at[part].lastIndexOf('/') + 1),
        configuration: {
          ...built.metaData.configuration,
          ...rememberBefore({ version: replaced, id: before.id }),
        },
      },
      txns: [{ appId: bronzeId, version: BigInt(tables.taken.current) }],
      // A round before may have put some of them in place.
      removes: [...(base?.files.keys() ?? [])].filter(path => !built.files.has(path)),
      adds: [...built.files.values()].filter(({ path }) => !base?.files.has(path)),
      userMetadata: JSON.stringify({ bronzeVersion: tables.taken.current }),
    })
    if (replaced !== undefined) before.versions.set(part, replaced)
    lake.committed(at[part], snapshot)
    if (part === 'history') failPoint('rebuild:history-swapped')
  }
  return true
}
