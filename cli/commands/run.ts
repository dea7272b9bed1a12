// `binlake run`: wires the line (processors/pipeline.ts) and keeps it going.
import type { Command } from 'commander'
import type { Progress, RunSummary } from '../../processors/pipeline.ts'
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
        return summary.halted.length > 0 ? exit.degraded : exit.ok
      }),
    )
}

export interface LineOptions {
  untilCaughtUp: boolean
  /** Ends the line cleanly; default: the session's. */
  signal?: AbortSignal
  onProgress?: (progress: Progress) => void
}

/** Opens everything that the configuration names, runs the line, closes everything. */
export async function runLine({ config, log, signal }: Session, options: LineOptions): Promise<RunSummary> {
  const [{ run }, { loadGoldModels }] = await Promise.all([
    import('../../processors/pipeline.ts'),
    import('../../sql/gold-models.ts'),
  ])
  const { policy, keys } = await openPolicy(config)
  await using open = await openSource(config, log)
  const store = await openStoreOf(config)
  try {
    await using duck = await openDuck(config)
    return await run({
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
      ...readSchemaOf(config),
      ...(config.maintenance.enabled ? { maintenance: maintenanceSettings(config) } : {}),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    })
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

function told({ records, quarantined, changes, halted }: RunSummary): string {
  const aside = quarantined > 0 ? `, ${quarantined.toLocaleString('en')} set aside in quarantine` : ''
  const lines = [`${records.toLocaleString('en')} records to bronze${aside}; ${changes.toLocaleString('en')} changes to silver`]
  for (const { table, code, reason } of halted) lines.push(`${table} stands still (${code}): ${reason}`)
  return `${lines.join('\n')}\n`
}
