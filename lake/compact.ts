// Joins small files into larger ones: the same rows in fewer files (lake-spec §3.9, §5).
// Guarantee: a group is swapped in one commit that changes no row; whoever changed one of its files first wins, and the group is dropped.
import type { Add } from './actions.ts'
import { commit } from './commit.ts'
import { ConflictError } from './conflict.ts'
import type { Duck } from './duckdb.ts'
import { rowsIn, sizeOf } from './facts.ts'
import { failPoint } from './fail-point.ts'
import { LakeError } from './lake-error.ts'
import { loadSnapshot } from './log.ts'
import { dataPath } from './path.ts'
import { scan } from './scan.ts'
import type { Snapshot } from './snapshot.ts'
import { sortableParts } from './sortable.ts'
import type { Sql } from './sql.ts'
import type { Table } from './table.ts'
import { writeFile } from './write.ts'

export interface CompactOptions {
  /** Live files to join, group by group (compact-plan.ts). */
  groups: readonly (readonly Add[])[]
  /** Order of rows inside a file; default: that of the group's files, one behind the other (with one thread). */
  sortBy?: Sql | undefined
  /** Bytes, uncompressed, that are sorted at once; a group of more is joined in parts. Default: no limit. */
  sortable?: number | undefined
  rowGroupSize?: number | undefined
  /** Ends it before the next group. */
  signal?: AbortSignal | undefined
  /** Hears of each commit. */
  onCommit?: (snapshot: Snapshot) => void
}

export interface Compacted {
  /** The newest version seen. */
  snapshot: Snapshot
  /** Files and bytes that were joined, and what was made of them. */
  before: { files: number; bytes: number }
  after: { files: number; bytes: number }
  /** Groups given up because another writer was first. */
  dropped: number
}

/** Joins one group after the other; only one is in memory. Throws the store's errors, and LAKE_CORRUPT_LOG if rows are missing. */
export async function compact(duck: Duck, table: Table, snapshot: Snapshot, options: CompactOptions): Promise<Compacted> {
  const done: Compacted = { snapshot, before: { files: 0, bytes: 0 }, after: { files: 0, bytes: 0 }, dropped: 0 }
  for (const group of await parts(duck, table, snapshot, options)) {
    if (options.signal?.aborted) break
    if (!group.every(({ path }) => done.snapshot.files.has(path))) {
      done.dropped++
      continue
    }
    const add = await join(duck, table, done.snapshot, { ...options, group })
    failPoint('compact:written')
    const after = await swap(table, done.snapshot, { group, add })
    if (!after) {
      done.dropped++
      await table.store.delete(dataPath(table, add.path))
      done.snapshot = (await loadSnapshot(table, { known: done.snapshot }))!
      continue
    }
    done.snapshot = after
    done.before.files += group.length
    done.before.bytes += sizeOf(group).bytes
    done.after.files++
    done.after.bytes += add.size
    options.onCommit?.(after)
  }
  return done
}

type Group = readonly Add[]

async function parts(
  duck: Duck,
  table: Table,
  snapshot: Snapshot,
  { groups, sortBy, sortable }: CompactOptions,
): Promise<readonly Group[]> {
  if (!sortBy || sortable === undefined) return groups
  const all: Group[] = []
  for (const group of groups) all.push(...(await sortableParts(duck, table, { snapshot, group, most: sortable })))
  return all
}

async function join(duck: Duck, table: Table, snapshot: Snapshot, options: CompactOptions & { group: Group }): Promise<Add> {
  const { group, sortBy, rowGroupSize } = options
  const add = await writeFile(duck, table, {
    select: await scan(table, snapshot, { files: group }),
    fields: snapshot.fields,
    partition: group[0]!.partitionValues,
    stats: boundedColumns(group),
    ...(sortBy ? { sortBy } : {}),
    ...(rowGroupSize ? { rowGroupSize } : {}),
  })
  const [expected, written] = [rowsOf(group), add && rowsIn(add)]
  if (add && (expected === undefined || expected === written)) return add
  if (add) await table.store.delete(dataPath(table, add.path))
  throw new LakeError(
    'LAKE_CORRUPT_LOG',
    `${table.path}: ${group.length} files should hold ${expected} rows and hold ${written ?? 0}; they were left as they are`,
  )
}

/** The version that has the joined file; undefined if another writer changed one of the group's files. */
async function swap(table: Table, base: Snapshot, { group, add }: { group: Group; add: Add }): Promise<Snapshot | undefined> {
  try {
    return await commit(table, {
      base,
      mode: 'compaction',
      operation: 'OPTIMIZE',
      removes: group.map(({ path }) => path),
      adds: [add],
    })
  } catch (error) {
    if (error instanceof ConflictError && error.retryable) return undefined
    throw error
  }
}

/** Columns whose bounds every file of the group has in the log: the joined file says no more than they did. */
function boundedColumns(group: Group): string[] {
  const columns = group.map(({ stats }) => {
    const { minValues } = stats ? (JSON.parse(stats) as { minValues?: object }) : {}
    return new Set(Object.keys(minValues ?? {}))
  })
  return [...columns[0]!].filter(name => columns.every(names => names.has(name)))
}

/** Undefined if a file does not say. */
function rowsOf(files: Group): number | undefined {
  return files.every(file => rowsIn(file) !== undefined) ? sizeOf(files).rows : undefined
}
