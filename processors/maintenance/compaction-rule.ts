// How each kind of table is compacted: which files may be joined, in which order, sorted by what (lake-spec §4, §5).
// Guarantee: pure; needs no policy, because a joined file says no more in the log than its parts did.
import type { Add } from '../../lake/actions.ts'
import { type CompactionRule, planCompaction } from '../../lake/compact-plan.ts'
import { factsOf } from '../../lake/facts.ts'
import { fileSize, largeFiles } from '../../lake/file-size.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql } from '../../lake/sql.ts'
import { isHistory, primaryKey } from '../../sql/views.ts'
import { ingestDate, rowGroupSize } from '../bronze.ts'

export interface CompactionPlan {
  groups: Add[][]
  sortBy: Sql | undefined
  rowGroupSize: number | undefined
}

/** A batch that began before midnight may be committed after it. */
const lateness = 3_600_000

export interface PlanOptions {
  /** Milliseconds since 1970. */
  now: number
  /** Logged paths of files that stay as they are. */
  leave: ReadonlySet<string>
  /** Fewer neighbours than this are not worth a commit. */
  minFiles: number
}

/** What to join in a table now. */
export function planTable(zone: string, snapshot: Snapshot, { now, leave, minFiles }: PlanOptions): CompactionPlan {
  const files = [...snapshot.files.values()].filter(({ path }) => !leave.has(path))
  const { orderBy, sortBy, rule, rowGroupSize } = ruleOf(zone, snapshot, now)
  return {
    groups: planCompaction(inOrder(files, orderBy), { ...rule, minFiles }),
    sortBy: sortBy && columns(sortBy),
    rowGroupSize,
  }
}

interface TableRule {
  /** The column by whose smallest value files are neighbours. */
  orderBy?: string
  sortBy?: string[]
  rule: CompactionRule
  rowGroupSize: number | undefined
}

function ruleOf(zone: string, snapshot: Snapshot, now: number): TableRule {
  const names = snapshot.fields.map(({ name }) => name)
  const key = primaryKey(snapshot.metaData.configuration) ?? []
  if (zone === 'bronze') {
    const rule = { target: largeFiles.target, settled: dayIsOver(now) }
    // Its rows are wide, and in order already: file by file they go through in little memory.
    return { orderBy: '_offset', rule, rowGroupSize }
  }
  // In time one behind the other, and by key inside: a key's versions lie together in each of few files.
  if (isHistory(names)) {
    return { orderBy: '_seq', sortBy: [...key, '_seq'], rule: { target: largeFiles.target }, rowGroupSize: undefined }
  }
  const { bytes: live } = factsOf(snapshot)
  const rule = { target: fileSize(live).target }
  return key.length > 0
    ? { orderBy: key[0]!, sortBy: key, rule, rowGroupSize: undefined }
    : { rule: { target: zone === 'quarantine' ? largeFiles.target : rule.target }, rowGroupSize: undefined }
}

/** Bronze's partitions of days gone by get no more rows. */
function dayIsOver(now: number): (values: Record<string, string | null>) => boolean {
  const today = new Date(now - lateness).toISOString().slice(0, 10)
  return values => {
    const day = values[ingestDate.name]
    return day !== undefined && day !== null && day < today
  }
}

/** By the smallest value of a column if every file tells it, else by age. */
function inOrder(files: readonly Add[], column: string | undefined): Add[] {
  const keyed = files.map(add => ({ add, low: column === undefined ? undefined : lowest(add, column) }))
  const all = keyed.every(({ low }) => low !== undefined)
  const place = ({ add, low }: (typeof keyed)[number]) => (all ? low! : add.modificationTime)
  return keyed
    .sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : a.add.path < b.add.path ? -1 : 1))
    .map(({ add }) => add)
}

/** Beyond 2^53 neighbours may change places, which costs nothing but order. */
function lowest({ stats }: Add, column: string): number | string | undefined {
  if (!stats?.includes('"minValues"')) return undefined
  return (JSON.parse(stats) as { minValues: Record<string, number | string> }).minValues[column]
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
