// `binlake verify`: is silver what MySQL holds?
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { makeOwnFolder, removeOwnFolder } from '../../connectors/own-folder.ts'
import type { TableVerdict } from '../../processors/verify.ts'
import { collect, whole } from '../arguments.ts'
import { exit } from '../exit.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { openSourceRows } from '../open-source.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

const details = `
Every row of MySQL is read, masked by the policy and compared with silver, column by column. While shops keep writing, a change
may be in MySQL and not yet in silver: --patience compares differing tables again until they agree or the time is up.
Keys of differing rows are named by tokens, never by their values; \`binlake replay --find <token>\` shows the key to whoever may see
the row. Exit code 4: something differs.

Examples:
  $ binlake verify
  $ binlake verify --table orders --table order_items
  $ binlake verify --patience 60 --json`

export interface VerifyOutcome {
  /** Every table that could be compared is equal, and there was one. */
  equal: boolean
  tables: TableVerdict[]
}

/** There is no table to compare: that must not pass for equality. */
export class VerifyNothing extends Error {
  readonly code = 'VERIFY_NOTHING'
  readonly retryable = false
}

export function addVerify(program: Command): void {
  program
    .command('verify')
    .summary('prove that silver equals MySQL')
    .description('Compares every row of silver with its row in MySQL.')
    .option('--table <name>', 'only this table (may be repeated)', collect)
    .option('--patience <seconds>', 'compare differing tables again for this long', whole(), 0)
    .option('--examples <rows>', 'how many differing rows of a table to name', whole(), 3)
    .option('--json', 'the verdicts as JSON')
    .addHelpText('after', details)
    .action(
      withSession<{ table?: string[]; patience: number; examples: number; json?: boolean }>(async (session, options) => {
        const outcome = await verifyLake(session, options)
        if (options.json) await session.print(`${JSON.stringify(outcome, null, 2)}\n`)
        else await session.print(await drawn(outcome))
        return outcome.equal ? exit.ok : exit.mismatch
      }),
    )
}

/** Compares the tables; while some differ, or there is none yet, again and again until `patience` (seconds) is over. */
export async function verifyLake(
  session: Session,
  options: { table?: string[]; patience: number; examples?: number },
): Promise<VerifyOutcome> {
  const until = Date.now() + options.patience * 1_000
  let tables = await compare(session, options)
  const settled = () => tables.some(compared) && !tables.some(differs)
  while (!settled() && Date.now() < until) {
    await sleep(2_000, undefined, { signal: session.signal })
    const differing = tables.filter(differs).map(({ table }) => table)
    const again = await compare(session, differing.length > 0 ? { ...options, table: differing } : options)
    tables = [...new Map([...tables, ...again].map(verdict => [verdict.table, verdict])).values()]
  }
  if (!tables.some(compared)) {
    const reasons = tables.map(({ table, skipped }) => `${table}: ${skipped}`)
    throw new VerifyNothing(
      `there is nothing to compare: ${reasons.join('; ') || 'no such table has reached the lake; has `binlake run` run?'}`,
    )
  }
  return { equal: settled(), tables }
}

function compared({ skipped }: TableVerdict): boolean {
  return skipped === undefined
}

function differs({ equal, skipped }: TableVerdict): boolean {
  return !equal && skipped === undefined
}

async function compare(
  { config, signal, log }: Session,
  { table: only, examples }: { table?: string[]; examples?: number },
): Promise<TableVerdict[]> {
  const [{ Lakehouse }, { SourceSchemas }, { isDebeziums }, { compileMask }, { verifyTable }] = await Promise.all([
    import('../../lake/lakehouse.ts'),
    import('../../processors/source-schemas.ts'),
    import('../../processors/bronze-names.ts'),
    import('../../privacy/mask.ts'),
    import('../../processors/verify.ts'),
  ])
  const { policy, keys } = await openPolicy(config)
  const store = await openLake(config)
  const scratch = await makeOwnFolder(tmpdir(), 'binlake-verify')
  try {
    await using duck = await openDuck(config)
    await using source = await openSourceRows(config)
    const lake = new Lakehouse(store)
    const verdicts: TableVerdict[] = []
    for (const schema of await new SourceSchemas(duck, lake).all()) {
      const name = `${schema.database}.${schema.table}`
      if (isDebeziums(schema) || (only && !only.includes(name) && !only.includes(schema.table))) continue
      const mask = compileMask(policy, schema, keys)
      log.debug({ table: name, position: source.position }, 'comparing')
      verdicts.push(
        await verifyTable({
          duck,
          lake,
          source,
          schema,
          mask,
          scratch,
          keys,
          signal,
          ...(examples === undefined ? {} : { examples }),
        }),
      )
    }
    return verdicts
  } finally {
    await store.close()
    await removeOwnFolder(scratch)
  }
}

async function drawn({ equal, tables }: VerifyOutcome): Promise<string> {
  const { box } = await import('../../sql/format.ts')
  const kinds = ['missing in silver', 'only in silver', 'different'] as const
  const columns = ['table', 'MySQL', 'silver', ...kinds, 'verdict'].map(name => ({
    name,
    type: name === 'table' || name === 'verdict' ? 'VARCHAR' : 'BIGINT',
  }))
  const lines = tables.map(({ table, equal, rows, differences, skipped }) => [
    table,
    rows.source.toLocaleString('en'),
    rows.silver.toLocaleString('en'),
    ...kinds.map(kind => (differences[kind] > 0 ? differences[kind].toLocaleString('en') : '')),
    equal ? 'equal' : skipped ? `not compared: ${skipped}` : 'DIFFERENT',
  ])
  const examples = tables.flatMap(({ table, examples }) =>
    examples.map(
      ({ key, difference, columns }) => `${table} ${key}: ${difference}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}`,
    ),
  )
  const proven = tables.filter(compared)
  const total = proven.reduce((sum, { rows }) => sum + rows.source, 0)
  const verdict = equal
    ? `equal: ${total.toLocaleString('en')} rows in ${proven.length} tables`
    : 'NOT equal (changes may still be on their way: --patience waits for them)'
  return `${[box(columns, lines), ...examples, verdict].join('\n')}\n`
}
