// What the two writers have in common: their task, and how the file they made is checked.
import { stat } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { id, join, sql } from '../../../lake/sql.ts'
import { type Measured, ownTask, type startClock } from '../rounds.ts'
import { type Shape, shapes } from './shapes.ts'

export interface WriteTask {
  /** A text file, a line a row, its values apart by 0x1f, as the spool's are. */
  lines: string
  shape: string
  compression: 'snappy' | 'gzip' | 'zstd'
}

export const writeTask = ownTask<WriteTask>

/** Rows in a row group, as processors/bronze.ts has it. */
export const rowGroupSize = 24_576

export function shapeOf({ shape }: WriteTask): Shape {
  return shapes.find(({ name }) => name === shape)!
}

/** Reads the file back: the count, sums of the numbers and times, and a sum of the rows' hashes are the digest. */
export async function measured(
  file: string,
  { columns }: Shape,
  taken: ReturnType<ReturnType<typeof startClock>> & { peakBytes: number },
): Promise<Measured> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const values = Object.entries(columns).map(([name, kind]) => (kind === 'time' ? sql`epoch_ms(${id(name)})` : id(name)))
  const sums = Object.entries(columns).map(([name, kind], i) =>
    kind === 'text' ? sql`sum(strlen(${id(name)}))` : sql`sum(${values[i]!})`,
  )
  const reader = await connection.runAndReadAll(
    sql`SELECT count(*) AS n, ${join(sums)}, sum(hash(${join(values)})) FROM read_parquet(${file})`.text,
  )
  const [row] = reader.getRowsJson()
  connection.closeSync()
  instance.closeSync()
  return { rows: Number(row![0]), ...taken, fileBytes: (await stat(file)).size, digest: JSON.stringify(row) }
}
