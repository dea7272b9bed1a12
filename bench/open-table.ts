// Times the cold opening of tables with long logs: a fresh process each time, a local folder, a checkpoint at the newest version.
// Usage: node bench/open-table.ts [commits=10000] [runs=5]
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { openStore } from '../connectors/open-store.ts'
import { checkpoint } from '../lake/checkpoint.ts'
import { commit } from '../lake/commit.ts'
import { Duck } from '../lake/duckdb.ts'
import { loadSnapshot } from '../lake/log.ts'
import type { Table } from '../lake/table.ts'
import { longLog } from '../test/unit/lake/long-log.ts'
import { someAdd } from '../test/unit/lake/temp-table.ts'

const path = 'bronze/shop/orders'
const say = (text: string) => void process.stdout.write(`${text}\n`)

if (process.argv[2] === '--open') await open(process.argv[3]!)
else await main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 5))

/** In the fresh process: what the parent reads. */
async function open(dir: string): Promise<void> {
  const started = performance.now()
  const table = await tableAt(dir)
  const snapshot = (await loadSnapshot(table))!
  const opened = performance.now()
  const next = await commit(table, { base: snapshot, mode: 'append', operation: 'WRITE', adds: [someAdd(crypto.randomUUID())] })
  say(
    JSON.stringify({
      files: snapshot.files.size,
      version: next.version,
      start: started,
      open: opened - started,
      commit: performance.now() - opened,
      rss: process.memoryUsage.rss(),
    }),
  )
}

async function main(commits: number, runs: number): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'binlake-open-'))
  try {
    const table = await tableAt(dir)
    await mkdir(dirname(join(dir, path, '_delta_log/x')), { recursive: true })
    await longLog(table, commits, (object, bytes) => writeFile(join(dir, object), bytes))
    const byLog = performance.now()
    const snapshot = (await loadSnapshot(table))!
    say(`by ${commits} commits alone, no checkpoint: ${ms(performance.now() - byLog)}`)
    await using duck = await Duck.open()
    const began = performance.now()
    await checkpoint(duck, table, snapshot)
    say(`the checkpoint of ${snapshot.files.size} files is written in ${ms(performance.now() - began)}`)
    const times: number[] = []
    for (let run = 0; run < runs; run++) {
      const from = performance.now()
      const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename, '--open', dir])
      const report = JSON.parse(stdout) as { start: number; open: number; commit: number; rss: number; files: number }
      times.push(report.open)
      say(
        `cold, run ${run + 1}: open ${ms(report.open)}, then a commit ${ms(report.commit)}; the process in all ${ms(performance.now() - from)}, ` +
          `${(report.rss / 1e6).toFixed(0)} MB, ${report.files} files`,
      )
    }
    const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!
    say(`median of ${runs} cold openings from the checkpoint: ${ms(median)}`)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function tableAt(dir: string): Promise<Table> {
  return { store: await openStore(pathToFileURL(dir).href, { cacheDir: dir }), path }
}

function ms(time: number): string {
  return `${time.toFixed(time < 10 ? 1 : 0)} ms`
}
