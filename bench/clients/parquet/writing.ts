// What the two writers have in common: their task, and how the file they made is checked.
import { stat } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { sql } from '../../../lake/sql.ts'
import { type Measured, ownTask, type startClock } from '../rounds.ts'

export interface WriteTask {
  /** A spool file, as the pipeline's first stage reads it. */
  spool: string
  /** Bytes of its longest line. */
  longestLine: number
  compression: 'snappy' | 'gzip' | 'zstd'
}

export const writeTask = ownTask<WriteTask>

/** Rows in a row group, as processors/bronze.ts has it. */
export const rowGroupSize = 24_576

/** Reads the file back: counts, sums and a sum of hashes are the digest. */
export async function measured(
  file: string,
  taken: ReturnType<ReturnType<typeof startClock>> & { peakBytes: number },
): Promise<Measured> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(
    sql`SELECT count(*) AS n, sum("offset") AS offsets, sum(epoch_ms(kafka_ts)) AS times, sum(strlen("value")) AS bytes,
      sum(hash("partition", "offset", epoch_ms(kafka_ts), "key", "value")) AS hashes FROM read_parquet(${file})`.text,
  )
  const [row] = reader.getRowObjectsJson()
  connection.closeSync()
  instance.closeSync()
  return { rows: Number(row!.n), ...taken, fileBytes: (await stat(file)).size, digest: JSON.stringify(row) }
}
