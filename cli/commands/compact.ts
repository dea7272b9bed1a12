// `binlake compact`: small files joined into larger ones, now.
import type { Command } from 'commander'
import { change, maintainTables } from '../maintain-tables.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

interface Compacted {
  table: string
  files: { before: number; after: number }
  bytes: { before: number; after: number }
  /** Groups of files that another writer changed first; the next compaction sees to them. */
  dropped: number
}

const details = `
Files are joined where it pays: no row is rewritten again and again, and a table that is in order stays as it is. A running
\`binlake run\` does this by itself and may go on meanwhile; what silver has not taken from bronze is left alone. No row changes;
the files that were replaced stay for time travel until a vacuum after their retention. With --dry-run the bytes are those of now.

Examples:
  $ binlake compact                          # every table
  $ binlake compact bronze.orders silver.orders_history
  $ binlake compact --dry-run --json`

export function addCompact(program: Command): void {
  program
    .command('compact [tables...]')
    .summary('join small files')
    .description('Joins the small files of tables, named as `binlake tables` prints them, into larger ones. No row changes.')
    .option('--dry-run', 'tell what would be joined, change nothing')
    .option('--json', 'as a JSON array')
    .addHelpText('after', details)
    .action(
      withSession<{ dryRun?: boolean; json?: boolean }, [tables: string[]]>(async (session, options, names) => {
        const compacted = await compactTables(session, names, options)
        if (options.json) await session.print(`${JSON.stringify(compacted, null, 2)}\n`)
        else await session.print(await drawn(compacted))
        return undefined
      }),
    )
}

async function compactTables(session: Session, names: readonly string[], options: { dryRun?: boolean }): Promise<Compacted[]> {
  const { compactTable } = await import('../../processors/maintenance/maintain.ts')
  return maintainTables(session, { label: 'compact', names }, async (table, { duck, maintained }) => {
    const done = await compactTable(duck, maintained, table, { ...options, minFiles: 2 })
    if (!done) return undefined
    const { before, after, dropped } = done
    return {
      table: table.shown,
      files: { before: before.files, after: after.files },
      bytes: { before: before.bytes, after: after.bytes },
      dropped,
    }
  })
}

async function drawn(tables: readonly Compacted[]): Promise<string> {
  const { box } = await import('../../sql/format.ts')
  const left = tables.some(({ dropped }) => dropped > 0) ? ['left to another writer'] : []
  const columns = ['table', 'files', 'bytes', ...left].map(name => ({ name, type: 'VARCHAR' }))
  const rows = tables.map(({ table, files, bytes, dropped }) => [
    table,
    change(files.before, files.after),
    change(bytes.before, bytes.after),
    ...left.map(() => (dropped > 0 ? `${dropped} groups of files` : '')),
  ])
  return `${box(columns, rows)}\n`
}
