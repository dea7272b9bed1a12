// A lake in a folder, fed with change events that a test forges, through the real stage, bronze and silver.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { pino } from 'pino'
import { openStore } from '../../../connectors/open-store.ts'
import { Spool } from '../../../connectors/spool.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { dataPath } from '../../../lake/path.ts'
import { scan } from '../../../lake/scan.ts'
import { id, join, type Sql, sql } from '../../../lake/sql.ts'
import { compileMask, type MaskPlan } from '../../../privacy/mask.ts'
import { parsePolicy } from '../../../privacy/policy.ts'
import { type Appended, appendBronze } from '../../../processors/bronze.ts'
import { type Refined, refine } from '../../../processors/refine.ts'
import { type Replayed, replayTable } from '../../../processors/replay/replay-table.ts'
import type { SourceTable } from '../../../processors/source-schema.ts'

/** A table `t` with key `id` and a text `v`. */
export const schema: SourceTable = {
  database: 'shop',
  table: 't',
  primaryKey: ['id'],
  columns: [
    { name: 'id', typeName: 'INT', optional: false, position: 1 },
    { name: 'v', typeName: 'VARCHAR', optional: true, position: 2 },
  ],
}

export const keyless: SourceTable = {
  ...schema,
  primaryKey: [],
  columns: schema.columns.map(column => ({ ...column, optional: true })),
}

export const keepAll =
  'version: 1\ntables:\n  t:\n    id: {class: operational, strategy: keep}\n    v: {class: operational, strategy: keep}\n'

export interface Event {
  op: string
  id?: number
  v?: string | null
  /** Binlog position; the source's time grows with it. */
  pos: number
  file?: string
  /** Instead of the two columns. */
  after?: Record<string, unknown>
}

/** The event as Debezium writes it. */
export function envelope({ op, id: key, v = null, pos, file = 'binlog.000001', after }: Event): string {
  const row = after ?? { id: key, v }
  const source = {
    version: '3.6.1.Final',
    connector: 'mysql',
    name: 'shop',
    ts_ms: pos,
    snapshot: 'false',
    db: 'shop',
    sequence: null,
    ts_us: pos * 1_000,
    ts_ns: pos * 1_000_000,
    table: 't',
    server_id: 1,
    gtid: null,
    file,
    pos,
    row: 0,
    thread: 1,
    query: null,
  }
  return JSON.stringify({
    before: op === 'd' ? row : null,
    after: op === 'd' || op === 't' ? null : row,
    source,
    transaction: null,
    op,
    ts_ms: pos,
  })
}

/** A record as Kafka has it. */
export interface KafkaRecord {
  partition: number
  offset: bigint
  /** Milliseconds since 1970. */
  timestamp: number
  /** JSON text: a list of name and value. */
  headers: string | null
  key: string | null
  value: string | null
}

export class LakeOfEvents {
  readonly folder: string
  readonly duck: Duck
  readonly lake: Lakehouse
  readonly #log = pino({ level: 'silent' })
  readonly #tables = new Map()
  #offset = 0n

  private constructor(folder: string, duck: Duck, lake: Lakehouse) {
    this.folder = folder
    this.duck = duck
    this.lake = lake
  }

  /** A new lake, or the one that another process made in `existing`. */
  static async open(existing?: string): Promise<LakeOfEvents> {
    const folder = existing ?? (await mkdtemp(joinPath(tmpdir(), 'binlake-events-')))
    const store = await openStore(`file://${folder}/lake`, { cacheDir: joinPath(folder, 'cache') })
    return new LakeOfEvents(folder, await Duck.open({ threads: 1 }), new Lakehouse(store))
  }

  /** Appends records to bronze in one batch: events, or values as they are. Returns what bronze says. */
  async ingest(...records: (Event | { key?: string | null; value: string | null })[]): Promise<Appended> {
    const place = { partition: 0, timestamp: 1_800_000_000_000, headers: null }
    return this.append(
      { topic: 'shop.shop.t', topicId: 'topic-1' },
      records.map(record => {
        const [key, value] =
          'op' in record
            ? [JSON.stringify({ id: record.id ?? record.after?.id }), envelope(record)]
            : [record.key ?? '{"id":1}', record.value]
        return { ...place, offset: this.#offset++, key, value }
      }),
    )
  }

  /** Appends one topic's records, with the offsets they have, to bronze in one batch. A partition's first offset is where it goes on. */
  async append({ topic, topicId }: { topic: string; topicId: string }, records: readonly KafkaRecord[]): Promise<Appended> {
    const spool = new Spool(joinPath(this.folder, `${randomUUID()}.spool`))
    for (const { partition, offset, timestamp, headers, key, value } of records) {
      spool.append(
        partition,
        offset,
        timestamp,
        headers,
        key === null ? null : Buffer.from(key),
        value === null ? null : Buffer.from(value),
      )
      spool.covered(partition, offset, offset + 1n)
    }
    return appendBronze(
      { duck: this.duck, lake: this.lake, log: this.#log, topicPrefix: 'shop', tables: this.#tables },
      spool.finish(topic, topicId),
    )
  }

  async refine({
    upTo,
    ...options
  }: {
    schema?: SourceTable
    policy?: string
    upTo?: number
  } = {}): Promise<Refined | undefined> {
    return refine(this.duck, { ...this.#plan(options), maxRows: 1_000_000, ...(upTo === undefined ? {} : { upTo }) })
  }

  /** Rebuilds the table and puts it in place, or only compares. */
  async replay(options: { schema?: SourceTable; policy?: string; proveOnly?: boolean } = {}): Promise<Replayed | undefined> {
    const how = { keys: new Map(), proveOnly: options.proveOnly ?? false, examples: 3, maxRows: 1_000_000 }
    return replayTable(this.duck, { ...this.#plan(options), ...how })
  }

  /** Damage: every live data file of a table is written anew under its own name, with `rows` (of a relation `file`) in it. */
  async damage(path: string, rows: Sql): Promise<void> {
    const snapshot = (await this.lake.current(path))!
    for (const add of snapshot.files.values()) {
      const file = await this.lake.store.fetch(dataPath(this.lake.table(path), add.path))
      await this.duck.run(sql`CREATE OR REPLACE TEMP TABLE file AS FROM read_parquet(${file})`)
      await this.duck.run(sql`COPY (${rows}) TO ${file} (FORMAT parquet)`)
    }
  }

  /** Some columns of a table's rows as text, sorted. */
  async rows(path: string, ...columns: string[]): Promise<(string | null)[][]> {
    const snapshot = await this.lake.current(path)
    if (!snapshot) return []
    const rows = await this.duck.json(
      sql`SELECT [${join(columns.map(name => sql`${id(name)}::VARCHAR`))}] AS r FROM ${await scan(this.lake.table(path), snapshot)} ORDER BY ALL`,
    )
    return rows.map(({ r }) => r as (string | null)[])
  }

  /** The table's way from bronze to silver, for what is not called here. */
  way(options: { schema?: SourceTable; policy?: string } = {}) {
    return this.#plan(options)
  }

  /** Leaves the folder, for `open` by another. */
  async leave(): Promise<string> {
    await this.duck.close()
    return this.folder
  }

  async close(): Promise<void> {
    await this.duck.close()
    await rm(this.folder, { recursive: true, force: true })
  }

  #plan({ schema: table = schema, policy = keepAll }: { schema?: SourceTable; policy?: string }) {
    const mask: MaskPlan = compileMask(parsePolicy(policy, 'policy.yaml'), table, new Map())
    return { lake: this.lake, log: this.#log, schema: table, mask }
  }
}
