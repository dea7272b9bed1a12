// `binlake explain`: how one row came to be what it is.
import type { Command } from 'commander'
import { collect } from '../arguments.ts'
import { ConfigError } from '../config-error.ts'
import { exit } from '../exit.ts'
import { explainReport } from '../explain-report.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { positional } from '../positional-key.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'
import { type Place, place } from './quarantine.ts'

const details = `
The key: its value; of a key of several columns the values in order with commas (a value in "double quotes" may hold a comma), or --key for
each. Silver's masked value and a token of a finding (tok_…) will do as well. Without --values nothing that a row holds is printed, but
for what identifies it; with it, this is for people who may see bronze.

Examples:
  $ binlake explain orders 42
  $ binlake explain order_items 42,3
  $ binlake explain order_items --key order_id=42 --key line=3
  $ binlake explain customers tok_v1_5q3…         # as verify, replay or silver name it
  $ binlake explain orders --offset 0:4711        # the row of the event at this place
  $ binlake explain orders 42 --values --json`

interface ExplainFlags {
  key?: string[]
  offset?: Place
  values?: boolean
  gold: boolean
  json?: boolean
}

export function addExplain(program: Command): void {
  program
    .command('explain')
    .summary('how one row came to be what it is')
    .description(
      'Shows every event of one key with its verdict and why, what the policy did, and what silver, history and gold hold of it.',
    )
    .argument('<table>')
    .argument('[key]', "the key's value; of several columns: a,b")
    .option('--key <column=value>', 'one column of the key; may be repeated', collect)
    .option('--offset <partition:offset>', 'instead of a key: the event at this place', place)
    .option('--values', "also print what is in bronze's, silver's and gold's rows")
    .option('--no-gold', 'leave gold out: finding the rows it feeds reads all that its models read')
    .option('--json', 'print it as JSON')
    .addHelpText('after', details)
    .action(withSession<ExplainFlags, [string, string | undefined]>(explainCommand))
}

async function explainCommand(session: Session, flags: ExplainFlags, table: string, key: string | undefined): Promise<number> {
  const { config, log } = session
  const asked = askedKey(key, flags)
  const [{ Lakehouse }, { loadGoldModels }, { explain }] = await Promise.all([
    import('../../lake/lakehouse.ts'),
    import('../../sql/gold-models.ts'),
    import('../../processors/explain/explain.ts'),
  ])
  const { policy, keys } = await openPolicy(config)
  const store = await openLake(config)
  try {
    await using duck = await openDuck(config)
    const context = { duck, lake: new Lakehouse(store), policy, keys, gold: await loadGoldModels(), log }
    const { values = false, gold } = flags
    const explained = await explain(context, { table, asked, values, gold })
    if (!explained) {
      session.say(`${table}: bronze has no event of that key\n`)
      return exit.failure
    }
    await session.print(flags.json ? json(explained) : await explainReport(explained))
    return exit.ok
  } finally {
    await store.close()
  }
}

function askedKey(key: string | undefined, { key: named, offset }: ExplainFlags) {
  if ([key, named, offset].filter(given => given !== undefined).length !== 1) {
    throw new ConfigError('CONFIG_INVALID', [
      "say which row: by its key's value, by --key column=value, or by --offset partition:offset",
    ])
  }
  if (offset) return { at: offset }
  if (key !== undefined) return { ordered: positional(key), whole: key }
  const values = named!.map(pair => {
    const [, column, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
    if (column === undefined || value === undefined)
      throw new ConfigError('CONFIG_INVALID', [`flag --key: ${pair.split('=')[0]}: expected column=value`])
    return [column, value] as const
  })
  return { values: Object.fromEntries(values) }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one), 2)}\n`
}
