// Asks the other engines: each reads a table as it would for its own users, and may write to it as a foreign writer.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export const engineNames = ['spark', 'deltalake', 'duckdb', 'polars'] as const
export type EngineName = (typeof engineNames)[number]

export type Value = string | number | boolean | null | Value[] | { [name: string]: Value }

/** What one engine saw of a table. */
export interface Reading {
  columns: string[]
  /** In the form of `Duck.json`: 64-bit integers and decimals are texts, times are `2026-01-01 00:00:00.5+00`. */
  rows: Record<string, Value>[]
}

export interface ReadOptions {
  /** Time travel; default: the newest version. */
  version?: number
  /** A condition that all of the engines' SQL dialects understand; they skip files by it. */
  where?: string
  /** Settings of the store, as delta-rs names them; only delta-rs and polars take them. */
  options?: Record<string, string>
}

/** What the engine said when it failed: its kind of error, then its words. */
export class EngineError extends Error {}

/** A connection to the engines. Requests of one connection run one after the other, those of two side by side; each has a Spark session of its own. */
export class Engines {
  readonly #socket: Socket
  readonly #waiting: { done: (result: unknown) => void; fail: (error: Error) => void }[] = []

  private constructor(socket: Socket) {
    this.#socket = socket
    createInterface({ input: socket }).on('line', line => {
      const { result, error } = JSON.parse(line) as { result: unknown; error?: string }
      const request = this.#waiting.shift()!
      if (error === undefined) request.done(result)
      else request.fail(new EngineError(error))
    })
    socket.on('close', () => {
      for (const request of this.#waiting.splice(0)) request.fail(new EngineError('the engines went away'))
    })
  }

  static async connect(address = process.env.BINLAKE_TEST_ENGINES!): Promise<Engines> {
    const socket = connect(address)
    await once(socket, 'connect')
    return new Engines(socket)
  }

  /** All rows of the table in a folder, in any order. */
  async read(engine: EngineName, folder: string, options: ReadOptions = {}): Promise<Reading> {
    return (await this.#ask({ do: 'read', engine, path: folder, ...options })) as Reading
  }

  /** Runs Spark SQL, one statement after the other; rows of the last one. `{table}` in a text stands for the table in `folder`. */
  async spark(folder: string, ...statements: string[]): Promise<Record<string, Value>[]> {
    const table = `delta.\`${folder.replaceAll('`', '``')}\``
    const texts = statements.map(text => text.replaceAll('{table}', table))
    return (await this.#ask({ do: 'spark', statements: texts })) as Record<string, Value>[]
  }

  /** Has delta-rs do one of the deeds of deeds.py. `options` are those of the store, as delta-rs names them. */
  async deltalake(folder: string, deed: string, more: Record<string, Value> = {}): Promise<Value> {
    return (await this.#ask({ do: 'deltalake', path: folder, deed, ...more })) as Value
  }

  close(): void {
    this.#socket.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #ask(request: Record<string, unknown>): Promise<unknown> {
    return new Promise((done, fail) => {
      this.#waiting.push({ done, fail })
      this.#socket.write(`${JSON.stringify(request)}\n`)
    })
  }
}
