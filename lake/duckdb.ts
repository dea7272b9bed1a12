// DuckDB is the column engine: it reads and writes Parquet, types JSON, sorts, joins and hashes.
// Guarantee: every connection runs in UTC, within one memory limit, spilling to a folder of its own.
import { tmpdir } from 'node:os'
import { type DuckDBConnection, DuckDBInstance, DuckDBTimestampTZValue, type JS, type Json } from '@duckdb/node-api'
import { makeOwnFolder, removeOwnFolder } from '../connectors/own-folder.ts'
import { type Sql, sql } from './sql.ts'

// The binding writes instants in the machine's zone, whatever the connection's is.
DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0

export interface DuckOptions {
  /** DuckDB's own limit, e.g. `800MB`; beyond it operators spill to disk. */
  memoryLimit?: string
  threads?: number
}

/** One in-memory DuckDB. A connection runs one statement at a time; `fork` gives another on the same data. */
export class Duck {
  readonly #instance: DuckDBInstance
  readonly connection: DuckDBConnection
  readonly #spill: string | undefined

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, spill?: string) {
    this.#instance = instance
    this.connection = connection
    this.#spill = spill
  }

  static async open(options: DuckOptions = {}): Promise<Duck> {
    const spill = await makeOwnFolder(tmpdir(), 'binlake-duckdb')
    const instance = await DuckDBInstance.create(':memory:', {
      temp_directory: spill,
      preserve_insertion_order: 'false',
      // All files are local: the system caches them already, and this would fill the memory limit with them for good.
      enable_external_file_cache: 'false',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      ...(options.memoryLimit ? { memory_limit: options.memoryLimit } : {}),
      ...(options.threads ? { threads: String(options.threads) } : {}),
    })
    const duck = new Duck(instance, await instance.connect(), spill)
    await duck.run(sql`SET TimeZone = 'UTC'`)
    return duck
  }

  /** A second connection to the same database, for work side by side. Closing it leaves the database open. */
  async fork(): Promise<Duck> {
    const duck = new Duck(this.#instance, await this.#instance.connect())
    await duck.run(sql`SET TimeZone = 'UTC'`)
    return duck
  }

  async run(statement: Sql): Promise<void> {
    await this.connection.run(statement.text)
  }

  /** Rows as JavaScript values: BIGINT is bigint, DECIMAL is number, TIMESTAMP is Date. For metadata, not for data in bulk. */
  async rows<Row = Record<string, JS>>(statement: Sql): Promise<Row[]> {
    const reader = await this.connection.runAndReadAll(statement.text)
    return reader.getRowObjectsJS() as Row[]
  }

  /** Rows as JSON values: BIGINT and DECIMAL are strings, exact. */
  async json(statement: Sql): Promise<Record<string, Json>[]> {
    const reader = await this.connection.runAndReadAll(statement.text)
    return reader.getRowObjectsJson()
  }

  /** The first row, or undefined. */
  async row<Row = Record<string, JS>>(statement: Sql): Promise<Row | undefined> {
    return (await this.rows<Row>(statement))[0]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async close(): Promise<void> {
    this.connection.closeSync()
    if (this.#spill === undefined) return
    this.#instance.closeSync()
    await removeOwnFolder(this.#spill)
  }
}
