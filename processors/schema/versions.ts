// All versions of every table's schema, from the events of Debezium's schema-change topic in their order.
// Guarantee: an event sent again, by a restart or a new snapshot, makes no version; each version holds from its place on.
import { type Place, type SourceTable, type TableChange, type TableName, tableChanges } from '../source-schema.ts'
import { changesBetween } from './changes-between.ts'
import { type Ddl, parseDdl } from './ddl.ts'
import { comparePlaces } from './place.ts'

export interface Version {
  /** Names it among the table's. */
  id: string
  from: Place
  /** Absent: from here on there is no such table. */
  schema?: SourceTable
  /** Where the table went, when there is none. */
  renamedTo?: TableName
  /** The table that took this one's name. */
  swappedFrom?: TableName
  /** There was a table of this name before, which was dropped. */
  again?: true
  /** The first that was told of the table changed it: what it was before, no event says any more. */
  altered?: true
  /** A snapshot told of it. */
  snapshot: boolean
  /** The statements that led here from the version before. */
  ddls: readonly Ddl[]
}

/** Reads events one by one, oldest first. */
export class Versions {
  readonly #tables = new Map<string, Version[]>()
  readonly #unordered: boolean

  /** `unordered`: GTIDs do not tell the order of statements; their places in the binlog do. */
  constructor({ unordered = false } = {}) {
    this.#unordered = unordered
  }

  /** `value` is the event's JSON. Throws SchemaChangeMalformed. */
  add(value: unknown): void {
    const changes = tableChanges(value)
    const { from: place, snapshot, ddl: text } = originOf(value)
    const from = this.#unordered ? { ...place, gtid: null } : place
    const ddl = parseDdl(text)
    for (const change of changes) this.#take(change, { from, snapshot, ddl })
    if (ddl.droppedDatabase !== undefined && !snapshot) this.#dropDatabase(ddl.droppedDatabase, from)
  }

  /** Oldest first; empty: nothing was told of the table. */
  of(name: TableName): readonly Version[] {
    return this.#tables.get(keyOf(name)) ?? []
  }

  /** Every table that some event told of. */
  names(): TableName[] {
    return [...this.#tables.keys()]
      .map(key => JSON.parse(key) as [string, string])
      .map(([database, table]) => ({ database, table }))
  }

  #take(change: TableChange, { from, snapshot, ddl }: Origin): void {
    const key = keyOf(change)
    const versions = this.#tables.get(key) ?? []
    if (!change.schema) {
      // A snapshot begins with DROP … IF EXISTS of what it is about to describe.
      if (!snapshot) this.#drop(versions, from)
      return
    }
    const { schema, previous } = change
    // A blocking snapshot tells of its tables again without saying that it is one: dropped and made at one place, which no statements are.
    const gone = versions.at(-1)
    const retold = gone !== undefined && !gone.schema && !gone.renamedTo && comparePlaces(from, gone.from) === 0
    if (retold) versions.pop()
    if (sentAgain(versions, { from, schema })) return
    const before = versions.findLast(version => version.schema)?.schema
    const last = versions.at(-1)
    const former = previous ? (this.#tables.get(keyOf(previous)) ?? []) : []
    const ddls = [...former.flatMap(version => version.ddls), ddl]
    const version: Version = { ...named(versions, from), schema, snapshot: snapshot || retold, ddls }
    if (!before && !previous && !snapshot && change.type === 'ALTER') version.altered = true
    if (previous && before) version.swappedFrom = { database: previous.database, table: previous.table }
    else if (last && !snapshot && !retold && (!last.schema || ddl.replaces)) version.again = true
    const news =
      !before ||
      !last?.schema ||
      version.swappedFrom ||
      version.again ||
      changesBetween({ before, now: schema, ddls, snapshot: snapshot || retold }).length > 0
    if (news) versions.push(version)
    this.#tables.set(key, versions)
    if (previous && former.at(-1)?.schema && comparePlaces(from, former.at(-1)!.from) !== -1)
      former.push({ ...named(former, from), renamedTo: { database: change.database, table: change.table }, snapshot, ddls: [] })
  }

  /** Debezium says it of the database alone, and of none of its tables. */
  #dropDatabase(name: string, from: Place): void {
    const tables = this.names()
    const as = tables.some(({ database }) => database === name) ? (one: string) => one : (one: string) => one.toLowerCase()
    for (const one of tables) if (as(one.database) === as(name)) this.#drop(this.#tables.get(keyOf(one))!, from)
  }

  #drop(versions: Version[], from: Place): void {
    if (versions.at(-1)?.schema && !sentAgain(versions, { from, schema: undefined }))
      versions.push({ ...named(versions, from), snapshot: false, ddls: [] })
  }
}

interface Origin {
  from: Place
  snapshot: boolean
  ddl: Ddl
}

function originOf(value: unknown): Omit<Origin, 'ddl'> & { ddl: string } {
  const event = value as Record<string, unknown>
  const payload = ('payload' in event && 'schema' in event ? event.payload : event) as Record<string, unknown>
  const source = (payload.source ?? {}) as Record<string, unknown>
  const whole = (one: unknown) => (typeof one === 'number' && Number.isSafeInteger(one) ? BigInt(one) : null)
  const millis = whole(source.ts_ms)
  const text = (one: unknown) => (typeof one === 'string' ? one : null)
  return {
    from: {
      file: text(source.file),
      pos: whole(source.pos),
      gtid: text(source.gtid),
      tsUs: whole(source.ts_us) ?? (millis === null ? null : millis * 1_000n),
    },
    snapshot: /^(?:first|true|last|incremental)/.test(String(source.snapshot)),
    ddl: text(payload.ddl) ?? '',
  }
}

/** A lower place with a time this much newer is no replay: the server's numbering has started again. */
const numberingResetMicros = 60_000_000n

function sentAgain(versions: readonly Version[], { from, schema }: { from: Place; schema: SourceTable | undefined }): boolean {
  const last = versions.at(-1)
  const compared = last && comparePlaces(from, last.from)
  if (compared === -1)
    return !(from.tsUs !== null && last!.from.tsUs !== null && from.tsUs > last!.from.tsUs + numberingResetMicros)
  if (compared !== 0) return false
  // One statement may tell of a table twice, as RENAME t TO old, new TO t does.
  return versions.some(version => comparePlaces(from, version.from) === 0 && same(version.schema, schema))
}

function same(before: SourceTable | undefined, now: SourceTable | undefined): boolean {
  if (!before || !now) return before === now
  return changesBetween({ before, now, ddls: [], snapshot: true }).length === 0
}

/** An id that people can type: the place, or the number where that is not told or taken. */
function named(versions: readonly Version[], from: Place): { id: string; from: Place } {
  const id = from.file !== null && from.pos !== null ? `${from.file}:${from.pos}` : String(versions.length)
  return { id: versions.some(version => version.id === id) ? `${id}/${versions.length}` : id, from }
}

function keyOf({ database, table }: TableName): string {
  return JSON.stringify([database, table])
}
