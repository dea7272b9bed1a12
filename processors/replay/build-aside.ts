// Silver's three tables built from bronze in a place of their own: all of a table for a rebuild or a proof, or a few of its keys.
// Guarantee: the same steps as merges, cut where theirs must be; the live tables are not touched.
import type { Add, Commit } from '../../lake/actions.ts'
import type { CommitOptions } from '../../lake/commit.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { ourProtocol } from '../../lake/protocol.ts'
import { schemaString } from '../../lake/schema.ts'
import { replay as fold, type Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { apply, type BronzePart, type Way } from '../apply.ts'
import type { EventsOfKeys } from '../order/events-of-keys.ts'
import { hasSeveralPartitions } from '../order/truncates.ts'
import { mergeSilver, type Publish } from '../silver.ts'
import { paths, type SilverTables } from '../silver-parts.ts'
import { applySweep } from '../snapshots/apply-sweep.ts'
import { segmentsOf } from '../snapshots/segments.ts'

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
  /** Only these keys. */
  only?: EventsOfKeys
  /** Sees each step's temp tables `changes` and `applied`. */
  onApplied?: () => Promise<void>
}

/** Builds all three tables from the whole of `bronze`, in one step that spills to disk where memory ends. */
export async function buildAside(
  duck: Duck,
  way: Way,
  { bronze, lake, setAside, only: keys, onApplied }: AsideOptions,
): Promise<Aside> {
  const nothing = { current: undefined, history: undefined, deleted: undefined }
  const taken = { current: -1, history: -1, deleted: -1 }
  const aside: Aside = { lake, tables: { name: way.schema, key: way.mask.primaryKey, ...nothing, taken }, changes: 0 }
  const watched = onApplied ? { onApplied } : {}
  for (const segment of await segmentsOf(duck, way, bronze)) {
    // Each is as new to the tables aside as all of bronze.
    Object.assign(taken, { current: -1, history: -1, deleted: -1 })
    const narrowed = keys && !('sweep' in segment) ? { only: keys, files: filesOf(way, keys, bronze) } : {}
    await takeStep(duck, way, aside, { bronze, ...segment, ...narrowed, ...watched, version: bronze.version, setAside })
  }
  return aside
}

/** Where a held change begins, and in which order partitions arrived, is seen in all of bronze only. */
function filesOf({ schema }: Way, keys: EventsOfKeys, bronze: Snapshot): Add[] {
  return schema.timeline?.held || hasSeveralPartitions(bronze) ? [...bronze.files.values()] : keys.files
}

/** One step of the tables aside. */
export interface Taking {
  bronze: Snapshot
  files: Add[]
  version: number
  setAside: boolean
  sweep?: string
  only?: EventsOfKeys
  part?: BronzePart
  onApplied?: () => Promise<void>
}

/** Takes one step into the tables aside. */
export async function takeStep(duck: Duck, way: Way, aside: Aside, taking: Taking): Promise<void> {
  const { bronze, files, version, setAside, sweep, only, part } = taking
  const { tables, lake } = aside
  const collapsed =
    sweep === undefined
      ? await apply(duck, way, {
          bronze,
          tables,
          files,
          silver: lake,
          setAside,
          ...(only ? { only } : {}),
          ...(part ? { part } : {}),
        })
      : await applySweep(duck, way, { bronze, tables, sweep, silver: lake })
  await taking.onApplied?.()
  // They hold every change once more; the disk they spill to is wanted for what comes.
  await duck.run(sql`DROP TABLE changes; DROP TABLE IF EXISTS events`)
  const { rows } = await mergeSilver(duck, lake, {
    tables,
    mask: way.mask,
    bronzeId: bronze.metaData.id,
    version,
    userMetadata: JSON.stringify({ bronzeVersion: version, ...collapsed }),
    publish: publishAside(aside, version),
  })
  await duck.run(sql`DROP TABLE applied`)
  aside.changes += rows
}

/** Instead of commits: the tables aside become what they would leave. */
export function publishAside({ tables }: Aside, version: number): Publish {
  const at = paths(tables.name)
  return async (path, wanted) => {
    const part = partNames.find(name => at[name] === path)!
    tables[part] = committed(wanted)
    tables.taken[part] = version
  }
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
