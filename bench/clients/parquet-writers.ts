// Which Parquet writer: parquetjs-lite or DuckDB (docs/decisions/0002-parquet-writer.md).
// Both write the same lines of text; both files are read back and compared.
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { type Shape, shapes } from './parquet/shapes.ts'
import type { WriteTask } from './parquet/writing.ts'
import { type Contender, runRounds } from './rounds.ts'
import { table } from './table.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    rounds: { type: 'string', default: '5' },
  },
})
const count = Number(values.rows)
const folder = await mkdtemp(join(tmpdir(), 'binlake-bench-'))
try {
  const contenders: Contender[] = []
  for (const shape of shapes) {
    const lines = join(folder, `${shape.name}.txt`)
    await pipeline(Readable.from(linesOf(shape)), createWriteStream(lines))
    const contender = (writer: string, script: string, compression: WriteTask['compression']): Contender => {
      const task: WriteTask = { lines, shape: shape.name, compression }
      return { name: `${shape.name} rows, ${writer}`, script: `parquet/${script}.ts`, task, work: shape.name }
    }
    contenders.push(
      contender('parquetjs-lite, snappy', 'write-parquetjs', 'snappy'),
      contender('parquetjs-lite, gzip', 'write-parquetjs', 'gzip'),
      contender('DuckDB, snappy', 'write-duckdb', 'snappy'),
      contender('DuckDB, zstd 1 (binlake)', 'write-duckdb', 'zstd'),
    )
  }
  const results = await runRounds(contenders, Number(values.rounds), text => void process.stderr.write(text))
  process.stdout.write(`\n${count} rows\n\n${table(results)}`)
} finally {
  await rm(folder, { recursive: true, force: true })
}

function* linesOf({ row }: Shape): Generator<string> {
  for (let n = 0; n < count; n++) yield `${row(n).join('\x1f')}\n`
}
