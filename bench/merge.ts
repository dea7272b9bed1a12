// `node bench/merge.ts`: what a merge into a large silver table costs: bytes written anew, memory, time.
// Guarantee: measured is the way of every run, from typed changes through collapse to three commits, each in a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Table from 'cli-table3'
import { Command, InvalidArgumentError, Option } from 'commander'
import { type KeyKind, keyKinds, type Measured, MergeTable, type Work, works } from './merge-table.ts'

interface Run extends Measured {
  table: string
  work: Work
}

new Command('merge')
  .description('Makes silver tables and merges 10,000 changes into each: in one place, everywhere, new ones alone.')
  .option('--rows <n>', 'rows of the table with a bigint key', count, 10_000_000)
  .option('--other-rows <n>', 'rows of those with a text key and one of two columns', count, 1_000_000)
  .addOption(new Option('--key <kind>', 'only the table with such a key').choices(keyKinds))
  .option('--changes <n>', 'changed keys', count, 10_000)
  .option('--memory <limit>', "DuckDB's limit", '800MB')
  .option('--json', 'print the figures as JSON')
  .option('--step <kind:work:rows>', 'do one step in the folder of --lake and print its figures')
  .option('--lake <folder>', 'for --step')
  .action(async (options: Options) => {
    if (options.step) return step(options.step, options)
    const runs: Run[] = []
    for (const kind of keyKinds) {
      if (options.key && options.key !== kind) continue
      const rows = kind === 'bigint' ? options.rows : options.otherRows
      const lake = await mkdtemp(join(tmpdir(), 'binlake-merge-'))
      try {
        for (const work of works) {
          process.stderr.write(`${kind}, ${rows.toLocaleString('en')} rows: ${work}\n`)
          runs.push({
            table: `${kind}, ${rows.toLocaleString('en')} rows`,
            work,
            ...(await child([kind, work, rows].join(':'), { ...options, lake })),
          })
        }
      } finally {
        await rm(lake, { recursive: true, force: true })
      }
    }
    process.stdout.write(options.json ? `${JSON.stringify(runs, null, 2)}\n` : `${drawn(runs)}\n`)
  })
  .parse()

interface Options {
  rows: number
  otherRows: number
  changes: number
  memory: string
  key?: KeyKind
  json?: boolean
  step?: string
  lake?: string
}

/** Memory is of the process, so each step has one. */
async function child(step: string, { lake, changes, memory }: Options): Promise<Measured> {
  const process_ = spawn(
    process.execPath,
    [import.meta.filename, '--step', step, '--lake', lake!, '--changes', String(changes), '--memory', memory],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  process_.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = (await once(process_, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${step} ended with code ${code}`)
  return JSON.parse(output) as Measured
}

async function step(text: string, { lake, changes, memory }: Options): Promise<void> {
  const [kind, work, rows] = text.split(':') as [KeyKind, Work, string]
  await using table = await MergeTable.open(lake!, { kind, rows: Number(rows), memory })
  process.stdout.write(JSON.stringify(await table.measure(work, changes)))
}

function drawn(runs: readonly Run[]): string {
  const table = new Table({
    head: ['table', 'batch', 'table MB', 'files', 'written anew', 'of the table', 'own files', 'seconds', 'CPU', 'peak memory'],
    style: { head: [], border: [] },
  })
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1)
  for (const run of runs) {
    table.push([
      run.table,
      run.work,
      mb(run.tableBytes),
      run.tableFiles,
      `${mb(run.rewrittenBytes)} MB in ${run.removedFiles} files`,
      `${((100 * run.rewrittenBytes) / run.tableBytes).toFixed(1)} %`,
      `${mb(run.writtenBytes)} MB in ${run.addedFiles}`,
      run.seconds.toFixed(2),
      `${run.cpuSeconds.toFixed(2)} s`,
      `${Math.round(run.peakBytes / 1e6)} MB`,
    ])
  }
  return table.toString()
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0')
  return value
}
