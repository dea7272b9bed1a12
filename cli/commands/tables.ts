// `binlake tables`: what is in the lake.
import { type Command, Option } from 'commander'
import { factsOf, type TableFacts } from '../../lake/facts.ts'
import { type DdlEngine, ddlEngines, ddlText } from '../../sql/ddl.ts'
import type { QueryEngine } from '../../sql/engine.ts'
import { openLake } from '../open-lake.ts'
import { withSession } from '../with-session.ts'

interface TablesOptions {
  json?: boolean
  ddl?: DdlEngine
}

export type ListedTable = { table: string; zone: string } & TableFacts

const examples = `
Examples:
  $ binlake tables
  $ binlake tables --json | jq '.[] | select(.zone == "gold") | .table'
  $ binlake tables gold silver.orders --ddl databricks
  $ binlake tables --ddl duckdb | duckdb -init /dev/stdin`

export function addTables(program: Command): void {
  program
    .command('tables')
    .summary('list the tables of the lake')
    .description(
      'Lists every table of the lake by the name SQL knows it by, with its rows, files, bytes, Delta version and last commit. ' +
        'With --ddl it prints what to paste into another engine to read them there.',
    )
    .argument('[names...]', 'only these tables or zones: silver.orders, silver."shop.orders", gold')
    .option('--json', 'as a JSON array')
    .addOption(new Option('--ddl <engine>', 'statements that make the tables known to another engine').choices(ddlEngines))
    .addHelpText('after', examples)
    .action(
      withSession<TablesOptions, [string[]]>(async (session, { json, ddl }, names) => {
        const store = await openLake(session.config)
        try {
          if (ddl) {
            const { ddlTables } = await import('../ddl-tables.ts')
            const tables = await ddlTables(session.config, store, names)
            if (tables.length === 0) session.say(`no tables in ${store.url} yet; \`binlake run\` writes them\n`)
            else await session.print(ddlText(ddl, tables))
            return undefined
          }
          const { openEngine } = await import('../../sql/engine.ts')
          const facts = await listed(openEngine(store), names)
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

/** Every table, or those named, with its facts, by zone and name. Reads logs only, no data. Throws SQL_UNKNOWN_TABLE. */
export async function listed(engine: QueryEngine, names: readonly string[] = []): Promise<ListedTable[]> {
  const { sqlName } = await import('../../sql/catalog.ts')
  const { askedTables } = await import('../asked-tables.ts')
  const tables = await engine.tables()
  const facts = await Promise.all(
    askedTables(tables, names).map(async table => {
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
