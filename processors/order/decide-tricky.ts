// The keys whose events do not plainly follow each other, row by row through `decide`.
// Guarantee: bounded memory: a page of keys at a time.
import type { Duck } from '../../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { decide, type KeyEvent } from './decide.ts'
import type { KeyOrder } from './key-order.ts'
import { type HaltedAt, TableHalted } from './table-halted.ts'

/** Keys looked at at once. */
const page = 10_000

interface EventRow {
  _key_number: bigint
  /** Null for the state, and for truncates known before. */
  _row_id: bigint | null
  /** Turn among the key's events; null where a topic has one partition. */
  _at: bigint | null
  _partition: number
  _offset: bigint
  _op: string
  _file: string
  _pos: bigint | null
  _row: number
  _gtid: string | null
  _unordered: boolean
  _tx_order: bigint
  _source_us: bigint
  _snapshot: string | null
  _epoch: number
  _lineage: number
}

/**
 * Decides the keys in temp table `tricky`. Adds to temp tables `dropped` (their changes that do not apply) and `decided` (their newest).
 * Returns how many keys. Throws TableHalted, with the first event of each partition that nothing decides.
 */
export async function decideTricky(duck: Duck, table: string, { key, byKey, several }: KeyOrder): Promise<number> {
  const keys = (await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM tricky`))!.n
  if (keys === 0n) return 0
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE tricky_events AS
    SELECT events.*, epoch_us(_source_ts) AS _source_us, _key_number, row_number() OVER (${byKey}) AS _nth
    FROM events JOIN (SELECT row_number() OVER () AS _key_number, * FROM tricky) USING (${columns(key)})
    WHERE _known OR _row_id NOT IN (SELECT _row_id FROM dropped)`)
  const halts = new Map<string, Halt>()
  for (let from = 0n; from < keys; from += BigInt(page)) {
    const rows = await duck.rows<EventRow>(sql`
      SELECT _key_number, _row_id, _at, _partition, _offset, _op, _file, _pos, _row, _gtid, _sequence IS NULL AS _unordered, _tx_order, _source_us, _snapshot, _epoch, _lineage
      FROM tricky_events WHERE _key_number > ${from} AND _key_number <= ${from + BigInt(page)} ORDER BY _key_number, _nth`)
    const dropped: bigint[] = []
    const winners: bigint[] = []
    for (const events of Map.groupBy(rows, row => row._key_number).values()) {
      const result = decideKey(events, { several })
      if (result.halt) {
        const { epoch, partition, offset } = result.halt.event
        const first = halts.get(`${epoch}/${partition}`)
        if (!first || offset < first.event.offset) halts.set(`${epoch}/${partition}`, result.halt)
      }
      dropped.push(...result.dropped)
      if (result.winner !== undefined) winners.push(result.winner)
    }
    await insertIds(duck, 'dropped', dropped)
    await insertIds(duck, 'decided', winners)
  }
  await duck.run(sql`DROP TABLE tricky_events`)
  if (halts.size > 0) throw halted(table, [...halts.values()])
  return Number(keys)
}

/** What nothing decides: an event, and what its row has. */
interface Halt {
  event: KeyEvent
  current: KeyEvent
  /** Its turn; 0 where a topic has one partition. */
  at: bigint
}

function decideKey(
  rows: readonly EventRow[],
  { several }: { several: boolean },
): { dropped: bigint[]; winner: bigint | undefined; halt?: Halt } {
  const dropped: bigint[] = []
  let current: KeyEvent | undefined
  let winner: bigint | undefined
  let live = false
  /** The newest truncate that found no row. */
  let gone: KeyEvent | undefined
  for (const row of rows) {
    const event = keyEvent(row)
    if (row._row_id === null && !row._at) {
      current = event
      live = event.op !== 'd' && event.op !== 't'
      continue
    }
    // Truncates, and tombstones that stand alone: they have no part in a row that is gone.
    const ending = event.op === 't' || (event.op === 'd' && event.file === '')
    if (ending && !live) {
      if (several && event.op === 't' && decide(event, gone ?? current, false) === 'APPLY') gone = event
      if (row._row_id !== null) dropped.push(row._row_id)
      continue
    }
    const before = gone ? standing(event, { gone, current }) : current
    const verdict = decide(event, before, false)
    if (verdict === 'HALT') return { dropped, winner, halt: { event, current: before!, at: row._at ?? 0n } }
    if (verdict === 'APPLY') {
      current = event
      gone = undefined
      live = event.op !== 'd' && event.op !== 't'
      winner = row._row_id ?? winner
    } else if (row._row_id !== null) dropped.push(row._row_id)
  }
  return { dropped, winner }
}

/** What an event is to be newer than: of another partition than the truncate it may be from before it; of the same it is not, and the truncate says nothing. */
function standing(event: KeyEvent, { gone, current }: { gone: KeyEvent; current: KeyEvent | undefined }): KeyEvent | undefined {
  if (event.partition !== gone.partition) return gone
  return current?.partition === event.partition ? current : undefined
}

function keyEvent(row: EventRow): KeyEvent {
  return {
    op: row._op,
    file: row._file,
    pos: row._pos,
    row: row._row,
    gtid: row._gtid,
    unordered: row._unordered,
    // 0 stands for «not reported»: Debezium counts from 1.
    txOrder: row._tx_order === 0n ? null : row._tx_order,
    partition: row._partition,
    offset: row._offset,
    sourceTs: row._source_us,
    snapshot: row._snapshot,
    epoch: row._epoch,
    lineage: row._lineage,
  }
}

function halted(table: string, halts: readonly Halt[]): TableHalted {
  const inOrder = [...halts].sort((a, b) => a.event.epoch - b.event.epoch || Number(a.at - b.at))
  const { event, current } = inOrder[0]!
  const where = ({ partition, offset, file, pos, gtid }: KeyEvent) =>
    `partition ${partition}, offset ${offset} (${gtid === null ? '' : `GTID ${gtid}, `}${file}:${pos})`
  const why =
    event.partition === current.partition
      ? `stands lower in the binlog than what its row already has from offset ${current.offset} (${current.gtid === null ? '' : `GTID ${current.gtid}, `}` +
        `${current.file}:${current.pos}), but is more than a minute newer by the clock: was the binlog reset, or the server restored?`
      : `is of a row that was last changed at ${where(current)}, and nothing tells which of the two came later: were partitions added to the topic?`
  const others = halts.length > 1 ? ` So it is in ${halts.length - 1} more of the topic's partitions.` : ''
  return new TableHalted(
    `${table}: the event at ${where(event)} ${why}${others} Nothing is guessed: silver waits, bronze goes on. If what comes from there on is right, type ` +
      `\`binlake resume ${table}\`, which shows first what it will do; if the server was set back in time, take a new snapshot after that (docs/order.md)`,
    inOrder.map(haltedAt),
  )
}

function haltedAt({ event, current }: Halt): HaltedAt {
  const { epoch, partition, offset } = event
  return {
    ...{ epoch, partition, offset },
    ...(event.lineage > current.lineage ? { otherLog: event.lineage } : {}),
    ...(current.partition === partition ? {} : { after: { partition: current.partition, offset: current.offset } }),
  }
}

async function insertIds(duck: Duck, table: string, ids: readonly bigint[]): Promise<void> {
  const chunk = 10_000
  for (let at = 0; at < ids.length; at += chunk)
    await duck.run(sql`INSERT INTO ${id(table)} SELECT unnest(${ids.slice(at, at + chunk)})`)
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
