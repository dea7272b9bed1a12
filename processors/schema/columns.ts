// Silver's columns followed through a table's versions: what each is called, which type holds all its values, what it is in each era.
// Guarantee: immutable; a column keeps its identity through renames and types that hold its values, and loses it otherwise.
import type { Era, SourceColumn, SourceTable, TableName } from '../source-schema.ts'
import { type Change, matchColumns } from './changes-between.ts'
import { compareTypes } from './compare-types.ts'
import type { Ddl } from './ddl.ts'
import type { Mode } from './kinds.ts'
import type { Version } from './versions.ts'

interface Column {
  /** The same through all versions. */
  identity: symbol
  /** The version it came with, and what it gave rows from before. */
  birth: { id: string; fill: string | null }
  /** Named as in silver, of the type that silver has. */
  wanted: SourceColumn
  /** As the source has it now; absent: dropped. */
  now?: SourceColumn
  /** False: a change that is ignored brought it. */
  taken: boolean
}

export class Columns {
  readonly #columns: readonly Column[]
  /** Identities of the key, in the order of silver's key. */
  readonly #key: readonly symbol[]

  private constructor(columns: readonly Column[], key: readonly symbol[]) {
    this.#columns = columns
    this.#key = key
  }

  /** The first version of a table, or of its new life. */
  static of({ id, schema }: Version): Columns {
    const columns = schema!.columns.map(column => born(column, { id, fill: null }, true))
    return new Columns(columns, keyIn(columns, schema!))
  }

  /** After one more version. Its changes are all taken or ignored. */
  after({ id, schema }: Version, { before, changes, ddls, approved }: After): Columns {
    const now = schema!
    const match = matchColumns({ before, now, ddls })
    const change = (kind: Change['kind'], name: string) => changes.find(one => one.kind === kind && one.column === name)
    const kept = now.columns.map(column => {
      const { name } = column
      const was = match.get(column)
      const old = was && this.#columns.find(one => one.now === was)
      const renamed = was && !same(was.name, name) && !approved ? [was.name] : []
      const formerly = [...(old?.wanted.formerly ?? []), ...renamed]
      const anotherType = change('incompatible', name) !== undefined
      if (!old || anotherType || change('renamed', name)?.mode === 'ignore') {
        const added = change('added', name) ?? change('added_computed', name)
        return born(called(column, formerly), { id, fill: added?.fill ?? null }, added?.mode !== 'ignore', column)
      }
      // MySQL takes upper and lower case for one, and silver's column keeps the spelling it had first.
      const spelled = same(old.wanted.name, name) ? old.wanted.name : name
      const holds = compareTypes(old.wanted, column) === 'narrowed' ? { ...old.wanted, optional: column.optional } : column
      return { ...old, now: column, wanted: called({ ...holds, name: spelled, position: column.position }, formerly) }
    })
    const identities = new Set(kept.map(({ identity }) => identity))
    const gone = this.#columns.flatMap(({ now: _, ...one }) => {
      // Of two columns of one name only the newer can be in silver; what the older held is in bronze.
      const taken = identities.has(one.identity) || kept.some(({ wanted, taken }) => taken && same(wanted.name, one.wanted.name))
      return taken ? [] : [{ ...one, wanted: { ...one.wanted, dropped: true as const } }]
    })
    const columns = [...kept, ...gone]
    const key = keyIn(columns, now)
    const sameKey = key.length === this.#key.length && key.every(identity => this.#key.includes(identity))
    return new Columns(columns, sameKey ? this.#key : key)
  }

  /** Silver's columns as a table of the source: those of `schema` first, then what it has no longer. */
  target(schema: SourceTable, { database, table }: TableName): SourceTable {
    const columns = this.#taken().map(({ wanted }) => wanted)
    const key = this.#key.map(identity => this.#columns.find(one => one.identity === identity)!.wanted.name)
    return { ...schema, database, table, primaryKey: key, columns }
  }

  /** How events of an era are read, whose columns were `then`. */
  readFrom(then: Columns): Era['reads'] {
    const reads = new Map<string, { column: SourceColumn } | { fill: string }>()
    for (const { identity, wanted, birth } of this.#taken()) {
      const was = then.#columns.find(one => one.identity === identity)
      if (was?.now) reads.set(wanted.name, { column: was.now })
      else if (!was && birth.fill !== null) reads.set(wanted.name, { fill: birth.fill })
    }
    return reads
  }

  births(): Map<string, { id: string; fill: string | null }> {
    return new Map(this.#taken().map(({ wanted, birth }) => [wanted.name, birth]))
  }

  #taken(): Column[] {
    return this.#columns.filter(({ taken }) => taken)
  }
}

interface After {
  before: SourceTable
  changes: readonly (Change & { mode: Mode })[]
  ddls: readonly Ddl[]
  /** A person has seen what it does and said yes. */
  approved: boolean
}

function born(wanted: SourceColumn, birth: Column['birth'], taken: boolean, now = wanted): Column {
  return { identity: Symbol(wanted.name), birth, wanted, now, taken }
}

function called({ formerly: _, ...column }: SourceColumn, formerly: string[]): SourceColumn {
  return formerly.length > 0 ? { ...column, formerly } : column
}

function keyIn(columns: readonly Column[], schema: SourceTable): symbol[] {
  return schema.primaryKey.map(name => columns.find(({ now }) => now !== undefined && same(now.name, name))!.identity)
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
