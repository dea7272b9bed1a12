// `binlake status`: is everything flowing?
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { ObjectStore } from '../../connectors/object-store.ts'
import type { EndOffsets } from '../../connectors/source.ts'
import type { LakeStatus } from '../../processors/status.ts'
import { seconds } from '../arguments.ts'
import { exit, isCoded, safeMessage } from '../exit.ts'
import { mergeRules } from '../merge-rules.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { openSource } from '../open-source.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

interface Status extends LakeStatus {
  state: 'ok' | 'degraded' | 'failed'
  /** When the connector was last heard of; ISO 8601, UTC. */
  heartbeat?: string
  stack: { kind: string; services: { name: string; alive: boolean }[] } | undefined
}

const details = `
Lag is the number of records in Kafka that bronze lacks; behind is the number of bronze commits that silver has not taken, with
the age of the oldest. A table is merged every so often by the term in brackets: floor (merge.interval), rate or day (what a
merge rewrites against merge.rate, or merge.rewrites and merge.allowance); the next column is what the last merge rewrote.
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
  const heard = ends && (await heartbeatOf(config).catch(noted(failures)))
  const policy = config.policy.file ? await openPolicy(config).catch(noted(failures)) : undefined
  const stack = await stackHealth(folder)
  for (const { name, alive } of stack?.services ?? [])
    if (!alive) failures.push(`stack: ${name} is not running; \`binlake up\` starts it`)
  await using duck = await openDuck(config)
  const merge = mergeRules(config)
  const lake = await lakeStatus({
    duck,
    lake: new Lakehouse(store),
    merge,
    schemaModes: config.schema.modes,
    ...(ends ? { ends } : {}),
    ...(policy ? { policy } : {}),
  })
  log.debug({ tables: lake.tables.length, problems: lake.problems.length }, 'looked at the lake')
  const problems = [...failures, ...lake.problems]
  return {
    state: failures.length > 0 ? 'failed' : problems.length > 0 ? 'degraded' : 'ok',
    ...lake,
    ...(heard ? { heartbeat: heard } : {}),
    problems,
    stack,
  }
}

/** A failure of one part is told with the rest, not instead of it. */
function noted(failures: string[]): (error: unknown) => undefined {
  return error => {
    failures.push(isCoded(error) ? `${error.code}: ${error.message}` : safeMessage(error))
    return undefined
  }
}

async function heartbeatOf(config: Session['config']): Promise<string | undefined> {
  const { heartbeat } = await import('../heartbeat.ts')
  return heartbeat(config)
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

async function drawn({ state, tables, gold, snapshots, heartbeat, problems, stack, verified }: Status): Promise<string> {
  const { box } = await import('../../sql/format.ts')
  const number = (value: number | undefined) => (value === undefined ? '' : value.toLocaleString('en'))
  const texts = ['table', 'merged every', 'last commit']
  const columns = ['table', 'rows', 'lag', 'silver rows', 'behind', 'merged every', 'rewrote', 'quarantined', 'last commit'].map(
    name => ({
      name,
      type: texts.includes(name) ? 'VARCHAR' : 'BIGINT',
    }),
  )
  const sources = tables.map(({ table, bronze, lag, silver, quarantine }) => [
    table,
    number(bronze.rows),
    number(lag),
    number(silver?.rows),
    silver ? `${number(silver.behind)}${silver.late ? ` (${time(silver.late)})` : ''}` : '',
    silver?.merge ? `${time(silver.merge.ms)} (${silver.merge.term})` : '',
    silver?.merge?.touched === undefined ? '' : bytes(silver.merge.touched),
    number(quarantine.records),
    `${age(bronze.committed)}${silver ? `, silver ${age(silver.committed)}` : ''}`,
  ])
  const models = gold.map(({ table, rows, committed }) => [`gold.${table}`, number(rows), '', '', '', '', '', '', age(committed)])
  const services = stack?.services.map(({ name, alive }) => `${name} ${alive ? 'up' : 'DOWN'}`).join(', ')
  const lines = [
    ...(sources.length + models.length > 0 ? [box(columns, [...sources, ...models])] : ['no tables yet']),
    ...snapshots.map(running),
    ...(heartbeat ? [`connector: last heard of ${age(heartbeat)}`] : []),
    ...(services ? [`stack (${stack!.kind}): ${services}`] : []),
    ...(verified
      ? [`verified ${age(verified.at.toISOString())}: ${verified.equal ? 'equal' : 'NOT equal'} at ${verified.position}`]
      : []),
    ...problems.map(problem => `- ${problem}`),
    state,
  ]
  return `${lines.join('\n')}\n`
}

function running({ kind, since, done, left }: Status['snapshots'][number]): string {
  const tables = left.length > 0 ? `, not whole yet: ${left.join(', ')}` : ''
  return `snapshot (${kind}) runs since ${age(since).replace(' ago', '')}: ${done.length} tables read${tables}`
}

function age(committed: string): string {
  return `${time(Math.max(0, Date.now() - Date.parse(committed)))} ago`
}

function time(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

function bytes(count: number): string {
  return count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`
}
