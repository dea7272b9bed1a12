// `binlake demo`: everything once, from an empty stack to proven answers.
import { join, relative } from 'node:path'
import { type Command, Option } from 'commander'
import { step } from '../../infra/report.ts'
import type { StackKind } from '../../infra/stack.ts'
import { whole } from '../arguments.ts'
import { demoQuestions } from '../demo-questions.ts'
import { exit } from '../exit.ts'
import { isolatedConfig } from '../isolated-config.ts'
import { openLake } from '../open-lake.ts'
import type { Session } from '../session.ts'
import { printSteps } from '../steps.ts'
import { type VerifyOutcome, verifySession } from '../verify-session.ts'
import { withSession } from '../with-session.ts'
import { generateShop } from './generate.ts'
import { runLine } from './run.ts'
import { bringUp } from './up.ts'

const details = `
Starts a stack of its own, lets the example shop do business while the line follows, proves that the lake equals the source,
and asks it a few questions. It leaves nothing running, unless told to --keep it, and touches no other stack or lake.

Examples:
  $ binlake demo
  $ binlake demo --stack embedded --orders 5000`

interface DemoOptions {
  stack?: StackKind
  orders: number
  keep?: boolean
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('see it all work, in a few minutes')
    .description('Brings up a stack, generates business, ingests, verifies, and shows answers.')
    .addOption(
      new Option('--stack <kind>', 'which kind of stack (default: the best that this machine can run)').choices([
        'docker',
        'local',
        'embedded',
      ]),
    )
    .option('--orders <count>', 'orders that the shop takes', whole(1), 500)
    .option('--keep', 'leave the stack running')
    .addHelpText('after', details)
    .action(
      withSession<DemoOptions>(async (session, options) => {
        // Stacks of different kinds cannot share a folder.
        const state = join(session.state, options.stack ? `demo-${options.stack}` : 'demo')
        const log = session.log.child({}, { level: options.debug ? 'debug' : 'warn' })
        const place: Session = { ...session, state, log, config: await demoConfig(session, state) }
        const began = Date.now()
        const outcome = await demonstrate(place, options)
        session.say(`\nall of it took ${((Date.now() - began) / 1_000).toFixed(0)} s\n`)
        return outcome.equal ? exit.ok : exit.mismatch
      }),
    )
}

async function demonstrate(start: Session, { stack: kind, orders, keep }: DemoOptions): Promise<VerifyOutcome> {
  const { say } = start
  const report = printSteps(say)
  say('1. a stack\n')
  const stack = await bringUp(start, kind)
  const session: Session = { ...start, config: await demoConfig(start, start.state) }
  try {
    say('2. the shop does business, the line follows\n')
    const outcome = await following(session, async signal => {
      const shop = { seed: 1, customers: Math.ceil(orders / 4), orders, rate: 0, signal }
      await step(report, 'generate', async () => {
        const { transactions, changes } = await generateShop(session, shop)
        signal.throwIfAborted()
        return `${transactions.toLocaleString('en')} transactions, ${changes.toLocaleString('en')} changes`
      })
      say('3. is the lake equal to the source?\n')
      return step(report, 'catch up and compare', () => verifySession({ ...session, signal }, { patience: 120 }))
    })
    const total = outcome.tables.reduce((sum, { rows }) => sum + rows.source, 0)
    const compared = outcome.tables.filter(({ skipped }) => skipped === undefined).length
    const said = outcome.equal
      ? `every table equal: ${total.toLocaleString('en')} rows in ${compared} tables`
      : 'silver differs from the source'
    report({ step: 'verify', state: outcome.equal ? 'done' : 'failed', detail: said })
    // What the line was about to do when it was stopped: gold over silver's last version.
    await step(report, 'gold', async () => void (await runLine(session, { untilCaughtUp: true })))
    say('4. answers\n')
    await answer(session)
    say(next(start, stack.kind, keep))
    return outcome
  } finally {
    if (!keep && stack.kind !== 'embedded') {
      const { down } = await import('../../infra/stack.ts')
      await down({ dir: start.state, report })
    }
  }
}

/** Tables so small are merged often at no cost, and nobody waits for what is shown. */
async function demoConfig({ config }: Session, state: string): Promise<Session['config']> {
  const isolated = await isolatedConfig(config, state)
  return { ...isolated, merge: { ...isolated.merge, interval: 2_000 } }
}

/** Does `work` while the line runs beside it. A line that fails ends the work, and the other way round. */
async function following<Result>(session: Session, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const end = new AbortController()
  const signal = AbortSignal.any([session.signal, end.signal])
  const line = runLine(session, { untilCaughtUp: false, signal })
  const stopped = line.then(() => {
    throw new DOMException('the line was stopped', 'AbortError')
  })
  try {
    return await Promise.race([work(signal), stopped])
  } finally {
    end.abort()
    await Promise.allSettled([line, stopped])
  }
}

async function answer(session: Session): Promise<void> {
  const [{ openEngine }, { sqlName }, { render }] = await Promise.all([
    import('../../sql/engine.ts'),
    import('../../sql/catalog.ts'),
    import('../../sql/format.ts'),
  ])
  const store = await openLake(session.config)
  try {
    const engine = openEngine(store)
    const tables = await engine.tables()
    const names = new Set(tables.map(table => sqlName(table, tables)))
    for (const { title, table, query } of demoQuestions) {
      if (!names.has(table)) continue
      await using result = await engine.query(query, { signal: session.signal })
      await session.print(`\n${title}\n`)
      await render(result, 'table', { maxRows: 20, print: session.print })
    }
  } finally {
    await store.close()
  }
}

function next({ state }: Session, kind: StackKind, keep: boolean | undefined): string {
  const binlake = `npx binlake --state ${relative('', state)}`
  const stopped = !keep && kind !== 'embedded'
  const lines = [
    ...(stopped ? [`${binlake} up`] : []),
    `${binlake} sql`,
    `${binlake} status`,
    `${binlake} generate --rate 20 --for 1m`,
    `${binlake} run`,
    `${binlake} down --purge`,
  ]
  return `\nWhat to type next:\n${lines.map(line => `  ${line}\n`).join('')}`
}
