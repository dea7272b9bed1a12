// `binlake resume`: lets a table go on that halted at an event which nothing decides.
import type { Command } from 'commander'
import type { ResumePlan } from '../../processors/order/resume.ts'
import { confirmed } from '../confirmed.ts'
import { exit } from '../exit.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

const details = `
A table halts when an event stands lower in the binlog than what its row has, but is newer by the clock: the binlog was reset, or the server
restored. Or when a row came into another partition and nothing tells which change is newer. From the event on, whatever the topic brings then
counts as newer than all before (a new epoch), in all of its partitions. A running \`binlake run\` goes on with it.

Rows that are not told of again stay as they are: after a restore to an earlier time, take a new snapshot too (docs/order.md).

Examples:
  $ binlake resume shop.orders        # shows what it would do, and asks
  $ binlake resume shop.orders --yes`

export function addResume(program: Command): void {
  program
    .command('resume <table>')
    .summary('let a table go on that halted at an event')
    .description('Shows where a table halted and what going on means; then lets a new epoch begin there.')
    .option('--yes', 'do it; without a terminal, nothing is done without this')
    .option('--json', 'print the plan as JSON')
    .addHelpText('after', details)
    .action(withSession<{ yes?: boolean; json?: boolean }, [table: string]>(resumeCommand))
}

async function resumeCommand(session: Session, { yes, json }: { yes?: boolean; json?: boolean }, table: string): Promise<number> {
  const [{ Lakehouse }, { planResume, resume }] = await Promise.all([
    import('../../lake/lakehouse.ts'),
    import('../../processors/order/resume.ts'),
  ])
  const { policy, keys } = await openPolicy(session.config)
  const store = await openLake(session.config)
  try {
    await using duck = await openDuck(session.config)
    const lake = new Lakehouse(store)
    const plan = await planResume({ duck, lake, policy, keys, log: session.log }, table)
    await session.print(
      json ? `${JSON.stringify(plan, (_, value) => (typeof value === 'bigint' ? String(value) : value), 2)}\n` : report(plan),
    )
    if (!yes && !(await confirmed(session, 'Let it go on?'))) return exit.ok
    await resume({ duck, lake }, plan)
    session.say(`${plan.table.database}.${plan.table.table} goes on; \`binlake run\` takes it from here\n`)
    return exit.ok
  } finally {
    await store.close()
  }
}

function report({ table, reason, places, epoch }: ResumePlan): string {
  const lines = places.map(({ partition, offset, file, pos, gtid, at, waiting, alone }) => {
    const where = file === null ? 'what comes next' : `${gtid === null ? '' : `GTID ${gtid}, `}${file}:${pos}, ${at}`
    const records = alone ? 'the mended record alone' : `${waiting} records of bronze wait there now`
    return `    partition ${partition}, offset ${offset} (${where}); ${records}\n`
  })
  return `${table.database}.${table.table} is halted:
  ${reason}

Going on means:
  From these places on, what the topic brings counts as newer than all that silver has: epoch ${epoch.after} instead of ${epoch.before}.
${lines.join('')}  Nothing else is changed: bronze stays as it is, and rows that are not told of again stay as they are in silver.
`
}
