// A MySQL server with its connector, forged: transactions with GTIDs and binlog positions as the real ones have them, and the records that
// Debezium makes of them. It keeps its tables' state after every transaction, for tests to compare with.

/** Tables `(id INT PRIMARY KEY, v VARCHAR(20))`. */
export type Change = { table: string; id: number; v: string | null }
export type State = Record<string, Record<number, string>>

/** The server after a transaction. */
export interface Mark {
  gtid: string
  /** As @@gtid_executed. */
  executed: string
  file: string
  /** Where the transaction ends, as SHOW BINARY LOG STATUS. */
  pos: number
  /** Positions at which events inside the transaction begin. */
  inside: number[]
  state: State
}

export interface ForgedRecord {
  topic: string
  key: string | null
  value: string
  /** When Kafka got it. */
  time: number
}

export class ForgedServer {
  readonly tables: readonly string[]
  readonly records: ForgedRecord[] = []
  readonly marks: Mark[] = []
  /** Before the first transaction: what the snapshot saw. */
  start: Mark | undefined
  readonly #state: State
  #uuid = '466c6c1f-e5bb-11f1-bdfc-02fc00000001'
  #file = 1
  #pos = 158
  readonly #executed = new Map<string, number>()
  #clock = 1_800_000_000_000

  readonly #gtids: boolean

  constructor({ tables = ['a', 'b'], gtids = true }: { tables?: readonly string[]; gtids?: boolean } = {}) {
    this.tables = tables
    this.#gtids = gtids
    this.#state = Object.fromEntries(tables.map(table => [table, {}]))
  }

  /** What the tables hold before the connector comes. Call before `snapshot`. */
  seed(changes: readonly Change[]): void {
    for (const { table, id, v } of changes) if (v !== null) this.#state[table]![id] = v
    this.#executed.set(this.#uuid, 11)
    this.#pos += 1_000
  }

  /** The connector's first look: schemas, then rows; again after a reset, rows only. */
  snapshot({ again = false } = {}): void {
    this.#clock += 10
    for (const table of again ? [] : this.tables) {
      const columns = [
        { name: 'id', typeName: 'INT', position: 1, optional: false },
        { name: 'v', typeName: 'VARCHAR', length: 20, position: 2, optional: true },
      ]
      const schema = { primaryKeyColumnNames: ['id'], columns }
      const change = { type: 'CREATE', id: `"shop"."${table}"`, table: schema }
      this.#record('shop', '{"databaseName":"shop"}', {
        source: this.#source(table, { gtid: null, pos: this.#pos, snapshot: 'true' }),
        databaseName: 'shop',
        ddl: `CREATE TABLE ${table} (id INT PRIMARY KEY, v VARCHAR(20))`,
        tableChanges: [change],
      })
    }
    for (const table of this.tables) {
      for (const [id, v] of Object.entries(this.#state[table]!)) {
        this.#record(`shop.shop.${table}`, `{"id":${id}}`, {
          ...this.#envelope('r', { before: null, after: { id: Number(id), v } }),
          source: this.#source(table, { gtid: null, pos: this.#pos, snapshot: 'true' }),
          transaction: null,
        })
      }
    }
    this.start ??= this.#mark('', [])
  }

  /** One transaction; a change to a row that is there is an update, v null a deletion (of a missing row: nothing). */
  transaction(changes: readonly Change[]): void {
    const gtid = this.#begin()
    const inside = [this.#pos]
    this.#pos += 79
    // Without GTIDs Debezium names a transaction by its BEGIN.
    const name = this.#gtids ? gtid : `file=${this.#fileName()},pos=${this.#pos}`
    this.#pos += 75
    this.#transactionRecord('BEGIN', name)
    const counts = new Map<string, number>()
    let order = 0
    for (const { table, id, v } of changes) {
      const rows = this.#state[table]!
      const before = rows[id]
      if (before === undefined && v === null) continue
      const op = v === null ? 'd' : before === undefined ? 'c' : 'u'
      inside.push(this.#pos)
      this.#pos += 52
      inside.push(this.#pos)
      const own = (counts.get(table) ?? 0) + 1
      counts.set(table, own)
      order++
      this.#record(`shop.shop.${table}`, `{"id":${id}}`, {
        ...this.#envelope(op, {
          before: before === undefined ? null : { id, v: before },
          after: v === null ? null : { id, v },
        }),
        source: this.#source(table, { gtid, pos: this.#pos, snapshot: null }),
        transaction: { id: name, total_order: order, data_collection_order: own },
      })
      this.#pos += 44
      if (v === null) delete rows[id]
      else rows[id] = v
    }
    this.#pos += 31
    this.#transactionRecord('END', name, counts)
    this.marks.push(this.#mark(gtid, inside))
  }

  /** TRUNCATE is one event of its own, of which the transaction topic says nothing. */
  truncate(table: string): void {
    const gtid = this.#begin()
    const inside = [this.#pos]
    this.#pos += 77
    this.#record(`shop.shop.${table}`, null, {
      ...this.#envelope('t', { before: null, after: null }),
      source: this.#source(table, { gtid, pos: this.#pos, snapshot: null }),
      transaction: null,
    })
    this.#pos += 97
    this.#state[table] = {}
    this.marks.push(this.#mark(gtid, inside))
  }

  rotate(): void {
    this.#file++
    this.#pos = 198
  }

  /** Another server takes over: its own GTIDs, its own binlog. */
  failover(file: number): void {
    this.#uuid = '7a5b0f66-0000-11f1-8e47-02fc00000002'
    this.#file = file
    this.#pos = 158
  }

  #begin(): string {
    const sequence = (this.#executed.get(this.#uuid) ?? 0) + 1
    this.#executed.set(this.#uuid, sequence)
    this.#clock += 10
    return `${this.#uuid}:${sequence}`
  }

  #mark(gtid: string, inside: number[]): Mark {
    return {
      gtid,
      executed: [...this.#executed].map(([uuid, n]) => `${uuid}:1-${n}`).join(','),
      file: this.#fileName(),
      pos: this.#pos,
      inside,
      state: structuredClone(this.#state),
    }
  }

  #fileName(): string {
    return `binlog.${String(this.#file).padStart(6, '0')}`
  }

  #envelope(op: string, images: { before: unknown; after: unknown }) {
    return { ...images, op, ts_ms: this.#clock }
  }

  #source(table: string, { gtid, pos, snapshot }: { gtid: string | null; pos: number; snapshot: string | null }) {
    const time = this.#clock * 1_000
    return {
      version: '3.6.1.Final',
      connector: 'mysql',
      name: 'shop',
      ts_ms: this.#clock,
      snapshot,
      db: 'shop',
      sequence: null,
      ts_us: time,
      ts_ns: time * 1_000,
      table,
      server_id: 1,
      gtid: this.#gtids ? gtid : null,
      file: this.#fileName(),
      pos,
      row: 0,
      thread: 1,
      query: null,
    }
  }

  #transactionRecord(status: string, id: string, counts?: ReadonlyMap<string, number>): void {
    const collections = counts && [...counts].map(([table, n]) => ({ data_collection: `shop.${table}`, event_count: n }))
    this.#record('shop.transaction', `{"id":"${id}"}`, {
      status,
      id,
      event_count: collections ? collections.reduce((sum, one) => sum + one.event_count, 0) : null,
      data_collections: collections ?? null,
      ts_ms: this.#clock,
    })
  }

  #record(topic: string, key: string | null, value: unknown): void {
    this.records.push({ topic, key, value: JSON.stringify(value), time: this.#clock })
  }
}
