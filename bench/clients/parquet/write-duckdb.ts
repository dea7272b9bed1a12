// Writes lines of text to Parquet with DuckDB's COPY, as binlake does; no row is a JavaScript object.
import { join as joinPath } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { id, join, sql, trusted } from '../../../lake/sql.ts'
import { peakBytes, startClock } from '../rounds.ts'
import { measured, rowGroupSize, shapeOf, writeTask } from './writing.ts'

const task = writeTask()
const shape = shapeOf(task)
const columns = Object.entries(shape.columns)
const texts = join(columns.map(([name, kind]) => sql`${name}: ${kind === 'text' ? 'VARCHAR' : 'BIGINT'}`))
const lines = sql`read_csv(${task.lines}, auto_detect = false, header = false, delim = chr(31), quote = '', escape = '', new_line = '\\n', columns = {${texts}})`
const values = join(
  columns.map(([name, kind]) => (kind === 'time' ? sql`make_timestamptz(${id(name)} * 1000) AS ${id(name)}` : id(name))),
)
const level = task.compression === 'zstd' ? sql`, COMPRESSION_LEVEL 1` : sql``
const file = joinPath(task.folder, 'rows.parquet')
const stopClock = startClock()
const instance = await DuckDBInstance.create(':memory:', { preserve_insertion_order: 'false' })
const connection = await instance.connect()
await connection.run(
  sql`COPY (SELECT ${values} FROM ${lines}) TO ${file}
    (FORMAT parquet, COMPRESSION ${trusted(task.compression)}${level}, ROW_GROUP_SIZE ${rowGroupSize})`.text,
)
const taken = { ...stopClock(), peakBytes: peakBytes() }
connection.closeSync()
instance.closeSync()
process.stdout.write(JSON.stringify(await measured(file, shape, taken)))
