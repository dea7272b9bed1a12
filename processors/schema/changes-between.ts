// What changed from one schema of a table to the next: the two descriptions tell what is there, the statement tells what became of what.
// Guarantee: pure; a rename is one only if the statement says so, and what cannot be told is `unclear`.
import type { SourceColumn, SourceTable } from '../source-schema.ts'
import { compareTypes } from './compare-types.ts'
import { constantDefault } from './constant-default.ts'
import type { Ddl } from './ddl.ts'
import type { ChangeKind } from './kinds.ts'

export interface Change {
  kind: ChangeKind
  /** The column as it is called now, or was where it is gone. */
  column?: string
  /** The column's former name. */
  from?: string
  /** added: what rows from before have, as `fromMysql` reads it. */
  fill?: string | null
  /** For people: declarations only, no row's value. */
  detail: string
}

export interface Step {
  before: SourceTable
  now: SourceTable
  /** The statements that led from one to the other, oldest first. */
  ddls: readonly Ddl[]
  /** A snapshot told of it: all rows are read anew, so that nothing has to be carried. */
  snapshot: boolean
}

/** In table order; table-wide ones last. Empty: the same. */
export function changesBetween({ before, now, ddls, snapshot }: Step): Change[] {
  const match = matchColumns({ before, now, ddls })
  const added = now.columns.filter(column => !match.has(column))
  const kept = new Set(match.values())
  const dropped = before.columns.filter(column => !kept.has(column))
  const told = addedIn(ddls)
  const changes = [...match].flatMap(([column, was]) => columnChanges(was, column))
  changes.push(...added.map(column => addedChange(column, told.get(lower(column.name)), snapshot)))
  changes.push(...dropped.map(({ name }) => ({ kind: 'dropped' as const, column: name, detail: `column ${name} is gone` })))
  const untold = added.some(({ name }) => !told.has(lower(name)))
  const notRead = ddls.some(({ understood }) => !understood)
  if (!snapshot && ((untold && dropped.length > 0) || (notRead && changes.length > 0))) {
    const detail = notRead
      ? 'its statement could not be read'
      : 'columns came and went at once; no statement says whether one was renamed'
    changes.push({ kind: 'unclear', detail })
  }
  const order = (columns: readonly SourceColumn[]) => columns.map(({ name }) => name).join('\n')
  const common = now.columns.filter(column => match.has(column))
  if (order(before.columns.filter(column => kept.has(column))) !== order(common.map(column => match.get(column)!)))
    changes.push({ kind: 'reordered', detail: 'columns stand in another order' })
  const key = new Set(now.primaryKey.map(name => lower(match.get(byName(now, name)!)?.name ?? `new ${name}`)))
  if (key.size !== before.primaryKey.length || before.primaryKey.some(name => !key.has(lower(name)))) {
    const list = (names: readonly string[]) => names.join(', ') || 'none'
    changes.push({ kind: 'primary_key', detail: `the primary key was ${list(before.primaryKey)} and is ${list(now.primaryKey)}` })
  } else {
    // MySQL has made other values of the old keys, by which rows from before can no longer be found.
    const other = now.primaryKey.find(name => changes.some(({ kind, column }) => kind === 'incompatible' && same(column!, name)))
    if (other !== undefined) changes.push({ kind: 'primary_key', detail: `column ${other} of the primary key has another type` })
  }
  const partitions = ddls.findLast(ddl => ddl.partitions)?.partitions
  if (partitions) changes.push({ kind: 'partition', detail: `a partition was ${partitions}: its rows went without an event` })
  return changes
}

/** Which column of before each column is now; columns that came are not in it. */
export function matchColumns({ before, now, ddls }: Pick<Step, 'before' | 'now' | 'ddls'>): Map<SourceColumn, SourceColumn> {
  const origins = originsIn(ddls)
  const renamed = new Set(origins.values())
  // Dropped and added again in one statement, it is another column.
  const again = new Set(ddls.at(-1)?.addedColumns.flatMap(({ name, ifMissing }) => (ifMissing ? [] : [lower(name)])))
  const found = new Map<SourceColumn, SourceColumn>()
  for (const column of now.columns) {
    const name = lower(column.name)
    const origin = origins.get(name) ?? (renamed.has(name) || again.has(name) ? undefined : name)
    const was = origin === undefined ? undefined : byName(before, origin)
    if (was) found.set(column, was)
  }
  return found
}

/** By new name the former one, over all statements. */
function originsIn(ddls: readonly Ddl[]): Map<string, string> {
  let origins = new Map<string, string>()
  for (const { renamedColumns } of ddls) {
    const next = new Map(origins)
    for (const { from } of renamedColumns) next.delete(lower(from))
    for (const { from, to } of renamedColumns) next.set(lower(to), origins.get(lower(from)) ?? lower(from))
    origins = next
  }
  return new Map([...origins].filter(([to, from]) => to !== from))
}

function addedIn(ddls: readonly Ddl[]): Map<string, Ddl['addedColumns'][number]['value']> {
  const added = new Map<string, Ddl['addedColumns'][number]['value']>()
  for (const { addedColumns, renamedColumns } of ddls) {
    for (const { from, to } of renamedColumns) {
      const value = added.get(lower(from))
      if (value !== undefined) added.set(lower(to), value)
    }
    for (const { name, value } of addedColumns) added.set(lower(name), value)
  }
  return added
}

function addedChange(column: SourceColumn, value: Ddl['addedColumns'][number]['value'] | undefined, snapshot: boolean): Change {
  const { name } = column
  if (snapshot) return { kind: 'added', column: name, fill: null, detail: `column ${name} is new` }
  const fill = value === undefined ? undefined : constantDefault(column, value)
  if (fill === undefined)
    return {
      kind: 'added_computed',
      column: name,
      detail: `column ${name} is new; what rows from before have in it, only MySQL knows`,
    }
  const there = fill === null ? 'NULL in rows from before' : 'rows from before have its default'
  return { kind: 'added', column: name, fill, detail: `column ${name} is new, ${there}` }
}

function columnChanges(was: SourceColumn, column: SourceColumn): Change[] {
  const { name } = column
  const changes: Change[] = []
  if (lower(was.name) !== lower(name))
    changes.push({ kind: 'renamed', column: name, from: was.name, detail: `column ${was.name} is now called ${name}` })
  const type = compareTypes(was, column)
  const types = `from ${declared(was)} to ${declared(column)}`
  if (type !== 'same')
    changes.push({
      kind: type,
      column: name,
      detail: `column ${name} ${type === 'labels' ? 'has other labels' : `changes ${types}`}`,
    })
  if (was.optional !== column.optional)
    changes.push({ kind: 'nullability', column: name, detail: `column ${name} ${column.optional ? 'may' : 'may not'} be NULL` })
  if (was.charset !== column.charset && was.charset !== undefined && column.charset !== undefined)
    changes.push({ kind: 'charset', column: name, detail: `column ${name} is stored in ${column.charset}` })
  return changes
}

/** A column's type as people write it. */
export function declared({ typeName, length, scale, enumValues }: SourceColumn): string {
  if (enumValues || length === undefined) return typeName
  const [first = '', ...rest] = typeName.split(' ')
  return [`${first}(${scale === undefined ? length : `${length},${scale}`})`, ...rest].join(' ')
}

function same(a: string, b: string): boolean {
  return lower(a) === lower(b)
}

function byName(table: SourceTable, name: string): SourceColumn | undefined {
  return table.columns.find(column => lower(column.name) === lower(name))
}

function lower(name: string): string {
  return name.toLowerCase()
}
