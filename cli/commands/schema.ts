// `binlake schema`: the versions of tables' schemas, what waits for a person, and the person's word.
import type { Command } from 'commander'
import { InvalidArgumentError } from 'commander'
import type { Verdict } from '../../processors/schema/judgement.ts'
import { confirmed } from '../confirmed.ts'
import { exit } from '../exit.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { readSchemaOf } from '../read-schema.ts'
import { judgementReport, schemaReport } from '../schema-report.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

const details = `
Each change of a table has a kind, and each kind a mode (schema.modes): evolve, hold or ignore. A held change keeps the table's silver at
its place; everything before it is merged, all other tables go on. approve takes the change, reject goes on as if it had not been; both print
what they would do first, and a running \`binlake run\` goes on with it.

Examples:
  $ binlake schema show
  $ binlake schema show shop.orders
  $ binlake schema approve shop.orders
  $ binlake schema approve shop.orders --rename total=amount --yes
  $ binlake schema reject shop.orders`

interface Judging {
  yes?: boolean
  json?: boolean
  rename?: { from: string; to: string }[]
}

export function addSchema(program: Command): void {
  const group = program
    .command('schema')
    .summary("versions of tables' schemas; approve or reject a held change")
    .description("Shows the versions of tables' schemas and what waits for a word; approves or rejects it.")
    .addHelpText('after', details)
  group
    .command('show [table]')
    .description('All versions of a table, or of all tables what they wait for.')
    .option('--json', 'print it as JSON')
    .action(withSession<{ json?: boolean }, [string | undefined]>(show))
  for (const verdict of ['approve', 'reject'] as const) {
    const command = group
      .command(verdict)
      .argument('<table>')
      .description(
        verdict === 'approve' ? 'Takes the change that the table waits at.' : 'Goes on as if that change had not been.',
      )
      .option('--yes', 'do it; without a terminal, nothing is done without this')
      .option('--json', 'print the plan as JSON')
    if (verdict === 'approve')
      command.option('--rename <old=new>', 'a column that went is this one that came; may be repeated', renamed)
    command.action(withSession<Judging, [string]>((session, asked, table) => decide(session, { ...asked, verdict, table })))
  }
}

function renamed(text: string, before: { from: string; to: string }[] = []): { from: string; to: string }[] {
  const [from, to, ...more] = text.split('=')
  if (!from || !to || more.length > 0) throw new InvalidArgumentError('expected old=new, such as total=amount')
  return [...before, { from, to }]
}

async function show(session: Session, { json }: { json?: boolean }, table: string | undefined): Promise<number> {
  const { config } = session
  const { tablesShown } = await import('../../processors/schema/shown.ts')
  return withLake(session, async ({ duck, lake }) => {
    const shown = await tablesShown({ duck, lake, modes: config.schema.modes, ...readSchemaOf(config) }, table)
    await session.print(json ? `${JSON.stringify(shown, null, 2)}\n` : schemaReport(shown))
    return shown.some(({ held }) => held) ? exit.degraded : exit.ok
  })
}

async function decide(
  session: Session,
  { verdict, table, yes, json, rename }: Judging & { verdict: Verdict; table: string },
): Promise<number> {
  const { config } = session
  const [{ decideHeld, planHeld }, { loadGoldModels }] = await Promise.all([
    import('../../processors/schema/decide-held.ts'),
    import('../../sql/gold-models.ts'),
  ])
  const { policy, keys } = await openPolicy(config)
  return withLake(session, async ({ duck, lake }) => {
    const options = { duck, lake, policy, keys, gold: await loadGoldModels(), modes: config.schema.modes }
    const asked = { verdict, ...(rename ? { renamed: rename } : {}) }
    const planned = await planHeld(options, table, asked)
    await session.print(json ? `${JSON.stringify(planned.judgement, null, 2)}\n` : judgementReport(planned.judgement))
    if (!yes && !(await confirmed(session, `${verdict}?`))) return exit.ok
    await decideHeld(options, planned)
    session.say(
      `${planned.judgement.table}: ${verdict === 'approve' ? 'approved' : 'rejected'}; \`binlake run\` goes on with it\n`,
    )
    return exit.ok
  })
}

async function withLake<Result>(
  session: Session,
  work: (opened: {
    duck: import('../../lake/duckdb.ts').Duck
    lake: import('../../lake/lakehouse.ts').Lakehouse
  }) => Promise<Result>,
): Promise<Result> {
  const { Lakehouse } = await import('../../lake/lakehouse.ts')
  const store = await openLake(session.config)
  try {
    await using duck = await openDuck(session.config)
    return await work({ duck, lake: new Lakehouse(store) })
  } finally {
    await store.close()
  }
}
