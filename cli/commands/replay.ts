// `binlake replay`: silver and gold anew from bronze, the proof that they are what bronze makes, and the way back.
import { tmpdir } from 'node:os'
import { type Command, Option } from 'commander'
import { makeOwnFolder, removeOwnFolder } from '../../connectors/own-folder.ts'
import type { Context } from '../../processors/context.ts'
import { whole } from '../arguments.ts'
import { ConfigError } from '../config-error.ts'
import { exit } from '../exit.ts'
import { goldRules } from '../gold-rules.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { foundReport, planReport, replayReport, rollbackReport } from '../replay-report.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

const details = `
Each table is built beside the live one, compared with it at the same bronze version, and put in its place by one commit a table:
readers see the old table until the new one is whole. Do this after a change of the policy or of a mask key: \`binlake run\` stops a
table whose policy has changed until then. A running \`binlake run\` may go on meanwhile.

A row that differs is named by a token of its key, never by its value; --find shows the key to whoever may see the row.
Exit code 4: a table was not what bronze makes (without --prove it now is).

Examples:
  $ binlake replay                     # every table, then gold
  $ binlake replay customers orders
  $ binlake replay --dry-run           # what would be read and written
  $ binlake replay --prove             # build and compare, change nothing
  $ binlake replay --find tok_v1_5q3…  # which key is that?
  $ binlake replay --rollback orders   # what the last rebuild replaced comes back
  $ binlake replay --rollback --to 2026-11-21T12:00:00Z
  $ binlake replay --as-of binlog.000003:1547 --to file:///srv/restored`

interface ReplayFlags {
  prove?: boolean
  dryRun?: boolean
  rollback?: boolean
  to?: string
  asOf?: string
  find?: string
  examples: number
  json?: boolean
}

export function addReplay(program: Command): void {
  program
    .command('replay [tables...]')
    .summary('rebuild silver and gold from bronze, or prove them')
    .description('Rebuilds silver, history and gold from bronze, under the policy as it is now.')
    .addOption(new Option('--prove', 'only build and compare; the lake stays as it is').conflicts(['dryRun', 'rollback', 'find']))
    .addOption(new Option('--dry-run', 'only say what would be read and written').conflicts(['rollback', 'find']))
    .addOption(new Option('--rollback', 'put back what the last rebuild replaced').conflicts('find'))
    .addOption(
      new Option(
        '--to <version|time|lake>',
        'with --rollback: this version of silver, or as it was then; with --as-of: the lake to write the copy to',
      ),
    )
    .addOption(
      new Option(
        '--as-of <point>',
        'write silver and gold as they were then into another lake (--to); the live one stays as it is',
      ).conflicts(['prove', 'dryRun', 'rollback', 'find']),
    )
    .option('--find <token>', 'show the key that a token of a finding stands for')
    .option('--examples <rows>', 'how many differing rows of a table to name', whole(), 3)
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', details)
    .action(withSession<ReplayFlags, [tables: string[]]>(replayCommand))
}

/** A table version or a moment, as `sql --as-of` reads them. */
async function moment(text: string): Promise<number | Date> {
  const { parsePoint } = await import('../../sql/point.ts')
  const point = parsePoint(text)
  if (point.kind === 'version') return point.version
  if (point.kind === 'instant') return point.instant
  const reason =
    'expected a version or a time such as 2026-11-21T12:00:00Z; for a binlog point copy the tables as they were (--as-of … --to)'
  throw new ConfigError('CONFIG_INVALID', [`flag --to: ${text}: ${reason}`])
}

async function replayCommand(session: Session, given: ReplayFlags, tables: string[]): Promise<number> {
  const { config, log } = session
  if (given.asOf !== undefined) {
    const { restoreCommand } = await import('../restore-command.ts')
    return restoreCommand(session, { asOf: given.asOf, to: given.to, json: given.json ?? false, tables })
  }
  const { to, ...rest } = given
  if (to !== undefined && !rest.rollback) throw new ConfigError('CONFIG_INVALID', ['flag --to: goes with --rollback or --as-of'])
  const flags = { ...rest, ...(to === undefined ? {} : { to: await moment(to) }) }
  const [{ Lakehouse }, { loadGoldModels }] = await Promise.all([
    import('../../lake/lakehouse.ts'),
    import('../../sql/gold-models.ts'),
  ])
  const { policy, keys } = await openPolicy(config)
  // A proof of what is in the lake must not read what a cache holds of it.
  const fresh = flags.prove ? await makeOwnFolder(tmpdir(), 'binlake-prove') : undefined
  const store = await openLake(fresh ? { ...config, lake: { ...config.lake, cache: fresh } } : config)
  try {
    await using duck = await openDuck(config)
    const context = {
      duck,
      lake: new Lakehouse(store),
      policy,
      keys,
      gold: await loadGoldModels(),
      ...goldRules(config),
      log,
      schemaModes: config.schema.modes,
    }
    if (flags.rollback) return await putBack(session, context, { ...flags, tables })
    if (flags.dryRun) return await plan(session, context, { ...flags, tables })
    if (flags.find !== undefined) return await find(session, context, { ...flags, find: flags.find, tables })
    return await rebuild(session, context, { ...flags, tables })
  } finally {
    await store.close()
    if (fresh) await removeOwnFolder(fresh)
  }
}

type Asked = Omit<ReplayFlags, 'to'> & { to?: number | Date; tables: string[] }

async function rebuild(session: Session, context: Context, { prove: proveOnly = false, ...asked }: Asked): Promise<number> {
  const { replay } = await import('../../processors/replay/replay.ts')
  const progress = await session.progress(proveOnly ? 'prove' : 'replay', { unit: 'bronze rows' })
  try {
    const replayed = await replay({
      ...context,
      ...{ tables: asked.tables, signal: session.signal, proveOnly, examples: asked.examples },
      maxRows: session.config.merge.rows,
      onProgress: (rows, all) => progress.set(rows, all),
    })
    progress.stop()
    if (replayed.length === 0) session.say(`bronze has no tables for silver in ${context.lake.store.url}\n`)
    await session.print(asked.json ? json(replayed) : replayReport(replayed, { done: !proveOnly }))
    if (replayed.some(({ verdict }) => verdict === 'different')) return exit.mismatch
    // What could not be compared must not pass for proven.
    const unproven =
      (proveOnly && replayed.length === 0) ||
      replayed.some(({ verdict }) => verdict === 'failed' || (proveOnly && verdict === 'not compared'))
    return unproven ? exit.failure : exit.ok
  } finally {
    progress.stop()
  }
}

async function plan(session: Session, context: Context, { tables, json: asJson }: Asked): Promise<number> {
  const { planReplays } = await import('../../processors/replay/replay.ts')
  const plans = await planReplays(context, tables)
  await session.print(asJson ? json(plans) : planReport(plans))
  return exit.ok
}

async function find(session: Session, context: Context, asked: Asked & { find: string }): Promise<number> {
  const { findKeys } = await import('../../processors/replay/replay.ts')
  const found = await findKeys(context, { tables: asked.tables, token: asked.find })
  await session.print(asked.json ? json(found) : foundReport(found))
  return found.length > 0 ? exit.ok : exit.failure
}

async function putBack(session: Session, context: Context, { tables, to, json: asJson }: Asked): Promise<number> {
  if (typeof to === 'number' && tables.length !== 1) {
    const text = 'flag --to: each table counts its own versions: name the one table that is meant, or give a time'
    throw new ConfigError('CONFIG_INVALID', [text])
  }
  const { rollback } = await import('../../processors/replay/rollback.ts')
  const done = await rollback({ ...context, tables, signal: session.signal, ...(to === undefined ? {} : { to }) })
  await session.print(asJson ? json(done) : rollbackReport(done))
  return exit.ok
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
