// A forged history of Debezium's records, taken into a lake by the real stage, bronze and refine; scenarios of cdc-spec §8 are written in it.
// Guarantee: nothing of the line is replaced; `identical` compares silver, history and markers with a rebuild from bronze.

import { tableCodes } from '../../../processors/halts.ts'
import { compactTable, places } from '../../../processors/maintenance/maintain.ts'
import { defaultRetentions } from '../../../processors/maintenance/retention.ts'
import { UntakenFiles } from '../../../processors/maintenance/untaken.ts'
import type { Replayed } from '../../../processors/replay/replay-table.ts'
import type { SourceTable } from '../../../processors/source-schema.ts'
import { SourceSchemas } from '../../../processors/source-schemas.ts'
import { type KafkaRecord, LakeOfEvents, schema as plainTable } from '../processors/lake-of-events.ts'
import { type Forged, keyText, start, valueText } from './forged-event.ts'

export * from './forged-event.ts'

export interface ForgeOptions {
  /** Tables whose schema is given; by default `shop.t` of `id` and `v`. Others' schemas are read from forged schema changes. */
  schemas?: readonly SourceTable[]
  /** YAML; by default every column of the given schemas is kept. */
  policy?: string
}

export class Forge {
  /** Why each halted table has halted, by its name; cleared when a refine of it succeeds. */
  readonly halted: Record<string, { code: string; reason: string }> = {}
  /** Kafka's timestamp of the records to come, milliseconds; moves by one with each. */
  kafkaTs = start
  /** The life of topics of which an event says nothing else. */
  life = 'topic-1'
  readonly #schemas: Map<string, SourceTable>
  readonly #policy: string
  #events: LakeOfEvents
  readonly #next = new Map<string, bigint>()
  readonly #made = new Map<Forged, { pos: number }>()
  readonly #touched = new Set<string>()
  #pos = 0

  private constructor(events: LakeOfEvents, { schemas = [plainTable], policy = keepEverything(schemas) }: ForgeOptions) {
    this.#events = events
    this.#schemas = new Map(schemas.map(schema => [`${schema.database}.${schema.table}`, schema]))
    this.#policy = policy
  }

  static async open(options: ForgeOptions = {}): Promise<Forge> {
    return new Forge(await LakeOfEvents.open(), options)
  }

  /** Lake, DuckDB and whatever else a test wants of them. */
  get events(): LakeOfEvents {
    return this.#events
  }

  /** One batch into bronze (by topic and life), then silver of the tables it touched. */
  async step(...records: Forged[]): Promise<void> {
    await this.ingest(...records)
    await this.refine()
  }

  /** Each record a step of its own. */
  async steps(...records: Forged[]): Promise<void> {
    for (const record of records) await this.step(record)
  }

  /** Into bronze alone. Offsets go on within each topic's life and partition. */
  async ingest(...records: Forged[]): Promise<void> {
    const batches = Map.groupBy(records, ({ topic, database = 'shop', table = 't', life = this.life }) =>
      JSON.stringify([topic ?? `shop.${database}.${table}`, life]),
    )
    for (const [place, forged] of batches) {
      const [topic, topicId] = JSON.parse(place) as [string, string]
      const appended = await this.#events.append(
        { topic, topicId },
        forged.map(record => this.#record(place, record)),
      )
      this.#touched.add(`${appended.table.database}.${appended.table.table}`)
    }
  }

  /** Takes silver as far as bronze, of every table so far. What halts a table is kept in `halted`. */
  async refine(): Promise<void> {
    for (const name of this.#touched) {
      if (/^_(debezium|binlake)\./.test(name)) continue
      try {
        while ((await this.#events.refine(await this.way(name)))?.more);
        delete this.halted[name]
      } catch (error) {
        const { code = '', message } = error as Error & { code?: string }
        if (!tableCodes.has(code)) throw error
        this.halted[name] = { code, reason: message }
      }
    }
  }

  /** Live rows: the given columns as text, sorted; all of the schema's by default. */
  async silver(table = 't', ...columns: string[]): Promise<(string | null)[][]> {
    return this.#rows(table, '', columns)
  }

  /** Versions in the order in which they were applied: `_op`, then as `silver`. */
  async history(table = 't', ...columns: string[]): Promise<(string | null)[][]> {
    const rows = await this.#rows(table, '_history', [], ['_seq', '_op', ...(await this.#columns(table, columns))])
    return rows.sort((a, b) => Number(a[0]) - Number(b[0])).map(row => row.slice(1))
  }

  /** Keys of deleted rows. */
  async markers(table = 't'): Promise<(string | null)[][]> {
    return this.#rows(table, '_deleted', (await this.way(nameOf(table))).schema.primaryKey)
  }

  /** Reason, partition and offset of the records set aside. */
  async quarantine(table = 't'): Promise<(string | null)[][]> {
    return this.#events.rows(`quarantine/${nameOf(table).replace('.', '/')}`, '_reason', '_partition', '_offset')
  }

  /** Rebuilds the table from bronze and compares; `identical` is what every scenario should end with. */
  async identical(table = 't'): Promise<Replayed['verdict'] | string> {
    try {
      const proven = await this.#events.replay({ ...(await this.way(nameOf(table))), proveOnly: true })
      if (!proven) return 'no bronze'
      return proven.verdict === 'different'
        ? JSON.stringify(proven, (_, v) => (typeof v === 'bigint' ? String(v) : v))
        : proven.verdict
    } catch (error) {
      return (error as Error).message
    }
  }

  /** All parts start anew: nothing but the lake is remembered. */
  async restart(): Promise<void> {
    this.#events = await LakeOfEvents.open(await this.#events.leave())
  }

  /** Small files of every bronze table become one. */
  async compactBronze(): Promise<void> {
    const { lake, duck } = this.#events
    const times = { patience: 1, longestWrite: 1, memory: 300e6, now: Date.now }
    const maintained = { lake, untaken: new UntakenFiles(lake), retentions: defaultRetentions, ...times }
    for (const place of await places(lake)) if (place.path.startsWith('bronze/')) await compactTable(duck, maintained, place)
  }

  async way(name: string): Promise<{ schema: SourceTable; policy: string }> {
    const [database = '', table = ''] = nameOf(name).split('.')
    const given = this.#schemas.get(nameOf(name))
    const schema = given ?? (await new SourceSchemas(this.#events.duck, this.#events.lake).get({ database, table }))
    if (!schema) throw new Error(`${name}: neither given nor forged schema changes tell its columns`)
    return { schema, policy: this.#policy }
  }

  async close(): Promise<void> {
    await this.#events.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #record(place: string, record: Forged): KafkaRecord {
    const made = this.#made.get(record) ?? { pos: record.pos ?? this.#pos + 10 }
    this.#made.set(record, made)
    if (record.op !== 'raw' && record.op !== 'tombstone') this.#pos = made.pos
    const { partition = 0 } = record
    const counter = `${place}/${partition}`
    const offset = record.offset === undefined ? (this.#next.get(counter) ?? 0n) : BigInt(record.offset)
    this.#next.set(counter, offset + 1n)
    const headers = record.headers ? JSON.stringify(record.headers) : null
    const timestamp = record.kafkaTs ?? this.kafkaTs++
    return { partition, offset, timestamp, headers, key: keyText(record), value: valueText({ ...record, ...made }) }
  }

  async #columns(table: string, columns: string[]): Promise<string[]> {
    return columns.length > 0 ? columns : (await this.way(nameOf(table))).schema.columns.map(({ name }) => name)
  }

  async #rows(table: string, suffix: string, columns: string[], exactly?: string[]): Promise<(string | null)[][]> {
    const [database, name] = nameOf(table).split('.')
    const path = `silver/${database}/${name}${suffix}`
    const wanted = exactly ?? (await this.#columns(table, columns))
    const has = new Set((await this.#events.lake.current(path))?.fields.map(field => field.name))
    if (has.size === 0) return []
    const rows = await this.#events.rows(path, ...wanted.filter(column => has.has(column)))
    return rows.map(row => wanted.map(column => (has.has(column) ? row.splice(0, 1)[0]! : null)))
  }
}

function nameOf(table: string): string {
  return table.includes('.') ? table : `shop.${table}`
}

/** A policy that keeps every column of these tables. */
export function keepEverything(schemas: readonly SourceTable[]): string {
  const keep = ({ database, table, columns }: SourceTable) =>
    [`  ${JSON.stringify(schemas.every(other => other.database === database) ? table : `${database}.${table}`)}:`]
      .concat(columns.map(({ name }) => `    ${JSON.stringify(name)}: {class: operational, strategy: keep}`))
      .join('\n')
  return `version: 1\ntables:\n${schemas.map(keep).join('\n')}\n`
}
