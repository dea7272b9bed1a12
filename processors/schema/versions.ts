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
  /** A snapshot told of it. */
  snapshot: boolean
  /** The statements that led here from the version before. */
  ddls: readonly Ddl[]
}

/** Reads events one by one, oldest first. */
export class Versions {
  readonly #tables = new Map<string, Version[]>()

  /** `value` is the event's JSON. Throws SchemaChangeMalformed. */
  add(value: unknown): void {
    const changes = tableChanges(value)
    if (changes.length === 0) return
    const { from, snapshot, ddl } = originOf(value)
    for (const change of changes) this.#take(change, { from, snapshot, ddl })
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
    const parsed = parseDdl(ddl)
    if (!change.schema) {
      // A snapshot begins with DROP … IF EXISTS of what it is about to describe.
      if (!snapshot && versions.at(-1)?.schema && !sentAgain(versions, { from, schema: undefined }))
        versions.push({ ...named(versions, from), snapshot, ddls: [] })
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
    const ddls = former.length > 0 ? former.flatMap(version => version.ddls) : [parsed]
    const version: Version = { ...named(versions, from), schema, snapshot: snapshot || retold, ddls: before ? ddls : [] }
    if (previous && before) version.swappedFrom = { database: previous.database, table: previous.table }
    else if (last && !last.schema && !snapshot && !retold) version.again = true
    const news =
      !before ||
      !last?.schema ||
      version.swappedFrom ||
      changesBetween({ before, now: schema, ddls, snapshot: snapshot || retold }).length > 0
    if (news) versions.push(version)
    this.#tables.set(key, versions)
    if (previous && former.at(-1)?.schema && comparePlaces(from, former.at(-1)!.from) !== -1)
      former.push({ ...named(former, from), renamedTo: { database: change.database, table: change.table }, snapshot, ddls: [] })
  }
}

interface Origin {
  from: Place
  snapshot: boolean
  ddl: string
}

function originOf(value: unknown): Origin {
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
