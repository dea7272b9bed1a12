// `npm run chaos`: the property test of scenario 57 for as long as asked, with a seed that is printed.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { chaos } from '../test/stack/scenarios/chaos.ts'
import { type DdlKind, ddlKinds } from '../test/stack/scenarios/chaos-ddl.ts'
import { troubleNames } from '../test/stack/scenarios/chaos-trouble.ts'

interface Options {
  minutes: number
  seed: number
  folder?: string
  ddl: DdlKind[]
  troubles: string[]
  keep?: boolean
}

new Command('chaos')
  .description(
    'Random business and random failures on servers of its own, then the proof that nothing was lost, doubled or mixed up.',
  )
  .option('--minutes <n>', 'how long to make trouble', number, 10)
  .option('--seed <n>', 'of business and troubles', number, Math.floor(Math.random() * 1e9))
  .option('--folder <folder>', 'where servers, lake and log go; default: a temporary one, removed when all is well')
  .option('--ddl <kinds>', `changes of tables, of ${ddlKinds.join(',')}`, list(ddlKinds), [...ddlKinds])
  .option('--troubles <names>', `of ${troubleNames.join(',')}`, list(troubleNames), [...troubleNames])
  .option('--keep', 'leave servers and lake as they are')
  .action(async ({ minutes, seed, folder: given, ddl, troubles, keep = false }: Options) => {
    const folder = resolve(given ?? (await mkdtemp(join(tmpdir(), 'binlake-chaos-'))))
    const say = (line: string) => void process.stdout.write(`${line}\n`)
    say(`seed ${seed}, folder ${folder}`)
    const { wrong } = await chaos({ folder, seconds: minutes * 60, seed, ddl, troubles, keep, onLog: say })
    if (wrong.length === 0 && !given && !keep) await rm(folder, { recursive: true, force: true })
    process.exitCode = wrong.length === 0 ? 0 : 1
  })
  .parse()

function number(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('expected a number above 0')
  return value
}

function list<Item extends string>(known: readonly Item[]): (text: string) => Item[] {
  return text => {
    const items = text === 'none' ? [] : text.split(',')
    const wrong = items.find(item => !known.includes(item as Item))
    if (wrong !== undefined) throw new InvalidArgumentError(`unknown: ${wrong}`)
    return items as Item[]
  }
}
