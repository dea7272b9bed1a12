// The shop without a server: its tables, and the change log that Debezium would publish, in one folder.
// Guarantee: tables and log are written in one commit each time, so that neither ever holds a transaction the other lacks.
import { randomUUID } from 'node:crypto'
import { type Frame, valueText } from '../connectors/embedded-frame.ts'
import { EmbeddedLog } from '../connectors/embedded-log.ts'
import { PartitionReader } from '../connectors/embedded-reader.ts'
import { partitionFile } from '../connectors/embedded-topics.ts'
import { type BinlogState, createBinlogState } from './binlog.ts'
import { addEvents, addRecord, addRows, type Records, rowTopic } from './change-events.ts'
import { type Connector, contextHeaders } from './envelope.ts'
import { stateTopic, tableTopic } from './read-embedded.ts'
import { addScannedRow, addSchema, snapshotMark } from './snapshot-events.ts'
import { storedRows } from './stored-rows.ts'
import { tablesByName } from './table-changes.ts'
import { shopDatabase, shopTables, type TableName } from './tables.ts'
import type { ShopTransaction } from './transaction.ts'

export interface EmbeddedShopOptions {
  /** Debezium's topic.prefix, `shop` by default. */
  topicPrefix?: string
  database?: string
  /** In the GTIDs; a random one by default. */
  serverUuid?: string
  /** In the context headers; a random one by default. */
  runId?: string
  /** The time of a commit in microseconds; the wall clock by default. */
  clock?: (transaction: ShopTransaction | undefined) => number
}

/** What the shop knows about itself, in the last record of its own topic. */
interface State {
  topicPrefix: string
  database: string
  binlog: BinlogState
  /** The highest id given out, by table. */
  ids: Partial<Record<TableName, number>>
  /** The shop's clock at the last change, milliseconds. */
  lastChange?: number
  /** Runs so far; stands for the client's connection number. */
  runs: number
}

/** Events in one commit of a snapshot. */
const rowsPerCommit = 5_000

/** Close it to let the next writer in. */
export class EmbeddedShop {
  readonly dir: string
  readonly #log: EmbeddedLog
  readonly #state: State
  readonly #connector: Connector
  readonly #clock: (transaction: ShopTransaction | undefined) => number
  #lastTime = 0

  private constructor(log: EmbeddedLog, state: State, options: EmbeddedShopOptions) {
    this.dir = log.dir
    this.#log = log
    this.#state = state
    const { topicPrefix: name, database } = state
    this.#connector = { name, database, runId: options.runId ?? randomUUID(), serverId: 1 }
    this.#clock = options.clock ?? (() => Math.floor((performance.timeOrigin + performance.now()) * 1000))
  }

  /** Opens the shop in a folder, or opens a new one there. Throws EmbeddedLogError, RangeError when the folder is another shop's. */
  static async open(dir: string, options: EmbeddedShopOptions = {}): Promise<EmbeddedShop> {
    const log = await EmbeddedLog.open(dir)
    try {
      const { topicPrefix = 'shop', database = shopDatabase } = options
      createTopics(log, { topicPrefix, database })
      const found = readState(dir)
      const state = found ?? {
        topicPrefix,
        database,
        ids: {},
        runs: 0,
        binlog: createBinlogState(options.serverUuid ?? randomUUID()),
      }
      if (state.topicPrefix !== topicPrefix || state.database !== database) {
        throw new RangeError(
          `${dir} holds the shop of topic prefix ${state.topicPrefix}, database ${state.database}: use these, or another folder`,
        )
      }
      state.runs++
      const shop = new EmbeddedShop(log, state, options)
      if (!found) shop.#look()
      return shop
    } catch (error) {
      await log.close()
      throw error
    }
  }

  /** Commits transactions. With `captured: false` they are in the tables only, as if no connector had been there yet. */
  apply(batch: readonly ShopTransaction[], { captured = true } = {}): void {
    const records: Records = new Map()
    const connector = this.#connector
    const { binlog, runs } = this.#state
    const emission = { connector, binlog, records, thread: 7 + runs, headers: contextHeaders(connector) }
    for (const transaction of batch) {
      addRows(records, transaction)
      if (captured) addEvents(emission, transaction, this.#time(transaction))
      this.#note(transaction)
    }
    this.#commit(records)
  }

  /** Publishes the schema and every row anew, as a connector's initial snapshot does. Returns the number of rows. */
  async snapshot(): Promise<number> {
    this.#look()
    const tables = tablesByName()
    let rows = 0
    for (const [index, { name }] of tables.entries()) {
      const place = { firstTable: index === 0, lastTable: index === tables.length - 1 }
      rows += await this.#scan(name, place)
    }
    return rows
  }

  /** The highest id ever given out, by table. */
  get ids(): Partial<Record<TableName, number>> {
    return { ...this.#state.ids }
  }

  /** The shop's clock at the last change, milliseconds since 1970; undefined in an empty shop. */
  get lastChange(): number | undefined {
    return this.#state.lastChange
  }

  async close(): Promise<void> {
    await this.#log.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** The connector looks at the tables. */
  #look(): void {
    const records: Records = new Map()
    addSchema({ connector: this.#connector, binlog: this.#state.binlog, records, time: this.#time(undefined) })
    this.#commit(records)
  }

  async #scan(table: string, place: { firstTable: boolean; lastTable: boolean }): Promise<number> {
    const time = this.#time(undefined)
    let records: Records = new Map()
    let rows = 0
    const scan = () => ({ connector: this.#connector, binlog: this.#state.binlog, records, time })
    const iterator = storedRows(this.dir, table)[Symbol.asyncIterator]()
    for (let next = await iterator.next(); !next.done; ) {
      const row = next.value
      next = await iterator.next()
      addScannedRow(scan(), table, { row, mark: snapshotMark({ ...place, firstRow: rows === 0, lastRow: next.done === true }) })
      rows++
      if (rows % rowsPerCommit !== 0) continue
      this.#commit(records)
      records = new Map()
    }
    this.#commit(records)
    return rows
  }

  #note({ at, changes }: ShopTransaction): void {
    const { ids } = this.#state
    for (const { table, after } of changes) {
      const id = after?.id
      if (typeof id === 'number' && id > (ids[table] ?? 0)) ids[table] = id
    }
    this.#state.lastChange = Math.max(this.#state.lastChange ?? 0, at.getTime())
  }

  #commit(records: Records): void {
    addRecord(records, stateTopic, { key: null, value: JSON.stringify(this.#state) })
    this.#log.commit([...records].map(([topic, list]) => ({ topic, partition: 0, records: list })))
  }

  /** Never the same twice, never backwards. */
  #time(transaction: ShopTransaction | undefined): number {
    this.#lastTime = Math.max(this.#lastTime + 1, this.#clock(transaction))
    return this.#lastTime
  }
}

function createTopics(log: EmbeddedLog, { topicPrefix, database }: { topicPrefix: string; database: string }): void {
  const connector = { name: topicPrefix, database }
  const tables = shopTables.flatMap(({ name }) => [tableTopic(name), rowTopic(connector, name)])
  const existing = new Set(log.topics().map(({ name }) => name))
  if (existing.has(stateTopic)) return
  // The shop's own topic comes last: it stands for all of them.
  for (const name of [topicPrefix, `${topicPrefix}.transaction`, ...tables, stateTopic])
    if (!existing.has(name)) log.createTopic(name)
}

function readState(dir: string): State | undefined {
  const file = partitionFile(dir, stateTopic, 0)
  const reader = new PartitionReader(file)
  let last: string | null = null
  try {
    reader.read((frame: Frame) => {
      last = valueText(frame)
      return true
    })
  } finally {
    reader.close()
  }
  return last === null ? undefined : JSON.parse(last)
}
