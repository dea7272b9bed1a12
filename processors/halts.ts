// Why tables stand still, told where every process that sees the lake can read it: a small file a table, beside bronze's decisions.
// Guarantee: it is there while the table stands still and gone once it goes on; silver that has moved since proves it old.
import type { Lakehouse } from '../lake/lakehouse.ts'
import { pathPart, tablePath } from '../lake/layout.ts'
import { decisionsTable } from './bronze-names.ts'
import type { TableName } from './source-schema.ts'
import { nameOf } from './table-name.ts'
import { takenBy } from './taken.ts'

export interface Halted {
  /** `database.table`. */
  table: string
  code: string
  /** What happened where, and the command to type. No row's key or value. */
  reason: string
}

export interface Halt extends Halted {
  /** When it was first found; ISO 8601, UTC. */
  since: string
  /** The bronze version that silver had taken. */
  taken: number
  /** The version of the decisions that were known. */
  decisions: number
}

/** Codes that stop one table; any other error stops the run. */
export const tableCodes: ReadonlySet<string> = new Set([
  'TABLE_HALTED',
  'SCHEMA_BEHIND',
  'SCHEMA_UNKNOWN',
  'POLICY_CHANGED',
  'TABLE_OMITTED',
  'COLUMN_TYPE_UNKNOWN',
  'LAKE_UNSUPPORTED_TABLE',
  'LAKE_SCHEMA_CHANGE',
])

/** Codes that the arrival of a schema change may cure. */
export const waitingCodes: ReadonlySet<string> = new Set(['SCHEMA_BEHIND', 'SCHEMA_UNKNOWN'])

const folder = 'bronze/_binlake/halts/'

/** The halts that one process tells of. */
export class Halts {
  readonly #lake: Lakehouse
  /** Tables of which the lake tells one; read once, so that tables which flow cost nothing. */
  #told: Promise<Set<string>> | undefined

  constructor(lake: Lakehouse) {
    this.#lake = lake
  }

  /** Tells why a table stands still. The same halt again, by another process too, keeps its time. */
  async tell(name: TableName, { code, reason }: Halted): Promise<void> {
    const [taken, decisions] = [await takenNow(this.#lake, name), await decisionsNow(this.#lake)]
    const before = await readHalt(this.#lake, pathOf(name))
    const told = await this.#tables()
    told.add(nameOf(name))
    const same = before?.code === code && before.reason === reason && before.taken === taken
    if (same && before.decisions === decisions) return
    const since = same ? before.since : new Date().toISOString()
    const halt: Halt = { table: nameOf(name), code, reason, since, taken, decisions }
    await this.#lake.store.put(pathOf(name), Buffer.from(`${JSON.stringify(halt)}\n`))
  }

  /** The table goes on. */
  async clear(name: TableName): Promise<void> {
    if ((await this.#tables()).delete(nameOf(name))) await clearHalt(this.#lake, name)
  }

  #tables(): Promise<Set<string>> {
    this.#told ??= haltsIn(this.#lake).then(halts => new Set(halts.map(({ table }) => table)))
    return this.#told
  }
}

/** What held a table up is mended. A run that finds otherwise tells it again. */
export async function clearHalt({ store }: Lakehouse, name: TableName): Promise<void> {
  await store.delete(pathOf(name))
}

/** Why a table stands still; undefined: it does not, or nobody has noticed. */
export async function haltOf(lake: Lakehouse, name: TableName): Promise<Halt | undefined> {
  const halt = await readHalt(lake, pathOf(name))
  return halt && halt.taken >= (await takenNow(lake, name)) ? halt : undefined
}

/** What a person should know of it, as a sentence. */
export async function haltText(lake: Lakehouse, { table, code, reason, since, decisions }: Halt): Promise<string> {
  const again =
    decisions < (await decisionsNow(lake)) ? ' (Something was decided since: the next `binlake run` looks again.)' : ''
  const why = reason.startsWith(`${table}: `) ? reason.slice(table.length + 2) : reason
  return `${table} stands still since ${since.slice(0, 16).replace('T', ' ')} UTC (${code}): ${why}${again}`
}

async function haltsIn(lake: Lakehouse): Promise<Halt[]> {
  const found: Halt[] = []
  for await (const { path } of lake.store.list(folder)) {
    const halt = await readHalt(lake, path)
    if (halt) found.push(halt)
  }
  return found
}

async function readHalt({ store }: Lakehouse, path: string): Promise<Halt | undefined> {
  const bytes = await store.get(path)
  return bytes && (JSON.parse(bytes.toString()) as Halt)
}

async function takenNow(lake: Lakehouse, name: TableName): Promise<number> {
  const bronze = await lake.current(tablePath('bronze', name))
  return bronze ? takenBy(await lake.current(tablePath('silver', name)), bronze.metaData.id) : -1
}

async function decisionsNow(lake: Lakehouse): Promise<number> {
  return (await lake.current(tablePath('bronze', decisionsTable)))?.version ?? -1
}

function pathOf({ database, table }: TableName): string {
  return `${folder}${pathPart(database)}/${pathPart(table)}.json`
}
