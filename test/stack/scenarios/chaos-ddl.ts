// Random changes of tables, and what columns they have after them.
import type { Random } from './chaos-random.ts'
import { type ChaosTable, chaosTables, spareColumns } from './chaos-tables.ts'

interface Kind {
  type: string
  defaults: readonly string[]
  value: (random: Random) => unknown
  /** What it may be widened to. */
  wider?: string
}

const kinds: Record<string, Kind> = {
  int: { type: 'INT', defaults: ['7', 'NULL', '-1'], value: random => random.int(1e6), wider: 'bigint' },
  bigint: { type: 'BIGINT', defaults: ['9007199254740993'], value: random => String(random.int(1e9)) },
  text: { type: 'VARCHAR(20)', defaults: ["'seven'", "''", 'NULL'], value: random => `t${random.int(1000)}`, wider: 'wide_text' },
  wide_text: { type: 'VARCHAR(200)', defaults: ["'it''s'"], value: random => `wide ${random.int(1000)}` },
  decimal: {
    type: 'DECIMAL(8,2)',
    defaults: ['1.50'],
    value: random => (random.int(1e6) / 100).toFixed(2),
    wider: 'wide_decimal',
  },
  wide_decimal: { type: 'DECIMAL(20,2)', defaults: ['-0.01'], value: random => (random.int(1e9) / 100).toFixed(2) },
  moment: {
    type: 'DATETIME(3)',
    defaults: ["'2026-01-01 00:00:00.123'", 'NULL'],
    value: random => `2026-05-05 05:05:05.${100 + random.int(900)}`,
    wider: 'moment_us',
  },
  moment_us: { type: 'DATETIME(6)', defaults: ['NULL'], value: random => `2026-05-05 05:05:05.${100_000 + random.int(900_000)}` },
}

export const ddlKinds = ['add', 'drop', 'rename', 'widen', 'index'] as const
export type DdlKind = (typeof ddlKinds)[number]

/** The columns that each evolving table has beside its first ones. */
export type Evolution = Map<string, { columns: Map<string, Kind>; used: number; indexes: number; allowed: readonly DdlKind[] }>

/** Closed while a full snapshot is taken: Debezium reads a table as it is now, and could not read the events from before its change any more. */
export interface DdlGate {
  open: boolean
  /** Statements under way. */
  running: number
}

export function newEvolution(allowed: readonly DdlKind[]): Evolution {
  const evolving = chaosTables.filter(({ evolves }) => evolves)
  return new Map(evolving.map(({ name }) => [name, { columns: new Map(), used: 0, indexes: 0, allowed }]))
}

/** A statement, its effect noted in `evolution` at once; undefined: none fits now. */
export function changeTable(random: Random, evolution: Evolution): string | undefined {
  const table: ChaosTable = random.pick(chaosTables.filter(({ evolves }) => evolves))
  const state = evolution.get(table.name)!
  const { columns } = state
  const kind = random.pick(state.allowed)
  const some = columns.size > 0 ? random.pick([...columns]) : undefined
  // A name is used once: a column that comes back as another type is a case of its own.
  const fresh = spareColumns[state.used]
  if (kind === 'add' && fresh) {
    const type = kinds[random.pick(Object.keys(kinds))]!
    const fallback = random.pick(type.defaults)
    state.used++
    columns.set(fresh, type)
    const place = random.pick(['', ' FIRST', ' AFTER label'])
    return `ALTER TABLE ${table.name} ADD COLUMN ${fresh} ${type.type}${fallback === 'NULL' ? '' : random.pick(['', ' NOT NULL'])} DEFAULT ${fallback}${place}`
  }
  if (kind === 'drop' && some && columns.size > 2) {
    columns.delete(some[0])
    return `ALTER TABLE ${table.name} DROP COLUMN ${some[0]}`
  }
  if (kind === 'rename' && some && fresh) {
    state.used++
    columns.delete(some[0])
    columns.set(fresh, some[1])
    return `ALTER TABLE ${table.name} RENAME COLUMN ${some[0]} TO ${fresh}`
  }
  if (kind === 'widen' && some?.[1].wider) {
    const wider = kinds[some[1].wider]!
    columns.set(some[0], wider)
    return `ALTER TABLE ${table.name} MODIFY COLUMN ${some[0]} ${wider.type}`
  }
  if (kind === 'index') return `CREATE INDEX more_${state.indexes++} ON ${table.name} (amount)`
  return undefined
}
