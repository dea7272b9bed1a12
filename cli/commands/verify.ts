// `binlake verify`: is silver what MySQL holds?
import type { Command } from 'commander'
import { differs } from '../../processors/verify/verdict.ts'
import { collect, whole } from '../arguments.ts'
import { ConfigError } from '../config-error.ts'
import { exit } from '../exit.ts'
import type { Session } from '../session.ts'
import { drawVerdicts } from '../verify-report.ts'
import { type VerifyOutcome, verifySession } from '../verify-session.ts'
import { withSession } from '../with-session.ts'

const details = `
MySQL is read in one consistent snapshot, whose binlog position is known; silver is waited for until it has passed it, and is compared
as it was there, every row and column, masked by the policy. Where that cannot be told exactly, silver is compared as it is now, and only
differences that stay are reported. Keys of differing rows are named by tokens, never by their values; \`binlake replay --find <token>\`
shows the key to whoever may see the row. Exit code 0: equal. 4: something differs. 1: a table could not be compared (it waits for a word,
has halted, or is not in the lake). 75: silver has not reached MySQL, or MySQL does not answer; is \`binlake run\` running?

Examples:
  $ binlake verify
  $ binlake verify --table orders --table order_items
  $ binlake verify --patience 120 --json
  $ binlake verify --repair`

export function addVerify(program: Command): void {
  program
    .command('verify')
    .summary('prove that silver equals MySQL')
    .description('Compares every row of silver with its row in MySQL.')
    .option('--table <name>', 'only this table (may be repeated)', collect)
    .option('--patience <seconds>', 'wait this long for silver, and look again at differing rows (default: 30)', whole())
    .option('--examples <rows>', 'how many differing rows of a table to name', whole(), 3)
    .option('--repair', 'mend what differs: snapshots of just those rows, deletions of rows that MySQL has no more')
    .option('--types', 'instead, test every column type at its limits, on a table of its own in MySQL')
    .option('--json', 'the verdicts as JSON')
    .addHelpText('after', details)
    .action(
      withSession<{ table?: string[]; patience?: number; examples: number; repair?: boolean; json?: boolean; types?: boolean }>(
        async (session, options) => {
          if (options.types) return runTypes(session, options)
          const outcome = await verifySession(session, options)
          await session.print(options.json ? `${JSON.stringify(outcome, null, 2)}\n` : await drawVerdicts(outcome))
          return codeOf(outcome)
        },
      ),
    )
}

function codeOf({ equal, behind, tables }: VerifyOutcome): number {
  if (equal) return exit.ok
  if (tables.some(differs)) return exit.mismatch
  if (tables.some(({ failed }) => failed && !failed.retryable)) return exit.failure
  return behind || tables.some(({ failed }) => failed?.retryable) ? exit.tryAgain : exit.failure
}

/** The self-test of column types (verify-types.ts). */
async function runTypes(
  session: Session,
  { json, ...others }: { json?: boolean; table?: string[]; repair?: boolean },
): Promise<number> {
  if (others.table || others.repair)
    throw new ConfigError('CONFIG_INVALID', [
      'flag --types: it tests a table of its own, so it goes with no --table and no --repair',
    ])
  const [{ verifyTypes }, { drawnTypes }] = await Promise.all([import('../verify-types.ts'), import('../types-report.ts')])
  const outcome = await verifyTypes(session)
  await session.print(json ? `${JSON.stringify(outcome, null, 2)}\n` : await drawnTypes(outcome))
  return outcome.equal ? exit.ok : exit.mismatch
}
