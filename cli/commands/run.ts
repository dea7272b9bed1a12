// `binlake run`: wires the line (processors/pipeline.ts) and keeps it going.
import type { Command } from 'commander'
import type { Progress, RunSummary } from '../../processors/pipeline.ts'
import { differs } from '../../processors/verify/verdict.ts'
import { need } from '../config.ts'
import { exit } from '../exit.ts'
import { goldRules } from '../gold-rules.ts'
import { maintenanceSettings } from '../maintenance-settings.ts'
import { mergeRules } from '../merge-rules.ts'
import { openDuck } from '../open-duck.ts'
import { openStoreOf } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { openSource } from '../open-source.ts'
import { readSchemaOf } from '../read-schema.ts'
import type { Session } from '../session.ts'
import { scheduleVerify } from '../verify-schedule.ts'
import { withSession } from '../with-session.ts'

const details = `
Ctrl-C or SIGTERM stops it cleanly: what is being committed is finished. Stopped in any way, the next run goes on where the
lake is. Several workers with the same group share the topics. Exit code 3: some table stands still; the message says why.

Examples:
  $ binlake run
  $ binlake run --until-caught-up    # everything that Kafka holds now, then end`

export function addRun(program: Command): void {
  program
    .command('run')
    .summary('keep the lake up to date')
    .description('Reads changes from Kafka into bronze, silver and gold until stopped.')
    .option('--until-caught-up', 'end once everything that Kafka holds at the start is in the lake')
    .option('--json', 'at the end, print what was done as JSON')
    .addHelpText('after', details)
    .action(
      withSession<{ untilCaughtUp?: boolean; json?: boolean }>(async (session, { untilCaughtUp = false, json }) => {
        const { log } = session
        const summary = await runLine(session, { untilCaughtUp, onProgress: sometimes(done => log.info(done, 'so far')) })
        if (json) await session.print(`${JSON.stringify(summary, null, 2)}\n`)
        else session.say(told(summary))
        return summary.halted.length > 0 || summary.mismatch ? exit.degraded : exit.ok
      }),
    )
}

export interface LineOptions {
  untilCaughtUp: boolean
  /** Ends the line cleanly; default: the session's. */
  signal?: AbortSignal
  onProgress?: (progress: Progress) => void
}

export interface LineSummary extends RunSummary {
  /** The last scheduled verification found that silver differs from MySQL. Absent: it did not, or there was none. */
  mismatch?: boolean
}

/** Opens everything that the configuration names, runs the line, closes everything. */
export async function runLine(session: Session, options: LineOptions): Promise<LineSummary> {
  const { config, log, signal } = session
  const [{ run }, { loadGoldModels }] = await Promise.all([
    import('../../processors/pipeline.ts'),
    import('../../sql/gold-models.ts'),
  ])
  const { policy, keys } = await openPolicy(config)
  await using open = await openSource(config, log)
  const store = await openStoreOf(config)
  await using schedule = options.untilCaughtUp ? undefined : scheduleVerify({ ...session, signal: options.signal ?? signal })
  try {
    await using duck = await openDuck(config)
    const summary = await run({
      duck,
      store,
      source: open.source,
      policy,
      keys,
      gold: await loadGoldModels(),
      ...goldRules(config),
      topicPrefix: need(config.kafka.prefix, 'kafka.prefix'),
      ...(config.kafka.notifications ? { notificationsTopic: config.kafka.notifications } : {}),
      ...(config.kafka.signals ? { signalsTopic: config.kafka.signals } : {}),
      log,
      signal: options.signal ?? signal,
      untilCaughtUp: options.untilCaughtUp,
      maxRows: config.merge.rows,
      merge: mergeRules(config),
      quarantineBudget: config.quarantine.budget,
      schemaModes: config.schema.modes,
      gtids: config.mysql.gtids,
      ...readSchemaOf(config),
      ...(config.maintenance.enabled ? { maintenance: maintenanceSettings(config) } : {}),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    })
    const mismatch = schedule?.last?.tables.some(differs) ?? false
    return { ...summary, ...(mismatch ? { mismatch } : {}) }
  } finally {
    await store.close()
  }
}

/** Lets a report through every ten seconds at most. */
function sometimes(report: (progress: Progress) => void): (progress: Progress) => void {
  let next = Date.now() + 10_000
  return progress => {
    if (Date.now() < next) return
    next = Date.now() + 10_000
    report(progress)
  }
}

function told({ records, quarantined, changes, halted, mismatch }: LineSummary): string {
  const aside = quarantined > 0 ? `, ${quarantined.toLocaleString('en')} set aside in quarantine` : ''
  const lines = [`${records.toLocaleString('en')} records to bronze${aside}; ${changes.toLocaleString('en')} changes to silver`]
  for (const { table, code, reason } of halted) lines.push(`${table} stands still (${code}): ${reason}`)
  if (mismatch)
    lines.push(
      'silver differs from MySQL, as the last verification found; `binlake verify` names the rows, with --repair it mends them',
    )
  return `${lines.join('\n')}\n`
}
