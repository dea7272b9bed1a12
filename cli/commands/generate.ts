// `binlake generate`: the example shop at work.
import { join } from 'node:path'
import type { Command } from 'commander'
import type { GenerateSummary } from '../../shop/generate.ts'
import { duration, whole } from '../arguments.ts'
import { need } from '../config.ts'
import { embeddedFolder } from '../open-source.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

interface GenerateFlags {
  seed: number
  customers: number
  orders: number
  rate: number
  for?: number
  customersFile?: string
  canary?: string
}

const details = `
The shop lives in MySQL (mysql.url) or in the embedded stack. Its data is made up; the same seed on an empty shop gives the same
data, and another call goes on where the shop stands. Some rows are wrong on purpose, so that validation has work.

Examples:
  $ binlake generate
  $ binlake generate --customers 10000 --orders 50000
  $ binlake generate --rate 50 --for 10m        # 50 transactions a second, for ten minutes`

export function addGenerate(program: Command): void {
  program
    .command('generate')
    .summary('let the example shop do business')
    .description('Writes sign-ups, orders, payments, returns and deletions to the example shop.')
    .option('--customers <count>', 'customers that sign up', whole(), 500)
    .option('--orders <count>', 'orders that are placed', whole(), 2_000)
    .option('--rate <count>', 'transactions a second; 0 is as fast as possible', whole(), 0)
    .option('--for <duration>', 'go on for this long instead of for a number of orders, e.g. 30s or 10m', duration)
    .option('--seed <number>', 'the same seed gives the same data', whole(), 1)
    .option(
      '--customers-file <file>',
      'where to write all customers as JSON, in clear (default: customers.json in the state folder)',
    )
    .option('--canary <email>', 'an e-mail address to give to one customer, to search for later')
    .option('--json', 'what was written, as JSON')
    .addHelpText('after', details)
    .action(
      withSession<GenerateFlags & { json?: boolean }>(async (session, flags) => {
        const summary = await generateShop(session, flags)
        if (flags.json) await session.print(`${JSON.stringify(summary, null, 2)}\n`)
        else session.say(told(summary))
        return undefined
      }),
    )
}

export interface ShopOptions extends Omit<GenerateFlags, 'for'> {
  /** Milliseconds, instead of `orders`. */
  for?: number
  signal?: AbortSignal
}

/** Runs the shop of the session's configuration. */
export async function generateShop(session: Session, options: ShopOptions): Promise<GenerateSummary> {
  const { generate } = await import('../../shop/generate.ts')
  const url = need(session.config.mysql.url, 'mysql.url')
  const embedded = embeddedFolder(url)
  const {
    for: forMs,
    customersFile = join(session.state, 'customers.json'),
    signal = session.signal,
    canary,
    ...counts
  } = options
  const topicPrefix = session.config.kafka.prefix
  const target = embedded ? { embedded, ...(topicPrefix ? { topicPrefix } : {}) } : { mysqlUrl: url }
  const progress = await session.progress('generate', { unit: 'transactions' })
  try {
    return await generate(
      target,
      { ...counts, customersFile, ...(forMs === undefined ? {} : { forMs }), ...(canary === undefined ? {} : { canary }) },
      { signal, onProgress: ({ transactions }) => progress.set(transactions) },
    )
  } finally {
    progress.stop()
  }
}

function told({ transactions, changes, seconds, rows, customersWritten }: GenerateSummary): string {
  const tables = Object.entries(rows).map(([table, { insert, update, delete: gone }]) => {
    const parts = [`${count(insert)} new`, update > 0 && `${count(update)} changed`, gone > 0 && `${count(gone)} deleted`]
    return `  ${table}: ${parts.filter(Boolean).join(', ')}\n`
  })
  const file = customersWritten === undefined ? '' : `; ${count(customersWritten)} customers in the customers file`
  return `${count(transactions)} transactions, ${count(changes)} changes in ${seconds.toFixed(1)} s${file}\n${tables.join('')}`
}

function count(value: number): string {
  return value.toLocaleString('en')
}
