// Writes a spool file's lines to Parquet with DuckDB's COPY, as binlake does; no row is a JavaScript object.
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { TopicBatch } from '../../../connectors/source.ts'
import { sql, trusted } from '../../../lake/sql.ts'
import { spoolLines } from '../../../processors/stage.ts'
import { peakBytes, startClock } from '../rounds.ts'
import { measured, rowGroupSize, writeTask } from './writing.ts'

const task = writeTask()
const file = join(task.folder, 'rows.parquet')
const stopClock = startClock()
const instance = await DuckDBInstance.create(':memory:', { preserve_insertion_order: 'false' })
const connection = await instance.connect()
await connection.run(sql`SET TimeZone = 'UTC'`.text)
const lines = spoolLines({ spool: task.spool, longestLine: task.longestLine } as TopicBatch)
const level = task.compression === 'zstd' ? sql`, COMPRESSION_LEVEL 1` : sql``
await connection.run(
  sql`COPY (SELECT partition, "offset", make_timestamptz(kafka_ms * 1000) AS kafka_ts, "key", "value" FROM ${lines})
    TO ${file} (FORMAT parquet, COMPRESSION ${trusted(task.compression)}${level}, ROW_GROUP_SIZE ${rowGroupSize})`.text,
)
const taken = { ...stopClock(), peakBytes: peakBytes() }
connection.closeSync()
instance.closeSync()
process.stdout.write(JSON.stringify(await measured(file, taken)))
