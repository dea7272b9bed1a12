// Short notation for the records of a forged history: c(1, 'a'), u(1, 'b', { pos: 20 }), d(1), r(1, 'a'), t(), tombstone(1), raw({…}).
// Guarantee: a record given twice is the same event sent twice, field for field.

/** A row: its columns, or the text in `v` beside the key. */
export type Row = Record<string, unknown>

/** Where and how an event was made; what is left out grows on its own (see Forge). */
export interface Source {
  /** Binlog position; by default 10 after the event before. */
  pos?: number
  /** `binlog.000001` by default. */
  file?: string
  row?: number
  gtid?: string
  /** `transaction.total_order`; without it, the event has no transaction. */
  order?: number
  /** `source.ts_ms`; by default `pos` milliseconds after `start`. */
  ts?: number
  /** `source.ts_us`; by default 1000 × `ts`. Null: this connector does not tell. */
  tsUs?: number | bigint | null
  /** `source.snapshot`, as it stands; `undefined` given: absent. */
  snapshot?: unknown
  version?: string
  connector?: string
  serverId?: number
  database?: string
  table?: string
  before?: Row | null
  /** Instead of the key's own column `id`; null: no key. */
  kafkaKey?: Row | null
  partition?: number
  /** Instead of the partition's next. */
  offset?: number
  /** The topic's life: another one is the topic deleted and created again. */
  life?: string
  topic?: string
  /** Kafka's timestamp, milliseconds. */
  kafkaTs?: number
  headers?: readonly (readonly [name: string, value: string])[]
  /** As a converter with schemas writes it. */
  wrapped?: boolean
}

/** An event, or any record; made by the functions below. */
export interface Forged extends Source {
  op: 'c' | 'u' | 'd' | 'r' | 't' | 'tombstone' | 'raw'
  /** A number is column `id`; null: none. */
  key: number | string | Row | null
  after: Row | null
  /** For `raw`: text as it is, or what becomes JSON; null: none. */
  value?: unknown
}

type Key = number | string | Row
const rowOf = (key: Key, v: string | null | Row): Row =>
  typeof v === 'object' && v !== null ? v : { ...(typeof key === 'object' ? key : { id: key }), v }

export const c = (key: Key, v: string | null | Row, source: Source = {}): Forged => ({
  op: 'c',
  key,
  after: rowOf(key, v),
  ...source,
})
export const u = (key: Key, v: string | null | Row, source: Source = {}): Forged => ({
  op: 'u',
  key,
  after: rowOf(key, v),
  ...source,
})
export const r = (key: Key, v: string | null | Row, source: Source = {}): Forged => ({
  op: 'r',
  key,
  after: rowOf(key, v),
  snapshot: 'true',
  ...source,
})
export const d = (key: Key, source: Source = {}): Forged => ({
  op: 'd',
  key,
  after: null,
  before: rowOf(key, null),
  ...source,
})
export const t = (source: Source = {}): Forged => ({ op: 't', key: null, after: null, ...source })
export const tombstone = (key: Key, source: Source = {}): Forged => ({ op: 'tombstone', key, after: null, ...source })
/** A record of any topic with any value. */
export const raw = (value: unknown, { key = null, ...source }: Source & { key?: Row | string | null } = {}): Forged => ({
  op: 'raw',
  key,
  after: null,
  value,
  ...source,
})

/** When forged histories begin, milliseconds since 1970. */
export const start = 1_800_000_000_000

export function keyText({ op, key, kafkaKey }: Forged): string | null {
  if (kafkaKey !== undefined) return kafkaKey === null ? null : JSON.stringify(kafkaKey)
  if (key === null || op === 't') return null
  if (op === 'raw' && typeof key === 'string') return key
  return JSON.stringify(typeof key === 'object' ? key : { id: key })
}

export function valueText(event: Forged & { pos: number }): string | null {
  if (event.op === 'tombstone') return null
  if (event.op === 'raw')
    return typeof event.value === 'string' ? event.value : event.value === null ? null : JSON.stringify(event.value)
  const { pos, file = 'binlog.000001', row = 0, gtid = null, order, ts = start + pos, tsUs = BigInt(ts) * 1_000n } = event
  const id = gtid ?? `file=${file},pos=${pos}`
  const source = {
    version: event.version ?? '3.6.1.Final',
    connector: event.connector ?? 'mysql',
    name: 'shop',
    ts_ms: ts,
    ...('snapshot' in event ? { snapshot: event.snapshot } : { snapshot: 'false' }),
    db: event.database ?? 'shop',
    sequence: null,
    ...(tsUs === null ? {} : { ts_us: Number(tsUs), ts_ns: Number(tsUs) * 1_000 }),
    table: event.table ?? 't',
    server_id: event.serverId ?? (event.op === 'r' ? 0 : 1),
    gtid,
    file,
    pos,
    row,
    thread: 1,
    query: null,
  }
  const payload = {
    before: event.before ?? null,
    after: event.after,
    source,
    transaction: order === undefined ? null : { id, total_order: order, data_collection_order: order },
    op: event.op,
    ts_ms: ts,
  }
  // Only that it is wrapped counts: binlake reads no schema out of it.
  return JSON.stringify(event.wrapped ? { schema: { type: 'struct' }, payload } : payload)
}
