// Made-up life of a table: its binlog, and what Debezium may put into one Kafka partition over crashes, zombies and snapshots.
// Guarantee: as cdc-spec §2.3 has it, every start emits a run without gaps that begins at or before what is durably in Kafka.
import type { KeyEvent } from '../../../processors/order/decide.ts'
import { below, type Random } from '../random.ts'

/** A record as a sink sees it. */
export interface Delivered extends KeyEvent {
  key: number
  /** What the row holds; undefined: it is deleted. */
  content: number | undefined
  /** The connector's clock, microseconds: the envelope's `ts_us`. */
  envelopeTs: bigint
}

export interface History {
  delivered: Delivered[]
  /** What the table holds at the end. */
  truth: ReadonlyMap<number, number>
}

type Change = Omit<Delivered, 'offset' | 'envelopeTs'>
/** `index`: how much of the binlog was read when the record was made. */
type Emitted = Delivered & { index: number }

const keys = 3

/** One history; the same random numbers, the same history. `snapshots`: every second start of the connector makes an incremental one. */
export function history(random: Random, { snapshots }: { snapshots: boolean }): History {
  const binlog = makeBinlog(random, 8 + below(random, 12))
  const delivered: Delivered[] = []
  let zombie: Emitted[] = []
  let durable = 0
  let clock = 0n
  while (durable < binlog.length) {
    const start = below(random, 4) === 0 ? 0 : Math.max(0, durable - below(random, 6))
    const end = below(random, 3) === 0 ? binlog.length : Math.min(binlog.length, durable + 1 + below(random, 8))
    // A task that was given up may still deliver what it had read, between the records of its follower.
    const outlives = below(random, 3) === 0 ? below(random, 5) : 0
    const run = emit(random, binlog, { start, end: Math.min(binlog.length, end + outlives), clock, snapshots })
    clock = run.at(-1)!.envelopeTs
    delivered.push(
      ...interleave(
        random,
        run.filter(({ index }) => index < end),
        zombie,
      ),
    )
    zombie = run.filter(({ index }) => index >= end)
    durable = end
  }
  delivered.push(...zombie)
  return {
    delivered: delivered.map((record, offset) => ({ ...record, offset: BigInt(offset) })),
    truth: rowsAfter(binlog, binlog.length),
  }
}

/** Transactions of one to three changes; rows are inserted, updated, deleted and inserted again. */
function makeBinlog(random: Random, length: number): Change[] {
  const changes: Change[] = []
  const live = new Set<number>()
  let sourceTs = 1_767_225_600_000_000n
  let pos = 1_000n
  for (let sequence = 1; changes.length < length; sequence++) {
    sourceTs += BigInt(1 + below(random, 3_000_000))
    const size = 1 + below(random, 3)
    for (let n = 1; n <= size; n++) {
      const key = 1 + below(random, keys)
      const op = !live.has(key) ? 'c' : below(random, 4) === 0 ? 'd' : 'u'
      if (op === 'd') live.delete(key)
      else live.add(key)
      pos += 100n
      const gtid = `3e11fa47-71ca-11e1-9e33-c80aa9429562:${sequence}`
      const place = { file: 'binlog.000007', pos, row: 0, gtid, txOrder: BigInt(n), partition: 0 }
      changes.push({ key, op, content: op === 'd' ? undefined : changes.length, ...place, sourceTs, snapshot: 'false' })
    }
  }
  return changes
}

/** What one start of the connector emits: the binlog from `start` to `end`, and now and then an incremental snapshot. */
function emit(
  random: Random,
  binlog: readonly Change[],
  { start, end, clock, snapshots }: { start: number; end: number; clock: bigint; snapshots: boolean },
): Emitted[] {
  const emitted: Emitted[] = []
  // How far the connector is behind the database: up to ten seconds.
  const lag = BigInt(below(random, 10_000_000))
  let snapshotFrom = snapshots && below(random, 2) === 0 ? start + 1 + below(random, end - start) : binlog.length
  let now = clock
  for (let index = start; index < end; index++) {
    const change = binlog[index]!
    if (index >= snapshotFrom && change.txOrder === 1n) {
      emitted.push(...incrementalSnapshot(binlog, index, now))
      snapshotFrom = binlog.length
    }
    if (change.sourceTs + lag > now) now = change.sourceTs + lag
    emitted.push({ ...change, offset: 0n, envelopeTs: now, index })
  }
  return emitted
}

/** The rows as they stand between two transactions, at the stream's position, but with the connector's clock as their time (cdc-spec §1). */
function incrementalSnapshot(binlog: readonly Change[], index: number, now: bigint): Emitted[] {
  const { file, pos, gtid } = binlog[index - 1]!
  const place = { file, pos, row: 0, gtid, txOrder: null, partition: 0, offset: 0n }
  return [...rowsAfter(binlog, index)].map(([key, content]) => ({
    ...place,
    key,
    op: 'r',
    content,
    sourceTs: now,
    envelopeTs: now,
    snapshot: 'incremental',
    index,
  }))
}

function rowsAfter(binlog: readonly Change[], count: number): Map<number, number> {
  const rows = new Map<number, number>()
  for (const { key, content } of binlog.slice(0, count)) {
    if (content === undefined) rows.delete(key)
    else rows.set(key, content)
  }
  return rows
}

/** Both lists in their own order, mixed by chance. */
function interleave<Item>(random: Random, a: readonly Item[], b: readonly Item[]): Item[] {
  const mixed: Item[] = []
  for (let [i, j] = [0, 0]; i < a.length || j < b.length; )
    mixed.push(j >= b.length || (i < a.length && below(random, 2) === 0) ? a[i++]! : b[j++]!)
  return mixed
}
