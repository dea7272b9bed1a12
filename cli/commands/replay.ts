// `binlake replay`: silver and gold anew from bronze, and the proof that they are what bronze makes.
import type { Command } from 'commander'
import { whole } from '../arguments.ts'
import { exit } from '../exit.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { replayReport } from '../replay-report.ts'
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
  $ binlake replay --prove             # build and compare, change nothing
  $ binlake replay --json`

interface ReplayFlags {
  prove?: boolean
  examples: number
  json?: boolean
}

export function addReplay(program: Command): void {
  program
    .command('replay [tables...]')
    .summary('rebuild silver and gold from bronze, or prove them')
    .description('Rebuilds silver, history and gold from bronze, under the policy as it is now.')
    .option('--prove', 'only build and compare; the lake stays as it is')
    .option('--examples <rows>', 'how many differing rows of a table to name', whole(), 3)
    .option('--json', 'print what was found as JSON')
    .addHelpText('after', details)
    .action(withSession<ReplayFlags, [tables: string[]]>(replayTables))
}

async function replayTables(session: Session, options: ReplayFlags, tables: string[]): Promise<number> {
  const { config, log, signal } = session
  const [{ Lakehouse }, { replay }, { loadGoldModels }] = await Promise.all([
    import('../../lake/lakehouse.ts'),
    import('../../processors/replay.ts'),
    import('../../sql/gold-models.ts'),
  ])
  const { prove: proveOnly = false, examples } = options
  const { policy, keys } = await openPolicy(config)
  const store = await openLake(config)
  const progress = await session.progress(proveOnly ? 'prove' : 'replay', { unit: 'tables' })
  try {
    await using duck = await openDuck(config)
    const replayed = await replay({
      ...{ duck, lake: new Lakehouse(store), policy, keys, gold: await loadGoldModels(), log },
      ...{ tables, signal, proveOnly, examples, maxRows: config.merge.rows },
      onTable: (_table, index, all) => progress.set(index, all),
    })
    progress.stop()
    if (options.json) await session.print(`${JSON.stringify(replayed, null, 2)}\n`)
    else await session.print(replayReport(replayed, { done: !proveOnly }))
    if (replayed.some(({ verdict }) => verdict === 'different')) return exit.mismatch
    // What could not be compared must not pass for proven.
    return proveOnly && replayed.some(({ verdict }) => verdict === 'not compared') ? exit.failure : exit.ok
  } finally {
    progress.stop()
    await store.close()
  }
}
