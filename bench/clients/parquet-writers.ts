// Which Parquet writer: parquetjs-lite or DuckDB (docs/decisions/0002-parquet-writer.md).
// Both write the same spool file of made-up change events; both files are read back and compared.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Spool } from '../../connectors/spool.ts'
import { debeziumEvent } from './debezium-event.ts'
import type { WriteTask } from './parquet/writing.ts'
import { type Contender, runRounds } from './rounds.ts'
import { table } from './table.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
  },
})
const events = Number(values.events)
const folder = await mkdtemp(join(tmpdir(), 'binlake-bench-'))
try {
  const spool = new Spool(join(folder, 'events.spool'))
  for (let n = 0; n < events; n++) {
    const { key, value } = debeziumEvent(n)
    spool.append(0, n, 1_767_225_600_000 + n, null, Buffer.from(key), Buffer.from(value))
  }
  const { longestLine, bytes } = spool.finish('', '')
  const contender = (name: string, script: string, compression: WriteTask['compression']): Contender => {
    const task: WriteTask = { spool: spool.file, longestLine, compression }
    return { name, script: `parquet/${script}.ts`, task, work: 'the same rows' }
  }
  const contenders = [
    contender('parquetjs-lite, snappy', 'write-parquetjs', 'snappy'),
    contender('parquetjs-lite, gzip', 'write-parquetjs', 'gzip'),
    contender('DuckDB, snappy', 'write-duckdb', 'snappy'),
    contender('DuckDB, gzip', 'write-duckdb', 'gzip'),
    contender('DuckDB, zstd level 1 (binlake)', 'write-duckdb', 'zstd'),
  ]
  const results = await runRounds(contenders, Number(values.rounds), text => void process.stderr.write(text))
  process.stdout.write(`\n${events} rows, ${(bytes / 1e6).toFixed(0)} MB of text\n\n${table(results)}`)
} finally {
  await rm(folder, { recursive: true, force: true })
}
