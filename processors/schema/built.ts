// What a silver table's rows were made under, kept with the table: the columns' origins, and from which offsets on it waits for a held change.
// Guarantee: a change that rows from before cannot simply stay under is found, and the table is then built anew from bronze.

import { duckType } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import { columnType } from '../column-types.ts'
import type { SourceTable } from '../source-schema.ts'

/** The first record of a partition that waits: life of its topic (epoch), offset. */
export interface Waiting {
  partition: number
  epoch: number
  offset: string
}

interface Built {
  /** By source column: the version it came with, and silver's type before masking. */
  columns: Record<string, [birth: string, type: string]>
  /** The version with which the table's present life began. */
  generation: string
  /** Columns that a table without a key is no longer told apart by. */
  dropped?: string[]
  held?: string
  /** The numbers of GTIDs did not count. */
  unordered?: true
  waiting?: Waiting[]
}

const property = 'binlake.schema'

/** Table properties that say it; none for a table whose schema has no timeline. */
export function builtUnder(schema: SourceTable, mask: MaskPlan, waiting: readonly Waiting[]): Record<string, string> {
  const built = builtNow(schema, mask)
  if (!built) return {}
  return { [property]: JSON.stringify({ ...built, ...(waiting.length > 0 ? { waiting } : {}) }) }
}

/** From where the table's rows wait. */
export function waitingOf(silver: Snapshot | undefined): Waiting[] {
  return read(silver)?.waiting ?? []
}

/** Why the table cannot go on with the rows it has; undefined: it can. */
export function outgrown(silver: Snapshot | undefined, schema: SourceTable, mask: MaskPlan): string | undefined {
  const before = read(silver)
  const now = builtNow(schema, mask)
  if (!before || !now) return undefined
  if (before.generation !== now.generation) return 'the table began anew'
  if (before.unordered !== now.unordered) return `GTIDs are taken for ${now.unordered ? 'unordered' : 'ordered'} now`
  if (before.waiting && before.held !== now.held) return 'a held change was decided'
  for (const [name, [birth, type]] of Object.entries(before.columns)) {
    const column = now.columns[name]
    if (!column) return `column ${name} has another name or is not taken any more`
    if (column[0] !== birth) return `column ${name} is another one than before`
    if (column[1] !== type) return `column ${name} is ${column[1]} now`
  }
  for (const name of Object.keys(now.columns))
    if (!before.columns[name] && schema.timeline!.births.get(name)?.fill != null) return `column ${name} came with a default`
  if (JSON.stringify(before.dropped) !== JSON.stringify(now.dropped)) return 'a column that told rows apart is gone'
  return undefined
}

function builtNow(schema: SourceTable, mask: MaskPlan): Built | undefined {
  const { timeline } = schema
  if (!timeline) return undefined
  const passed = new Set(mask.columns.map(({ source }) => source))
  const columns = schema.columns.filter(({ name }) => passed.has(name))
  const keyless = schema.primaryKey.length === 0
  return {
    columns: Object.fromEntries(
      columns.map(column => [column.name, [timeline.births.get(column.name)!.id, duckType(columnType(column).delta)]]),
    ),
    generation: timeline.eras[timeline.generation]!.id,
    ...(keyless ? { dropped: columns.filter(({ dropped }) => dropped).map(({ name }) => name) } : {}),
    ...(timeline.held ? { held: timeline.held.id } : {}),
    ...(timeline.unordered ? { unordered: true } : {}),
  }
}

function read(silver: Snapshot | undefined): Built | undefined {
  const text = silver?.metaData.configuration[property]
  return text === undefined ? undefined : (JSON.parse(text) as Built)
}
