// `node bench/soak.ts`: a week of five-second commits, time-compressed; figures as JSON and as a plot.
// Guarantee: every commit is made by the code that `binlake run` uses; only the clock is not the real one.
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import { Command, InvalidArgumentError } from 'commander'
import { plot } from './soak/plot.ts'
import { simulate } from './soak/simulate.ts'

const second = 1_000
const realNow = Date.now

new Command('soak')
  .description('A week of five-second commits into bronze and merges into silver, with maintenance; in memory where /dev/shm is.')
  .option('--commits <n>', 'commits into bronze, one every five simulated seconds', count, 120_960)
  .option('--rows <n>', 'changes in each', count, 10)
  .option('--keys <n>', 'orders that live at a time', count, 5_000)
  .option('--merge <seconds>', 'simulated seconds between two merges into silver', count, 60)
  .option('--no-maintenance', 'without it, to compare; do not try a week of that')
  .option('--json <file>', 'where the figures go', 'soak.json')
  .option('--svg <file>', 'where the plot goes', 'soak.svg')
  .action(async (options: Options) => {
    const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'binlake-soak-'))
    const began = realNow()
    mock.timers.enable({ apis: ['Date'], now: began })
    try {
      const samples = await simulate({
        folder,
        ...{ commits: options.commits, rows: options.rows, keys: options.keys },
        every: { commit: 5 * second, merge: options.merge * second, look: 600 * second, sample: 3 * 3_600 * second },
        maintenance: options.maintenance ? {} : undefined,
        begin: Date.parse('2026-01-05T00:00:00Z'),
        setTime: now => mock.timers.setTime(now),
        onSample: ({ commits, hours, memory, tables }) => {
          const bronze = tables['bronze/shop/orders']!
          const took = Math.round((realNow() - began) / 1_000)
          process.stderr.write(
            `${took} s: ${commits} commits, ${hours.toFixed(0)} h: bronze ${bronze.files} files, log ${bronze.log.objects}, opens in ${bronze.openMs} ms, ${Math.round(memory / 1e6)} MB of memory\n`,
          )
        },
      })
      const seconds = Math.round((realNow() - began) / 1_000)
      const { json, svg, ...asked } = options
      await writeFile(json, `${JSON.stringify({ asked, seconds, samples }, null, 2)}\n`)
      await writeFile(svg, plot(samples))
    } finally {
      mock.timers.reset()
      await rm(folder, { recursive: true, force: true })
    }
  })
  .parse()

interface Options {
  commits: number
  rows: number
  keys: number
  merge: number
  maintenance: boolean
  json: string
  svg: string
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0')
  return value
}
