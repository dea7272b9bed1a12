// `binlake snapshot`: has the connector read tables once more, while the stream goes on or, in full, while it waits.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import {
  executeSnapshot,
  type SnapshotSignal,
  signalByTable,
  signalByTopic,
  steerSnapshot,
} from '../../connectors/snapshot-signal.ts'
import { nameOf } from '../../processors/table-name.ts'
import { namedTables, type TableName } from '../check-snapshot.ts'
import { need } from '../config.ts'
import { ConfigError } from '../config-error.ts'
import { exit } from '../exit.ts'
import { embeddedFolder, security } from '../open-source.ts'
import type { Session } from '../session.ts'
import { SnapshotError } from '../snapshot-error.ts'
import type { TableOutcome } from '../watch-snapshot.ts'
import { withSession } from '../with-session.ts'

const details = `
Incremental (the default): the connector reads the tables in pieces while the stream goes on. It brings rows that silver lacks or has
otherwise; it cannot show that a row is gone. Full: the stream waits while whole tables are read; rows that are not there any more
leave silver once \`binlake run\` has taken it all in. docs/snapshots.md tells which one to choose.
Ctrl-C ends the looking on, not the snapshot.

Examples:
  $ binlake snapshot orders
  $ binlake snapshot shop.orders shop.order_items
  $ binlake snapshot orders --where "placed_at >= '2026-01-01'"
  $ binlake snapshot orders --full
  $ binlake snapshot --stop`

interface Options {
  where?: string
  full?: boolean
  stop?: boolean
  pause?: boolean
  resume?: boolean
  wait: boolean
  json?: boolean
}

/** A connector's answer may take this long: it reads signals from the binlog, in order. */
const patience = 60_000

export function addSnapshot(program: Command): void {
  program
    .command('snapshot')
    .summary('have tables read once more')
    .description('Asks the Debezium connector for a snapshot of tables, and shows how far it is.')
    .argument('[table...]', 'table or database.table')
    .option('--where <sql>', 'only rows that fulfil this condition (incremental only)')
    .option('--full', 'whole tables, while the stream waits; rows that are gone leave silver')
    .option('--stop', 'end the incremental snapshot that runs, or take the named tables out of it')
    .option('--pause', 'let the incremental snapshot rest')
    .option('--resume', 'go on with it')
    .option('--no-wait', 'ask, and do not look on')
    .option('--json', 'at the end, how each table was read as JSON')
    .addHelpText('after', details)
    .action(withSession<Options, [string[]]>(snapshot))
}

async function snapshot(session: Session, options: Options, names: string[]): Promise<number> {
  const how = steering(options)
  refuseMixed(options, names, how)
  const { config, signal, say } = session
  const url = need(config.mysql.url, 'mysql.url')
  if (embeddedFolder(url))
    throw new SnapshotError('SNAPSHOT_NO_CHANNEL', 'the embedded stack has no connector that could take a snapshot')
  const [{ connectorOf }, { openMysqlSession }, { checkSnapshot }] = await Promise.all([
    import('../../infra/debezium/captures.ts'),
    import('../../connectors/mysql-session.ts'),
    import('../check-snapshot.ts'),
  ])
  const connector = await connectorOf(need(config.connect.url, 'connect.url'), need(config.kafka.prefix, 'kafka.prefix'), {
    signal,
  })
  await refuseStanding(session, connector.name)
  const tables = namedTables(names, url)
  const { where, full = false } = options
  await using mysql = await openMysqlSession(url)
  const id = randomUUID()
  const sent = { session, mysql, config: connector.config }
  if (how) {
    await send(sent, steerSnapshot(id, how, tables))
    say(`asked connector ${connector.name} to ${how} its incremental snapshot\n`)
    return exit.ok
  }
  const total = await checkSnapshot(mysql, connector, { tables, full, ...(where === undefined ? {} : { where }) })
  const wanted = { tables, kind: full ? 'blocking' : 'incremental', ...(where === undefined ? {} : { where }) } as const
  const asking = () => send(sent, executeSnapshot(id, wanted))
  // Awaited here: the session with MySQL ends with this function.
  return await watched({ session, options, tables, id, total, config: connector.config }, asking)
}

/** Sends by the signal table, or by the topic if the table cannot be written. Throws SNAPSHOT_NO_CHANNEL. */
async function send(
  {
    session,
    mysql,
    config,
  }: { session: Session; mysql: Parameters<typeof signalByTable>[0]; config: Readonly<Record<string, string>> },
  signal: SnapshotSignal,
): Promise<void> {
  const channels = (config['signal.enabled.channels'] ?? 'source').split(',').map(channel => channel.trim())
  const table = channels.includes('source') ? config['signal.data.collection'] : undefined
  let refused = 'the connector has no signal table (signal.data.collection)'
  if (table) {
    try {
      await signalByTable(mysql, table, signal)
      return
    } catch (error) {
      refused = `its signal table ${table} cannot be written: ${(error as Error).message}`
    }
  }
  const prefix = config['topic.prefix']!
  if (channels.includes('kafka')) {
    const topic = config['signal.kafka.topic'] ?? `${prefix}-signal`
    const kafka = { brokers: need(session.config.kafka.brokers, 'kafka.brokers'), ...security(session.config) }
    session.log.info({ topic }, `${refused}; the signal goes by its topic`)
    try {
      return await signalByTopic(kafka, { topic, name: prefix }, signal)
    } catch (cause) {
      throw new SnapshotError(
        'SNAPSHOT_NO_CHANNEL',
        `the connector cannot be asked: ${refused}; nor can its signal topic ${topic} be written`,
        { cause },
      )
    }
  }
  throw new SnapshotError(
    'SNAPSHOT_NO_CHANNEL',
    `the connector cannot be asked: ${refused}, and its kafka channel is not enabled; make the table (docs/snapshots.md shows how) and let mysql.url's user insert into it`,
  )
}

interface Watching {
  session: Session
  options: Options
  tables: readonly TableName[]
  id: string
  total: number
  config: Readonly<Record<string, string>>
}

async function watched({ session, options, tables, id, total, config }: Watching, ask: () => Promise<void>): Promise<number> {
  const { say, signal, stop } = session
  const { full = false } = options
  const [{ followTopic }, { watchSnapshot }] = await Promise.all([
    import('../../connectors/follow-topic.ts'),
    import('../watch-snapshot.ts'),
  ])
  const topic = (config['notification.enabled.channels'] ?? '').includes('sink')
    ? config['notification.sink.topic.name']
    : undefined
  const cluster = { brokers: need(session.config.kafka.brokers, 'kafka.brokers'), ...security(session.config) }
  await using notes = topic && options.wait ? await followTopic(cluster, topic) : undefined
  await ask()
  const names = tables.map(nameOf)
  if (!notes) {
    const why = options.wait
      ? '; the connector sends no notifications (notification.enabled.channels=sink), so what becomes of it is not shown'
      : ''
    say(`asked for ${full ? 'a full' : 'an incremental'} snapshot of ${names.join(', ')}${why}\n`)
    return exit.ok
  }
  const progress = await session.progress(names.join(', '), {
    unit: 'rows',
    ...(options.where === undefined && total > 0 ? { total } : {}),
  })
  const chunk = Number(config['incremental.snapshot.chunk.size'] ?? 1_024)
  const outcomes = await watchSnapshot(notes.records(signal), {
    id,
    full,
    tables: names,
    patience,
    chunk,
    onRows: rows => progress.set(rows, Math.max(rows, total)),
  }).finally(() => progress.stop())
  if (!outcomes) {
    say(
      full
        ? 'not looking on any more; the connector reads on, and goes on with the stream when it is done\n'
        : 'not looking on any more; the snapshot goes on. `binlake snapshot --stop` ends it, `binlake status` shows it\n',
    )
    return stop.exitCode
  }
  if (options.json) await session.print(`${JSON.stringify({ snapshot: id, full, tables: outcomes }, null, 2)}\n`)
  else for (const outcome of outcomes) say(`${told(outcome, full)}\n`)
  return outcomes.every(({ status }) => status === 'SUCCEEDED' || status === 'EMPTY') ? exit.ok : exit.failure
}

function told({ table, status, rows }: TableOutcome, full: boolean): string {
  const said: Record<string, string> = {
    SUCCEEDED: `${rows.toLocaleString('en')} rows read${full ? '; `binlake run` takes out of silver what is not among them' : ''}`,
    EMPTY: 'the table is empty',
    NO_PRIMARY_KEY: 'skipped: it has no primary key; use --full',
    UNKNOWN_SCHEMA: 'skipped: the connector does not know it yet; it is known after its first change, or after --full',
    SQL_EXCEPTION: 'MySQL refused the reading; Kafka Connect’s log says why',
    ABORTED: 'ended before it was read',
    STOPPED: 'stopped',
    SKIPPED: 'skipped by the connector; Kafka Connect’s log says why',
  }
  return `${table}: ${said[status] ?? status}`
}

async function refuseStanding({ config, signal }: Session, name: string): Promise<void> {
  const [{ connectRequest }, { isRunning, failureMessage }] = await Promise.all([
    import('../../infra/debezium/connect-api.ts'),
    import('../../infra/debezium/connector.ts'),
  ])
  type Status = NonNullable<Parameters<typeof isRunning>[0]>
  const look = () =>
    connectRequest<Status>(need(config.connect.url, 'connect.url'), `/connectors/${encodeURIComponent(name)}/status`, { signal })
  let status = await look()
  // One that is just being started or moved to another worker will run in a moment.
  for (const until = Date.now() + 30_000; isStarting(status) && Date.now() < until; status = await look())
    await sleep(500, undefined, { signal })
  if (isRunning(status)) return
  const failed = status && [status.connector, ...status.tasks].find(part => part.state === 'FAILED')
  const states = status ? [status.connector, ...status.tasks].map(part => part.state).join(', ') : 'unknown to Connect'
  throw new SnapshotError(
    'SNAPSHOT_REFUSED',
    failed ? failureMessage(name, failed) : `connector ${name} does not run (${states}): start it, then ask again`,
  )
}

function isStarting(status: { connector: { state: string }; tasks: { state: string }[] } | undefined): boolean {
  return (
    status !== undefined &&
    [status.connector, ...status.tasks].some(({ state }) => state === 'UNASSIGNED' || state === 'RESTARTING')
  )
}

function steering({ stop, pause, resume }: Options): 'stop' | 'pause' | 'resume' | undefined {
  return stop ? 'stop' : pause ? 'pause' : resume ? 'resume' : undefined
}

function refuseMixed({ where, full, stop, pause, resume }: Options, names: readonly string[], how: string | undefined): void {
  const refuse = (what: string) => {
    throw new ConfigError('CONFIG_INVALID', [what])
  }
  if ([stop, pause, resume].filter(Boolean).length > 1) refuse('--stop, --pause and --resume: give one of them')
  if (how && (where !== undefined || full)) refuse(`--${how} goes with no other flag`)
  if (how && how !== 'stop' && names.length > 0) refuse(`--${how} is about the whole snapshot: name no tables`)
  if (!how && names.length === 0) refuse('name the tables to be read, e.g. binlake snapshot orders')
  if (full && where !== undefined)
    refuse('--full reads whole tables, so that rows that are gone can be told; leave out --where, or --full')
}
