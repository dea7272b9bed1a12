// The kinds of change a table's schema can undergo, and what is done about each: evolve, hold or ignore (cdc-spec §5).
// Guarantee: every kind has a mode, and only modes that are sound for it can be asked for.

export type Mode = 'evolve' | 'hold' | 'ignore'

interface Kind {
  /** What is done if nobody says otherwise. */
  mode: Mode
  /** Whether going on as if the change had not been is sound. */
  ignorable: boolean
}

const kind = (mode: Mode, ignorable = false): Kind => ({ mode, ignorable })

export const kinds = {
  /** A column more; rows from before have NULL or a constant. */
  added: kind('evolve', true),
  /** A column more whose value in rows from before only MySQL knows. */
  added_computed: kind('evolve', true),
  /** A column less. */
  dropped: kind('evolve', true),
  /** Another name, as the statement says. */
  renamed: kind('evolve', true),
  /** A type that holds all that the old one held. */
  widened: kind('evolve'),
  /** A type that holds less: MySQL may have cut values. */
  narrowed: kind('hold'),
  /** Another type. */
  incompatible: kind('hold'),
  /** Columns came and went, and nothing tells whether one is the other's new name. */
  unclear: kind('hold'),
  nullability: kind('evolve'),
  /** Labels of an ENUM or SET. */
  labels: kind('evolve'),
  charset: kind('evolve'),
  reordered: kind('evolve'),
  /** Other columns tell rows apart. */
  primary_key: kind('hold'),
  /** The table goes on under another name. */
  table_renamed: kind('evolve'),
  /** A copy took the table's name: gh-ost, pt-online-schema-change. */
  table_swapped: kind('evolve'),
  /** Another table took its name. */
  table_replaced: kind('hold'),
  table_dropped: kind('evolve'),
  /** It was dropped, and one of that name was made. */
  table_created_again: kind('hold'),
  /** A partition was dropped, emptied or exchanged: rows went without an event. */
  partition: kind('evolve'),
} as const satisfies Record<string, Kind>

export type ChangeKind = keyof typeof kinds

/** Modes by kind; `tables` by `table` or `database.table`, which win. */
export interface Modes {
  all: Partial<Record<ChangeKind, Mode>>
  tables: Record<string, Partial<Record<ChangeKind, Mode>>>
}

/** Nothing is set. */
export const defaultModes: Modes = { all: {}, tables: {} }

/** Modes that may be asked for. */
export function allowedModes(of: ChangeKind): Mode[] {
  return kinds[of].ignorable ? ['evolve', 'hold', 'ignore'] : ['evolve', 'hold']
}

/** The mode in force for a kind of change of a table. */
export function modeOf(modes: Modes, { database, table }: { database: string; table: string }, of: ChangeKind): Mode {
  return modes.tables[`${database}.${table}`]?.[of] ?? modes.tables[table]?.[of] ?? modes.all[of] ?? kinds[of].mode
}
