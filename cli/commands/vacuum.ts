// `binlake vacuum`: files and commits that no version within the retention needs are deleted, now.
import type { Command } from 'commander'
import { duration } from '../arguments.ts'
import { change, maintainTables } from '../maintain-tables.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

interface Vacuumed {
  table: string
  /** Data files in the table's folder, live or not. */
  files: { before: number; after: number }
  bytes: { before: number; after: number }
  /** Objects of its log. */
  log: { before: number; after: number }
}

interface VacuumFlags {
  dryRun?: boolean
  retention?: number
  unsafe?: boolean
  json?: boolean
}

const details = `
Deleted are files that no version within the retention has (those that a merge or compaction replaced, and what crashes left), and
commits that a checkpoint stands for. Live files, files removed lately and files written lately stay, and so does what silver has
yet to take from bronze. The retentions are settings (docs/maintenance.md); versions older than that can no longer be opened.
A running \`binlake run\` does this by itself and may go on meanwhile.

Examples:
  $ binlake vacuum --dry-run                   # what would go
  $ binlake vacuum silver.orders --retention 6h`

export function addVacuum(program: Command): void {
  program
    .command('vacuum [tables...]')
    .summary('delete files that no version needs any more')
    .description('Deletes old data files and commits of tables, named as `binlake tables` prints them.')
    .option('--dry-run', 'tell what would go, delete nothing')
    .option(
      '--retention <duration>',
      "keep removed files so long, instead of the table's own retention; an hour at least",
      duration,
    )
    .option('--unsafe', 'allow less than an hour, and files of any age: only when nothing else uses the table')
    .option('--json', 'as a JSON array')
    .addHelpText('after', details)
    .action(
      withSession<VacuumFlags, [tables: string[]]>(async (session, options, names) => {
        const vacuumed = await vacuumTables(session, names, options)
        if (options.json) await session.print(`${JSON.stringify(vacuumed, null, 2)}\n`)
        else await session.print(await drawn(vacuumed))
        return undefined
      }),
    )
}

async function vacuumTables(session: Session, names: readonly string[], flags: VacuumFlags): Promise<Vacuumed[]> {
  const { dryRun = false, retention, unsafe = false } = flags
  const { applyRetention, cleanTable, vacuumTable } = await import('../../processors/maintenance/maintain.ts')
  return maintainTables(session, { label: 'vacuum', names }, async (table, { duck, maintained }) => {
    const snapshot = await maintained.lake.current(table.path)
    if (!snapshot) return undefined
    if (!dryRun) await applyRetention(maintained, table, snapshot)
    const log = await cleanTable(duck, maintained, table, { dryRun })
    const files = await vacuumTable(maintained, table, { dryRun, retention, unsafe })
    if (!log || !files) {
      session.say(`${table.shown}: a merge is half done; left alone until it is complete\n`)
      return undefined
    }
    return {
      table: table.shown,
      files: { before: files.before.files, after: files.before.files - files.deleted.files },
      bytes: { before: files.before.bytes, after: files.before.bytes - files.deleted.bytes },
      log: { before: log.before.objects, after: log.before.objects - log.deleted.objects },
    }
  })
}

async function drawn(tables: readonly Vacuumed[]): Promise<string> {
  const { box } = await import('../../sql/format.ts')
  const columns = ['table', 'files', 'bytes', 'log'].map(name => ({ name, type: 'VARCHAR' }))
  const rows = tables.map(({ table, files, bytes, log }) => [
    table,
    change(files.before, files.after),
    change(bytes.before, bytes.after),
    change(log.before, log.after),
  ])
  return `${box(columns, rows)}\n`
}
