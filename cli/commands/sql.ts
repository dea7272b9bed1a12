// `binlake sql`: a query, a file of queries, or the interactive prompt.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import type { QueryEngine } from '../../sql/engine.ts'
import type { Format } from '../../sql/format.ts'
import { seconds, whole } from '../arguments.ts'
import { describe } from '../exit.ts'
import { duckOptions } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import type { GlobalOptions, Session } from '../session.ts'
import { withSession } from '../with-session.ts'

interface SqlOptions {
  json?: boolean
  csv?: boolean
  timeout?: number
  maxRows: number
}

const examples = `
Tables are named with their zone: silver.orders, gold.daily_sales, bronze.orders; silver."shop.orders" where two databases
share a name. A query only reads. Without a query the prompt starts; with input from a pipe its statements run one by one.

Examples:
  $ binlake sql "select * from gold.daily_sales order by 1 desc limit 7"
  $ binlake sql --csv "from silver.orders" > orders.csv
  $ binlake sql < report.sql
  $ binlake sql`

export function addSql(program: Command): void {
  program
    .command('sql')
    .summary('query the lake')
    .description('Runs SQL (DuckDB) over the newest version of the tables.')
    .argument('[query]', 'one or more statements')
    .addOption(new Option('--json', 'an array of objects; numbers that a double cannot hold exactly are text').conflicts('csv'))
    .option('--csv', 'comma-separated values with a header; NULL is nothing, the empty text is ""')
    .option('--timeout <seconds>', 'stop a query that runs longer', seconds)
    .option('--max-rows <rows>', 'rows shown in a table; 0 shows all', whole(), 1_000)
    .addHelpText('after', examples)
    .action(
      withSession<SqlOptions, [query: string | undefined]>(async (session, options, query) => {
        const store = await openLake(session.config)
        try {
          const { openEngine } = await import('../../sql/engine.ts')
          const engine = openEngine(store, duckOptions(session.config))
          if (query === undefined && process.stdin.isTTY) await talk(engine, session, options)
          else await runAll(query ?? (await text(process.stdin)), engine, { session, options })
        } finally {
          await store.close()
        }
        return undefined
      }),
    )
}

type Running = { session: Session; options: SqlOptions & GlobalOptions; signal?: AbortSignal; timing?: boolean }

async function runAll(typed: string, engine: QueryEngine, running: Running): Promise<void> {
  const { splitStatements } = await import('../../sql/statements.ts')
  const { complete, rest } = splitStatements(typed)
  for (const statement of [...complete, rest].filter(Boolean)) await run(statement, engine, running)
}

async function run(
  statement: string,
  engine: QueryEngine,
  { session, options, signal = session.signal, timing = false }: Running,
): Promise<void> {
  const { render } = await import('../../sql/format.ts')
  const { json, csv, timeout, maxRows } = options
  const format: Format = json ? 'json' : csv ? 'csv' : 'table'
  const started = performance.now()
  await using result = await engine.query(statement, { signal, ...(timeout ? { timeout: timeout * 1_000 } : {}) })
  const { rows, cut } = await render(result, format, { maxRows, print: session.print })
  if (cut) session.say(`the first ${rows.toLocaleString('en')} rows; --max-rows shows more, --csv and --json give all\n`)
  if (timing)
    session.say(
      `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}, ${((performance.now() - started) / 1_000).toFixed(2)} s\n`,
    )
}

async function talk(engine: QueryEngine, session: Session, options: SqlOptions & GlobalOptions): Promise<void> {
  const [{ prompt }, { sqlName }, { listed }] = await Promise.all([
    import('../../sql/prompt.ts'),
    import('../../sql/catalog.ts'),
    import('./tables.ts'),
  ])
  const folder = join(session.config.lake.cache)
  await mkdir(folder, { recursive: true })
  await prompt({
    input: process.stdin,
    output: process.stdout,
    historyFile: join(folder, 'sql-history'),
    run: (statement, { signal, timing }) => run(statement, engine, { session, options, signal, timing }),
    tables: async () => {
      const facts = await listed(engine)
      return facts.map(({ table, rows }) => `${table}  (${count(rows)})\n`).join('')
    },
    schema: async table => {
      await run(`SELECT column_name, column_type FROM (DESCRIBE ${table})`, engine, {
        session,
        options: { ...options, json: false, csv: false },
      })
      return ''
    },
    words: async () => {
      const tables = await engine.tables()
      return tables.map(table => sqlName(table, tables))
    },
    explain: error => describe(error, { debug: options.debug ?? false }),
  })
}

function count(rows: number): string {
  return `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`
}
