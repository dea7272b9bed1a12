// Which of the source's transactions gold may show: all up to the first that some table of silver does not hold whole (cdc-spec §2.4, Gold).
// Guarantee: of a transaction all tables show everything or nothing; what never becomes whole is waited for only so long.
import type { Logger } from 'pino'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { type QualifiedName, tablePath } from '../../lake/layout.ts'
import { prune } from '../../lake/prune.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import { topicsOf } from '../bronze-names.ts'
import { paths } from '../silver-parts.ts'
import { takenBy } from '../taken.ts'
import { readRecentTransactions } from './recent-transactions.ts'
import { newer, readTail, type Tail } from './tail.ts'

export interface WholeTransactions {
  /** Milliseconds that gold waits for one transaction to become whole. */
  patienceMs: number
}

/** What one process remembers of a lake between two refreshes. */
export interface CutMemory {
  topic?: string
  /** The tables that gold reads, as one text: with others, all is looked at again. */
  tables: string
  /** All transactions before were whole. */
  done: bigint
  /** By table, the bronze version that silver had taken; if it goes back, all is looked at again. */
  taken: Map<string, number>
  /** By table, where reading its history's tail stopped. */
  floors: Map<string, number>
  /** What is waited for, and since when. */
  waits: Map<string, { mark: bigint; stands: string; since: number; said: boolean }>
}

/** A source table that gold reads, at the versions of this refresh. */
export interface CutTable {
  name: QualifiedName
  bronze: Snapshot
  current: Snapshot
  history: Snapshot
}

/** Of one table: what must not be seen yet. */
export interface Unseen {
  table: CutTable
  tail: Tail
  /** A query `_epoch, _partition, _offset`: changes of transactions that are not whole. */
  places: Sql
  /** The bronze version of the first step that holds any of them. */
  firstStep: number
}

export interface TransactionCut {
  /** By `database.table`; tables that show all they hold are not in it. */
  unseen: Map<string, Unseen>
  /** Says what is seen; equal texts mean the same. */
  said: string
}

export interface CutOptions extends WholeTransactions {
  duck: Duck
  lake: Lakehouse
  log: Logger
  memory: CutMemory
  tables: readonly CutTable[]
  /** The place that an earlier process had come to, as text of topic and tables. */
  kept?: (topic: string, names: string) => bigint
  now?: number
}

export function newMemory(): CutMemory {
  return { tables: '', done: 0n, taken: new Map(), floors: new Map(), waits: new Map() }
}

/** Undefined: there is nothing to cut by; the topic of transactions tells nothing. */
export async function cutAtTransactions(options: CutOptions): Promise<TransactionCut | undefined> {
  const { duck, lake, memory, tables } = options
  beginAnew(options)
  const recent = await readRecentTransactions(duck, lake, topic => {
    if (memory.topic !== topic) {
      const done = options.kept?.(topic, memory.tables) ?? 0n
      Object.assign(memory, { topic, done, floors: new Map(), waits: new Map() })
    }
    return memory.done
  })
  if (!recent) return undefined
  if (recent.topic === '') memory.done = 0n
  const tails = new Map<CutTable, Tail>()
  for (const [nth, table] of tables.entries()) {
    const tail = await tailOf(options, table, nth)
    if (tail) tails.set(table, tail)
  }
  const lacks = new Map<string, Lack>()
  for (const [table, tail] of tails) {
    const ord = await firstLack(options, table, tail)
    if (ord !== undefined) lacks.set(nameOf(table), { cut: ord, mark: ord, stands: String(memory.taken.get(nameOf(table))) })
  }
  if (recent.open !== undefined) lacks.set(anOpenOne, lackAt(recent.open, recent.open))
  // Changes of transactions that the topic has yet to tell of.
  for (const { places } of tails.values())
    if (await duck.row(sql`SELECT 1 FROM ${places} WHERE ord = ${newer} LIMIT 1`))
      lacks.set(anUnknownOne, lackAt(newer, recent.newest))
  const cut = waitedFor(lacks, options).sort((a, b) => Number(a - b))[0] ?? newer + 1n
  const unseen = new Map<string, Unseen>()
  for (const [table, tail] of tails) {
    const found = await duck.row<{ step: bigint | null }>(sql`SELECT min(step) AS step FROM ${tail.places} WHERE ord >= ${cut}`)
    if (found?.step == null) continue
    const places = sql`(SELECT DISTINCT _epoch, _partition, _offset FROM ${tail.places} WHERE ord >= ${cut})`
    unseen.set(nameOf(table), { table, tail, places, firstStep: Number(found.step) })
  }
  memory.done = cut < newer ? cut : recent.newest
  return { unseen, said: `${recent.topic} ${cut} ${recent.newest}` }
}

function beginAnew({ memory, tables }: CutOptions): void {
  const names = tables.map(nameOf).sort().join(' ')
  const taken = new Map(tables.map(table => [nameOf(table), takenBy(table.current, table.bronze.metaData.id)]))
  const back = [...taken].some(([name, version]) => version < (memory.taken.get(name) ?? -1))
  // Without a topic, what was kept for these tables is looked for.
  if (back || memory.tables !== names) Object.assign(memory, { topic: undefined, tables: names })
  if (back) Object.assign(memory, { floors: new Map() })
  memory.taken = taken
}

interface Lack {
  /** Nothing from here on is seen. */
  cut: bigint
  /** While this stays the same, nothing has moved. */
  mark: bigint
  /** Nor while this does: a table that has halted lacks one transaction after the other. */
  stands: string
}

function lackAt(cut: bigint, mark: bigint): Lack {
  return { cut, mark, stands: String(mark) }
}

/** In place of a table's name. */
const anOpenOne = 'a transaction without its end'
const anUnknownOne = 'a transaction that its topic has not told of'

async function tailOf({ duck, lake, memory }: CutOptions, table: CutTable, nth: number): Promise<Tail | undefined> {
  const { history, bronze, current, name } = table
  const path = paths(name).history
  const bronzeId = bronze.metaData.id
  const key = `${path} ${history.metaData.id}`
  const taken = takenBy(current, bronzeId)
  const floor = memory.floors.get(key) ?? 0
  const tail = await readTail(duck, lake, { path, history, bronzeId, taken, since: memory.done, floor, nth })
  if (tail) memory.floors.set(key, tail.floor)
  return tail
}

/**
 * The first transaction that the table holds a part of, or nothing although it should. In a topic of one partition, a change of a later one
 * shows that nothing is to come any more: what is not there was sent twice, or set aside.
 */
async function firstLack(options: CutOptions, table: CutTable, { places }: Tail): Promise<bigint | undefined> {
  const { duck, memory } = options
  const single = new Set(topicsOf(table.bronze).map(({ partition }) => partition)).size === 1
  const passed = single ? sql`AND ord >= (SELECT coalesce(max(ord), -1) FROM ${places})` : sql``
  const lacking = await duck.rows<{ id: string; ord: bigint; at: bigint; wanted: bigint }>(sql`
    SELECT id, ord, told_at AS "at", wanted FROM (
      SELECT *, list_sum([t.event_count FOR t IN tables IF t.data_collection = ${nameOf(table)}])::BIGINT AS wanted
      FROM recent_transactions WHERE ord >= ${memory.done} AND tables IS NOT NULL ${passed}) AS known
    LEFT JOIN (SELECT ord, count(DISTINCT (_epoch, _partition, _offset)) AS have FROM ${places} GROUP BY ord) AS held USING (ord)
    WHERE wanted > coalesce(have, 0) ORDER BY ord LIMIT 100`)
  for (const one of lacking) if (!(await nothingToCome(options, table, one))) return one.ord
  return undefined
}

/** Silver has taken all of bronze, and bronze has all of the transaction's events: what history lacks of them did not apply. */
async function nothingToCome(
  { duck, lake }: CutOptions,
  { name, bronze, current }: CutTable,
  { id, at, wanted }: { id: string; at: bigint; wanted: bigint },
): Promise<boolean> {
  if (takenBy(current, bronze.metaData.id) < bronze.version) return false
  const around = (hours: number) => sql`make_timestamptz(${(at + BigInt(hours) * 3_600_000n) * 1_000n})`
  const files = await prune(duck, bronze, [
    [
      { column: '_source_ts', operator: '>=', values: [around(-1)], plain: false },
      { column: '_source_ts', operator: '<=', values: [around(1)], plain: false },
    ],
  ])
  const rows = await scan(lake.table(tablePath('bronze', name)), bronze, { files, columns: ['_gtid', '_tx_order'] })
  const found = await duck.row<{ n: bigint }>(
    sql`SELECT count(DISTINCT _tx_order) AS n FROM ${rows} WHERE lower(_gtid) = ${id.toLowerCase()}`,
  )
  return found!.n >= wanted
}

/** Where it is still worth waiting. What does not move for so long is not waited for until it does. */
function waitedFor(lacks: ReadonlyMap<string, Lack>, { memory, patienceMs, log, now = Date.now() }: CutOptions): bigint[] {
  for (const what of memory.waits.keys()) if (!lacks.has(what)) memory.waits.delete(what)
  const waited: bigint[] = []
  for (const [what, { cut, mark, stands }] of lacks) {
    const wait = memory.waits.get(what)
    const moved = !wait || (wait.mark !== mark && wait.stands !== stands)
    if (moved) memory.waits.set(what, { mark, stands, since: now, said: false })
    else wait.mark = mark
    if (moved || now - wait.since <= patienceMs) {
      waited.push(cut)
      continue
    }
    if (!wait.said)
      log.warn(
        `gold goes on without waiting for ${what}: it has not become whole for ${Math.round(patienceMs / 1_000)} s (gold.patience)`,
      )
    wait.said = true
  }
  return waited
}

function nameOf({ name }: CutTable): string {
  return `${name.database}.${name.table}`
}

/** Silver's place of a path: `silver/shop/orders_history` is of `shop.orders` if that has been its bronze. */
export async function cutTableOf(
  lake: Lakehouse,
  name: QualifiedName,
  versions: { current: Snapshot; history: Snapshot },
): Promise<CutTable | undefined> {
  const bronze = await lake.current(tablePath('bronze', name))
  return bronze && versions.current.txns.has(bronze.metaData.id) ? { name, bronze, ...versions } : undefined
}
