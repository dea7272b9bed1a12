// One running query: its columns, and its rows as they come.
// Guarantee: a query that was interrupted ends in an error, never as a shorter result.
import type { DuckDBResult, DuckDBValueConverter } from '@duckdb/node-api'
import type { Duck } from '../lake/duckdb.ts'
import { SqlError } from './sql-error.ts'

export interface QueryOptions {
  /** Cancels the query; its rows then throw an AbortError. */
  signal?: AbortSignal
  /** Milliseconds after which the query is stopped with SQL_TIMEOUT. */
  timeout?: number
}

export interface QueryResult extends AsyncDisposable {
  columns: { name: string; type: string }[]
  /** All rows once, in blocks, each value through `convert`. */
  rows<T>(convert: DuckDBValueConverter<T>): AsyncGenerator<(T | null)[][]>
}

/** Starts a statement on a database made for it; disposing the result closes that database. */
export async function startQuery(duck: Duck, text: string, options: QueryOptions): Promise<QueryResult> {
  let stopped: Error | undefined
  let again: NodeJS.Timeout | undefined
  const stop = (reason: Error) => {
    stopped ??= reason
    duck.connection.interrupt()
    // A statement that is only about to begin forgets an interruption.
    again ??= setInterval(() => duck.connection.interrupt(), 50)
  }
  const onAbort = () => stop(new DOMException('the query was cancelled', 'AbortError'))
  const seconds = (options.timeout ?? 0) / 1_000
  const timer =
    seconds > 0
      ? setTimeout(() => stop(new SqlError('SQL_TIMEOUT', `the query ran longer than ${seconds} s (--timeout)`)), options.timeout)
      : undefined
  options.signal?.addEventListener('abort', onAbort)
  const close = async () => {
    clearTimeout(timer)
    clearInterval(again)
    options.signal?.removeEventListener('abort', onAbort)
    await duck.close()
  }
  const guarded = async <T>(work: Promise<T>): Promise<T> => {
    const value = await work.catch((cause: Error) => {
      throw stopped ?? queryError(cause)
    })
    if (stopped) throw stopped
    return value
  }
  try {
    if (options.signal?.aborted) {
      onAbort()
      throw stopped
    }
    const result = await guarded<DuckDBResult>(duck.connection.stream(text))
    const names = result.deduplicatedColumnNames()
    return {
      columns: names.map((name, i) => ({ name, type: String(result.columnType(i)) })),
      async *rows(convert) {
        const blocks = result.yieldConvertedRows(convert)
        for (;;) {
          const block = await guarded(blocks.next())
          if (block.done) return
          yield block.value
        }
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** DuckDB's errors in our words. Parser, binder and catalog errors are the query's; the others happened while it ran. */
function queryError(cause: Error): SqlError {
  if (cause.message.startsWith('Permission Error')) {
    return new SqlError('SQL_REFUSED', 'a query reads tables of the lake, no file and nothing else of this machine', { cause })
  }
  const wrong = /^(Parser|Binder|Catalog) Error/.test(cause.message)
  return new SqlError(wrong ? 'SQL_INVALID' : 'SQL_FAILED', cause.message, { cause })
}
