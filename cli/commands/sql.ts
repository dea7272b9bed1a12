// `binlake sql`: a query, a file of queries, or the interactive prompt.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import type { QueryEngine } from '../../sql/engine.ts'
import type { Format } from '../../sql/format.ts'
import type { Point } from '../../sql/point.ts'
import type { QueryReport } from '../../sql/profile.ts'
import { seconds, whole } from '../arguments.ts'
import { describe } from '../exit.ts'
import { openLake } from '../open-lake.ts'
import { openQueries } from '../open-queries.ts'
import type { GlobalOptions, Session } from '../session.ts'
import { withSession } from '../with-session.ts'

interface SqlOptions {
  json?: boolean
  csv?: boolean
  timeout?: number
  maxRows: number
  asOf?: string
  profile?: boolean
}

const examples = `
Tables are named with their zone: silver.orders, gold.daily_sales, bronze.orders; silver."shop.orders" where two databases
share a name. silver.orders_live is silver.orders with what bronze holds beyond it. A query only reads. Without a query the prompt
starts; with input from a pipe its statements run one by one.

--as-of takes a Delta version (12), a time in UTC ("2026-11-21 10:00", -90m), or a point of the source's binlog, at which silver and gold are
exactly as MySQL was after that transaction: a position (binlog.000003:1547), a GTID (<uuid>:23) or a GTID set (<uuid>:1-23).

Examples:
  $ binlake sql "select * from gold.daily_sales order by 1 desc limit 7"
  $ binlake sql --csv "from silver.orders" > orders.csv
  $ binlake sql --as-of "2026-11-21 10:00" "select count(*) from silver.orders"
  $ binlake sql --as-of binlog.000003:1547 "from gold.daily_sales"
  $ binlake sql < report.sql
  $ binlake sql`

export function addSql(program: Command): void {
  program
    .command('sql')
    .summary('query the lake')
    .description('Runs SQL (DuckDB) over the tables, as they are now or as they were.')
    .argument('[query]', 'one or more statements')
    .addOption(new Option('--json', 'an array of objects; numbers that a double cannot hold exactly are text').conflicts('csv'))
    .option('--csv', 'comma-separated values with a header; NULL is nothing, the empty text is ""')
    .option('--as-of <point>', 'the tables as they were: a version, a time, a binlog position, a GTID or a GTID set')
    .option('--profile', 'then say on stderr which files were read and skipped, and how long it took')
    .option('--timeout <seconds>', 'stop a query that runs longer', seconds)
    .option('--max-rows <rows>', 'rows shown in a table; 0 shows all', whole(), 1_000)
    .addHelpText('after', examples)
    .action(
      withSession<SqlOptions, [query: string | undefined]>(async (session, options, query) => {
        const { parsePoint } = await import('../../sql/point.ts')
        const asOf = options.asOf === undefined ? undefined : parsePoint(options.asOf)
        const store = await openLake(session.config)
        try {
          const engine = await openQueries(store, session)
          if (query === undefined && process.stdin.isTTY) await talk(engine, session, { ...options, point: asOf })
          else await runAll(query ?? (await text(process.stdin)), engine, { session, options, asOf })
        } finally {
          await store.close()
        }
        return undefined
      }),
    )
}

type Running = {
  session: Session
  options: SqlOptions & GlobalOptions
  asOf: Point | undefined
  signal?: AbortSignal
  timing?: boolean
}

async function runAll(typed: string, engine: QueryEngine, running: Running): Promise<void> {
  const { splitStatements } = await import('../../sql/statements.ts')
  const { complete, rest } = splitStatements(typed)
  for (const statement of [...complete, rest].filter(Boolean)) await run(statement, engine, running)
}

async function run(
  statement: string,
  engine: QueryEngine,
  { session, options, asOf, signal = session.signal, timing = false }: Running,
): Promise<void> {
  const { render } = await import('../../sql/format.ts')
  const { json, csv, timeout, maxRows } = options
  const format: Format = json ? 'json' : csv ? 'csv' : 'table'
  const started = performance.now()
  await using result = await engine.query(statement, { signal, asOf, ...(timeout ? { timeout: timeout * 1_000 } : {}) })
  for (const line of result.report.said) session.say(`${line}\n`)
  const ready = performance.now()
  const { rows, cut } = await render(result, format, { maxRows, print: session.print })
  if (options.profile) session.say(await profile(result.report, { runMs: performance.now() - ready, json: json ?? false }))
  if (cut) session.say(`the first ${rows.toLocaleString('en')} rows; --max-rows shows more, --csv and --json give all\n`)
  if (timing)
    session.say(
      `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}, ${((performance.now() - started) / 1_000).toFixed(2)} s\n`,
    )
}

/** For people a table, with `--json` one line of JSON. */
async function profile(report: QueryReport, { runMs, json }: { runMs: number; json: boolean }): Promise<string> {
  const { tables, fetchMs } = report
  const times = { fetchMs: Math.round(fetchMs), runMs: Math.round(runMs) }
  if (json) return `${JSON.stringify({ tables, ...times })}\n`
  const { box } = await import('../../sql/format.ts')
  const counts = ['version', 'files read', 'files skipped', 'bytes', 'rows'].map(name => ({ name, type: 'BIGINT' }))
  const rows = tables.map(({ table, version, files, skipped, bytes, rows: n }) => [
    table,
    ...[version, files, skipped, bytes, n].map(value => value.toLocaleString('en')),
  ])
  return `${box([{ name: 'table', type: 'VARCHAR' }, ...counts], rows)}\nfetch ${times.fetchMs} ms, run ${times.runMs} ms\n`
}

type Talking = SqlOptions & GlobalOptions & { point: Point | undefined }

async function talk(engine: QueryEngine, session: Session, options: Talking): Promise<void> {
  const [{ prompt }, { liveNames, sqlName }, { listed }, { parsePoint }] = await Promise.all([
    import('../../sql/prompt.ts'),
    import('../../sql/catalog.ts'),
    import('./tables.ts'),
    import('../../sql/point.ts'),
  ])
  let asOf = options.point
  const folder = join(session.config.lake.cache)
  await mkdir(folder, { recursive: true })
  await prompt({
    input: process.stdin,
    output: process.stdout,
    historyFile: join(folder, 'sql-history'),
    run: (statement, { signal, timing }) => run(statement, engine, { session, options, asOf, signal, timing }),
    asOf: text => {
      if (text !== '') asOf = text.toLowerCase() === 'now' ? undefined : parsePoint(text)
      return asOf === undefined ? 'tables as they are now\n' : `tables as of ${asOf.text}\n`
    },
    tables: async () => {
      const facts = await listed(engine)
      const live = liveNames(await engine.tables())
      return [...facts.map(({ table, rows }) => `${table}  (${count(rows)})\n`), ...live.map(name => `${name}  (live)\n`)].join(
        '',
      )
    },
    schema: async table => {
      await run(`SELECT column_name, column_type FROM (DESCRIBE ${table})`, engine, {
        session,
        asOf,
        options: { ...options, json: false, csv: false, profile: false },
      })
      return ''
    },
    words: async () => {
      const tables = await engine.tables()
      return [...tables.map(table => sqlName(table, tables)), ...liveNames(tables)]
    },
    explain: error => describe(error, { debug: options.debug ?? false }),
  })
}

function count(rows: number): string {
  return `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`
}
