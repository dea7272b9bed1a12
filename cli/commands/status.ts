// `binlake status`: is everything flowing?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { ObjectStore } from '../../connectors/object-store.ts'
import type { EndOffsets } from '../../connectors/source.ts'
import type { LakeStatus } from '../../processors/status.ts'
import { seconds } from '../arguments.ts'
import { exit, isCoded, safeMessage } from '../exit.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { openSource } from '../open-source.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

interface Status extends LakeStatus {
  state: 'ok' | 'degraded' | 'failed'
  stack: { kind: string; services: { name: string; alive: boolean }[] } | undefined
}

const details = `
Lag is the number of records in Kafka that bronze lacks; behind is the number of bronze commits that silver has not taken.
Exit code 0: all is well. 3: something stands still or needs a person; it says what. 1: Kafka or a server does not answer.

Examples:
  $ binlake status
  $ binlake status --watch
  $ binlake status --json | jq .problems`

export function addStatus(program: Command): void {
  program
    .command('status')
    .summary('show lag, freshness and what needs attention')
    .description('Shows how far each table is behind its source, how fresh it is, and what was set aside.')
    .option('--json', 'as JSON; with --watch one line a look')
    .option('--watch [seconds]', 'look again and again (default: every 2 s)', seconds)
    .addHelpText('after', details)
    .action(
      withSession<{ json?: boolean; watch?: number | true }>(async (session, { json, watch }) => {
        const store = await openLake(session.config)
        try {
          for (;;) {
            const status = await look(session, store)
            const screen = watch && !json && process.stdout.isTTY ? '\x1b[2J\x1b[H' : ''
            await session.print(json ? `${JSON.stringify(status, null, watch ? 0 : 2)}\n` : `${screen}${await drawn(status)}`)
            if (!watch) return { ok: exit.ok, degraded: exit.degraded, failed: exit.failure }[status.state]
            await sleep((watch === true ? 2 : watch) * 1_000, undefined, { signal: session.signal }).catch(() => {})
            if (session.signal.aborted) return exit.ok
          }
        } finally {
          await store.close()
        }
      }),
    )
}

async function look(session: Session, store: ObjectStore): Promise<Status> {
  const { config, log, state: folder } = session
  const [{ Lakehouse }, { lakeStatus }] = await Promise.all([
    import('../../lake/lakehouse.ts'),
    import('../../processors/status.ts'),
  ])
  const failures: string[] = []
  const ends = config.kafka.brokers && config.kafka.prefix ? await endOffsets(session).catch(noted(failures)) : undefined
  const policy = config.policy.file ? await openPolicy(config).catch(noted(failures)) : undefined
  const stack = await stackHealth(folder)
  for (const { name, alive } of stack?.services ?? [])
    if (!alive) failures.push(`stack: ${name} is not running; \`binlake up\` starts it`)
  await using duck = await openDuck(config)
  const lake = await lakeStatus({ duck, lake: new Lakehouse(store), ...(ends ? { ends } : {}), ...(policy ? { policy } : {}) })
  log.debug({ tables: lake.tables.length, problems: lake.problems.length }, 'looked at the lake')
  const problems = [...failures, ...lake.problems]
  return { state: failures.length > 0 ? 'failed' : problems.length > 0 ? 'degraded' : 'ok', ...lake, problems, stack }
}

/** A failure of one part is told with the rest, not instead of it. */
function noted(failures: string[]): (error: unknown) => undefined {
  return error => {
    failures.push(isCoded(error) ? `${error.code}: ${error.message}` : safeMessage(error))
    return undefined
  }
}

async function endOffsets({ config, log }: Session): Promise<EndOffsets> {
  await using open = await openSource(config, log)
  return await open.source.ends()
}

async function stackHealth(folder: string): Promise<Status['stack']> {
  const { readStack } = await import('../../infra/stack.ts')
  const stack = await readStack(folder)
  return stack && { kind: stack.kind, services: stack.services.map(({ name, alive }) => ({ name, alive })) }
}

async function drawn({ state, tables, gold, problems, stack }: Status): Promise<string> {
  const { box } = await import('../../sql/format.ts')
  const number = (value: number | undefined) => (value === undefined ? '' : value.toLocaleString('en'))
  const columns = ['table', 'rows', 'lag', 'silver rows', 'behind', 'quarantined', 'last commit'].map(name => ({
    name,
    type: name === 'table' || name === 'last commit' ? 'VARCHAR' : 'BIGINT',
  }))
  const sources = tables.map(({ table, bronze, lag, silver, quarantine }) => [
    table,
    number(bronze.rows),
    number(lag),
    number(silver?.rows),
    number(silver?.behind),
    number(quarantine.records),
    `${age(bronze.committed)}${silver ? `, silver ${age(silver.committed)}` : ''}`,
  ])
  const models = gold.map(({ table, rows, committed }) => [`gold.${table}`, number(rows), '', '', '', '', age(committed)])
  const services = stack?.services.map(({ name, alive }) => `${name} ${alive ? 'up' : 'DOWN'}`).join(', ')
  const lines = [
    ...(sources.length + models.length > 0 ? [box(columns, [...sources, ...models])] : ['no tables yet']),
    ...(services ? [`stack (${stack!.kind}): ${services}`] : []),
    ...problems.map(problem => `- ${problem}`),
    state,
  ]
  return `${lines.join('\n')}\n`
}

function age(committed: string): string {
  const past = Math.max(0, Math.round((Date.now() - Date.parse(committed)) / 1_000))
  if (past < 120) return `${past} s ago`
  return past < 7_200 ? `${Math.round(past / 60)} min ago` : `${Math.round(past / 3_600)} h ago`
}
