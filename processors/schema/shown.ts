// What `binlake schema show` tells of tables: their versions, what waits, and whether MySQL itself says the same.
// Guarantee: names, types and counts only.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { paths } from '../silver-parts.ts'
import type { SourceTable, TableName } from '../source-schema.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { waitingOf } from './built.ts'
import { changesBetween } from './changes-between.ts'
import { chosenTable } from './chosen-table.ts'
import type { ChangeKind, Mode, Modes } from './kinds.ts'

export interface ShownTable {
  table: string
  versions: {
    id: string
    state: 'taken' | 'held' | 'behind'
    verdict?: 'approve' | 'reject'
    changes: { kind: ChangeKind; mode: Mode; detail: string }[]
  }[]
  /** What silver waits at; absent: at nothing. */
  held?: { id: string; words: readonly string[]; from: { partition: number; offset: string }[] }
  /** How MySQL's own description differs from the newest version. */
  differs: string[]
}

export interface ShowOptions {
  duck: Duck
  lake: Lakehouse
  modes: Modes
  /** Absent: there is no MySQL to ask. */
  readSchema?: (name: TableName) => Promise<SourceTable | undefined>
}

/** One table, or all. Throws SCHEMA_UNKNOWN_TABLE, and MysqlError for a single table. */
export async function tablesShown(options: ShowOptions, wanted: string | undefined): Promise<ShownTable[]> {
  const { duck, lake, modes } = options
  const schemas = new SourceSchemas(duck, lake, modes)
  const names = wanted === undefined ? await schemas.all() : [await chosenTable(schemas, wanted)]
  const shown: ShownTable[] = []
  for (const name of names) shown.push(await shownTable(schemas, name, wanted === undefined ? { lake } : options))
  return shown
}

async function shownTable(
  schemas: SourceSchemas,
  name: TableName,
  { lake, readSchema }: Pick<ShowOptions, 'lake' | 'readSchema'>,
): Promise<ShownTable> {
  const { schema, steps } = (await schemas.plan(name))!
  const held = schema.timeline?.held
  const waiting = held ? waitingOf(await lake.current(paths(name).current)) : []
  const newest = steps.findLast(({ version }) => version.schema)!.version.schema!
  const own = await readSchema?.(name)
  return {
    table: `${name.database}.${name.table}`,
    versions: steps.map(({ version, state, verdict, changes }) => ({
      id: version.id,
      state,
      ...(verdict ? { verdict } : {}),
      changes: changes.map(({ kind, mode, detail }) => ({ kind, mode, detail })),
    })),
    ...(held
      ? { held: { id: held.id, words: held.words, from: waiting.map(({ partition, offset }) => ({ partition, offset })) } }
      : {}),
    differs: own ? changesBetween({ before: newest, now: own, ddls: [], snapshot: true }).map(({ detail }) => detail) : [],
  }
}
