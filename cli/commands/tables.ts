// `binlake tables`: what is in the lake.
import type { Command } from 'commander'
import { factsOf, type TableFacts } from '../../lake/facts.ts'
import type { QueryEngine } from '../../sql/engine.ts'
import { openLake } from '../open-lake.ts'
import { withSession } from '../with-session.ts'

export type ListedTable = { table: string; zone: string } & TableFacts

const examples = `
Examples:
  $ binlake tables
  $ binlake tables --json | jq '.[] | select(.zone == "gold") | .table'`

export function addTables(program: Command): void {
  program
    .command('tables')
    .summary('list the tables of the lake')
    .description(
      'Lists every table of the lake by the name SQL knows it by, with its rows, files, bytes, Delta version and last commit.',
    )
    .option('--json', 'as a JSON array')
    .addHelpText('after', examples)
    .action(
      withSession<{ json?: boolean }>(async (session, { json }) => {
        const store = await openLake(session.config)
        try {
          const { openEngine } = await import('../../sql/engine.ts')
          const facts = await listed(openEngine(store))
          if (json) await session.print(`${JSON.stringify(facts, null, 2)}\n`)
          else if (facts.length === 0) session.say(`no tables in ${store.url} yet; \`binlake run\` writes them\n`)
          else await session.print(await drawn(facts))
        } finally {
          await store.close()
        }
        return undefined
      }),
    )
}

/** Every table with its facts, by zone and name. Reads logs only, no data. */
export async function listed(engine: QueryEngine): Promise<ListedTable[]> {
  const { sqlName } = await import('../../sql/catalog.ts')
  const tables = await engine.tables()
  const facts = await Promise.all(
    tables.map(async table => {
      const snapshot = await engine.snapshot(table)
      return snapshot ? [{ table: sqlName(table, tables), zone: table.zone, ...factsOf(snapshot) }] : []
    }),
  )
  return facts.flat()
}

async function drawn(tables: ListedTable[]): Promise<string> {
  const { box } = await import('../../sql/format.ts')
  const columns = [
    { name: 'table', type: 'VARCHAR' },
    ...['rows', 'files', 'bytes', 'version'].map(name => ({ name, type: 'BIGINT' })),
    { name: 'last commit (UTC)', type: 'VARCHAR' },
  ]
  const rows = tables.map(({ table, rows, files, bytes, version, committed }) => [
    table,
    rows.toLocaleString('en'),
    String(files),
    bytes.toLocaleString('en'),
    String(version),
    committed.slice(0, 19).replace('T', ' '),
  ])
  return `${box(columns, rows)}\n`
}
