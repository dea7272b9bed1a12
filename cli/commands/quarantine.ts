// `binlake quarantine`: what could not be read, a look at it, and what to do about it.

import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { nameOf } from '../../processors/table-name.ts'
import { ConfigError } from '../config-error.ts'
import { exit } from '../exit.ts'
import { openDuck } from '../open-duck.ts'
import { openLake } from '../open-lake.ts'
import { openPolicy } from '../open-policy.ts'
import { droppedReport, listReport, replayedReport, showReport } from '../quarantine-report.ts'
import type { Session } from '../session.ts'
import { withSession } from '../with-session.ts'

const details = `
A record that no step can read is set aside with its place in Kafka, its reason and its bytes; the table goes on without it, until more
than quarantine.budget of its records wait. A mended record takes its own place again: it never overwrites what came later.

Examples:
  $ binlake quarantine list
  $ binlake quarantine show orders 0:4711             # --value prints its bytes
  $ binlake quarantine replay orders                  # after the schema or the policy was put right
  $ binlake quarantine replay orders --offset 0:4711 --value-file fixed.json
  $ binlake quarantine drop orders --reason invalid_json --because "test traffic of 3 May"`

export interface Place {
  partition: number
  offset: bigint
}

interface Choosing {
  reason?: string
  offset?: Place
  json?: boolean
}

export function addQuarantine(program: Command): void {
  const group = program
    .command('quarantine')
    .summary('records that could not be read: list, show, replay, drop')
    .description('Lists the records that could not be read, shows one, brings them in once they can be read, or gives them up.')
    .addHelpText('after', details)
  group
    .command('list [table]')
    .description('What waits, by table, reason and partition.')
    .option('--json', 'print it as JSON')
    .action(withSession<{ json?: boolean }, [string | undefined]>(list))
  group
    .command('show')
    .description('Where a record stands, why it was set aside, and what became of it.')
    .argument('<table>')
    .argument('<place>', 'partition:offset', place)
    .option('--value', 'also print its original key and value, which may hold personal data')
    .option('--json', 'print it as JSON')
    .action(withSession<{ value?: boolean; json?: boolean }, [string, Place]>(show))
  choosing(group.command('replay').argument('<table>'))
    .description('Brings records in that can be read now, each at its own place.')
    .option('--value-file <file>', 'for one record: take this value instead of the original one')
    .action(withSession<Choosing & { valueFile?: string }, [string]>(replay))
  choosing(group.command('drop').argument('<table>'))
    .description('Gives records up: their bytes go, their places and the reason stay.')
    .requiredOption('--because <text>', 'why; it is recorded')
    .action(withSession<Choosing & { because: string }, [string]>(drop))
}

function choosing(command: Command): Command {
  return command
    .option('--reason <reason>', 'only those set aside for this reason')
    .option('--offset <partition:offset>', 'only the record at this place', place)
    .option('--json', 'print what was done as JSON')
}

/** `0:4711`. */
export function place(text: string): Place {
  const [, partition, offset] = /^(\d{1,9}):(\d{1,18})$/.exec(text) ?? []
  if (partition === undefined || offset === undefined) throw new InvalidArgumentError('expected partition:offset, such as 0:4711')
  return { partition: Number(partition), offset: BigInt(offset) }
}

async function list(session: Session, { json: asJson }: { json?: boolean }, table: string | undefined): Promise<number> {
  const { listQuarantine, quarantineTables } = await import('../../processors/quarantine/records.ts')
  const { quarantineTable } = await import('../../processors/quarantine/chosen.ts')
  return withLake(session, async place => {
    const wanted = table === undefined ? undefined : await quarantineTable(place.lake, table)
    const all = await quarantineTables(place.lake)
    const asked = all.filter(({ name }) => !wanted || (name.database === wanted.database && name.table === wanted.table))
    const groups = await listQuarantine(place, asked)
    await session.print(asJson ? json(groups) : await listReport(groups))
    return exit.ok
  })
}

async function show(
  session: Session,
  { value = false, json: asJson }: { value?: boolean; json?: boolean },
  table: string,
  at: Place,
): Promise<number> {
  const { recordsAt } = await import('../../processors/quarantine/records.ts')
  const { quarantineTable } = await import('../../processors/quarantine/chosen.ts')
  return withLake(session, async opened => {
    const name = await quarantineTable(opened.lake, table)
    const records = await recordsAt(opened, name, at)
    const shown = value ? records : records.map(({ key: _, value: __, ...rest }) => rest)
    await session.print(asJson ? json(shown) : showReport(shown))
    return records.length > 0 ? exit.ok : exit.failure
  })
}

async function replay(session: Session, flags: Choosing & { valueFile?: string }, table: string): Promise<number> {
  const { config, log } = session
  const [{ replayRecords }, { loadGoldModels }] = await Promise.all([
    import('../../processors/quarantine/replay-records.ts'),
    import('../../sql/gold-models.ts'),
  ])
  const value = flags.valueFile === undefined ? undefined : await correctedValue(flags.valueFile)
  const { policy, keys } = await openPolicy(config)
  return withLake(session, async ({ duck, lake }) => {
    const replayed = await replayRecords(
      { duck, lake, policy, keys, gold: await loadGoldModels(), log },
      {
        ...chosen(flags),
        ...(value ? { value } : {}),
        table,
        maxRows: config.merge.rows,
        quarantineBudget: config.quarantine.budget,
      },
    )
    await session.print(flags.json ? json(replayed) : replayedReport(replayed))
    if (replayed.waits) return exit.degraded
    return replayed.left.length > 0 ? exit.failure : exit.ok
  })
}

async function drop(session: Session, flags: Choosing & { because: string }, table: string): Promise<number> {
  const [{ drop: giveUp }, { quarantineTable }] = await Promise.all([
    import('../../processors/quarantine/mend.ts'),
    import('../../processors/quarantine/chosen.ts'),
  ])
  if (flags.because.trim() === '') throw new ConfigError('CONFIG_INVALID', ['flag --because: expected a reason in words'])
  return withLake(session, async ({ duck, lake }) => {
    const name = await quarantineTable(lake, table)
    const dropped = await giveUp(duck, { lake, name }, { ...chosen(flags), because: flags.because })
    await session.print(flags.json ? json({ table: nameOf(name), dropped }) : droppedReport(nameOf(name), dropped))
    return exit.ok
  })
}

function chosen({ reason, offset }: Choosing): { reason?: string; at?: Place } {
  return { ...(reason === undefined ? {} : { reason }), ...(offset === undefined ? {} : { at: offset }) }
}

/** A value on one line, as Kafka has it: line breaks in JSON text stand between its tokens only. */
async function correctedValue(file: string): Promise<Buffer> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError('CONFIG_UNREADABLE', [`flag --value-file: ${file}: cannot be read (${cause.code})`], { cause })
  })
  return Buffer.from(text.replace(/[\r\n]\s*/g, ''))
}

type Opened = { duck: import('../../lake/duckdb.ts').Duck; lake: import('../../lake/lakehouse.ts').Lakehouse }

async function withLake(session: Session, work: (opened: Opened) => Promise<number>): Promise<number> {
  const { Lakehouse } = await import('../../lake/lakehouse.ts')
  const store = await openLake(session.config)
  try {
    await using duck = await openDuck(session.config)
    return await work({ duck, lake: new Lakehouse(store) })
  } finally {
    await store.close()
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? one.toString() : one), 2)}\n`
}
