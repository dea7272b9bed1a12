// `binlake replay`: silver and gold anew from bronze.
import type { Command } from 'commander'
import { exit } from '../exit.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { withSession } from '../with-session.ts'

const details = `
Readers see the old table until the new one is whole; each table is swapped in one commit. Do this after a change of the policy
or of a mask key: \`binlake run\` stops a table whose policy has changed until then. A running \`binlake run\` may go on meanwhile.

Examples:
  $ binlake replay                  # every table, then gold
  $ binlake replay customers orders
  $ binlake replay --json`

export function addReplay(program: Command): void {
  program
    .command('replay [tables...]')
    .summary('rebuild silver and gold from bronze')
    .description('Rebuilds silver, history and gold from bronze, under the policy as it is now.')
    .option('--json', 'print what was rebuilt as JSON')
    .addHelpText('after', details)
    .action(
      withSession<{ json?: boolean }, [tables: string[]]>(async (session, { json }, tables) => {
        const { config, log, signal } = session
        const [{ Lakehouse }, { replay }, { loadGoldModels }] = await Promise.all([
          import('../../lake/lakehouse.ts'),
          import('../../processors/replay.ts'),
          import('../../sql/gold-models.ts'),
        ])
        const { policy, keys } = await openPolicy(config)
        const store = await openLake(config)
        const progress = await session.progress('replay', { unit: 'tables' })
        try {
          await using duck = await openDuck(config)
          const gold = await loadGoldModels()
          const onTable = (_table: string, index: number, all: number) => progress.set(index, all)
          const replayed = await replay({ duck, lake: new Lakehouse(store), policy, keys, gold, log, tables, signal, onTable })
          progress.stop()
          if (json) await session.print(`${JSON.stringify(replayed, null, 2)}\n`)
          else {
            for (const { table, changes, bronzeVersion } of replayed) {
              session.say(`${table}: ${changes.toLocaleString('en')} changes, up to bronze version ${bronzeVersion}\n`)
            }
            session.say(`${replayed.length} tables rebuilt from bronze, and gold\n`)
          }
          return exit.ok
        } finally {
          progress.stop()
          await store.close()
        }
      }),
    )
}
