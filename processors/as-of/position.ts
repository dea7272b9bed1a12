// A position of a binlog file as a condition on a history's rows.
// Guarantee: a transaction counts if all its changes stand before the position; never half of one.
import { tablePath } from '../../lake/layout.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import type { Cut } from '../../sql/derived.ts'
import type { BinlogPoint } from '../../sql/point.ts'
import type { TableName } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'
import { AsOfError } from './as-of-error.ts'
import { severalBinlogs, throughGtids } from './failover.ts'
import type { Gtids } from './gtids.ts'
import {
  type AsOfWork,
  checkReached,
  eventsAround,
  everyHistory,
  newestTouching,
  type PastHistory,
  readHistory,
} from './history.ts'
import { fileNumber } from './source-transactions.ts'

export type Position = Extract<BinlogPoint, { kind: 'position' }>

/** A cut by position, or by GTIDs where several servers' binlogs were read one after the other. Throws AsOfError. */
export async function resolvePosition(work: AsOfWork, point: Position): Promise<Cut | Gtids> {
  const asked = [...work.histories]
  if (await severalBinlogs(work)) return throughGtids(work, point)
  await checkBegun(work, asked, point)
  for (const history of asked) await checkComplete(work, history, point)
  const split = await splitTransaction(work, asked, point)
  const said = [
    `as of ${point.text}`,
    ...(split ? [`${point.text} is inside transaction ${split.id}, which is left out`] : []),
    ...(await newestKnown(work, point)),
  ]
  const place = { gtid: sql`_gtid`, file: fileNumber(sql`_file`), pos: sql`_pos` }
  const before = sql`${isBefore(place, point)}${split ? sql` AND NOT coalesce(${split.owns(place)}, false)` : sql``}`
  // A snapshot shows what was committed before its position.
  const snapshot = sql`(_op = 'r' AND _gtid IS NULL AND (${isBefore(place, point)} OR (${place.file} = ${point.file} AND _pos = ${point.pos})))`
  return { said, happened: () => sql`(${snapshot} OR (NOT (_op = 'r' AND _gtid IS NULL) AND ${before}))` }
}

/** Columns that say where a change stands. */
interface Place {
  gtid: Sql
  file: Sql
  pos: Sql
}
const place: Place = { gtid: sql`gtid`, file: sql`file`, pos: sql`pos` }

function isBefore({ file, pos }: Place, point: Position): Sql {
  return sql`(${file} < ${point.file} OR (${file} = ${point.file} AND ${pos} < ${point.pos}))`
}

/** Throws if the lake begins after the position, or reads another server's binlog. */
async function checkBegun({ duck }: AsOfWork, asked: readonly PastHistory[], point: Position): Promise<void> {
  const all = join(
    [sql`SELECT base, file, pos FROM ddl_places`, ...asked.map(({ places }) => sql`SELECT base, file, pos FROM ${places}`)],
    ' UNION ALL ',
  )
  const first = await duck.row<{ base: string; file: bigint; pos: bigint }>(
    sql`SELECT base, file, pos FROM (${all}) WHERE base <> '' ORDER BY file, pos LIMIT 1`,
  )
  if (first && first.base !== point.base) {
    throw new AsOfError(
      'AS_OF_ELSEWHERE',
      `${point.text}: the lake knows no binlog of this name; its own is called ${first.base}`,
    )
  }
  for (const { name, incremental } of asked) {
    const begun = incremental ?? first
    if (!begun || begun.file < point.file || (begun.file === point.file && begun.pos <= point.pos)) continue
    throw new AsOfError(
      'AS_OF_TOO_OLD',
      `${point.text}: for ${nameOf(name)} the lake begins at ${point.base}.${padded(begun.file)}:${begun.pos}`,
    )
  }
}

/** A history that ends before the position must hold everything that the lake knows of its table. */
async function checkComplete(work: AsOfWork, history: PastHistory, point: Position): Promise<void> {
  const { duck } = work
  const beyond = await duck.row<{ is: boolean }>(
    sql`SELECT coalesce(bool_or(NOT ${isBefore(place, point)}), false) AS "is" FROM ${history.places} WHERE op <> 'r'`,
  )
  if (beyond!.is) return
  const touching = await newestTouching(duck, history.name, sql`true`)
  if (!touching) return
  const { owns } = await transactionOf(work, touching.id)
  await checkReached(work, history, { touching, own: sql`(op <> 't' AND ${owns(place)})`, later: sql`false` })
}

interface Owned {
  id: string
  /** Events in all, undefined while its end has not arrived; and the tables they are of. */
  events: bigint | undefined
  tables: readonly { name: string; events: bigint }[]
  /** Whether a change belongs to it. */
  owns(place: Place): Sql
}

async function transactionOf({ duck }: AsOfWork, id: string): Promise<Owned> {
  const row = await duck.row<{
    gtid: boolean
    events: bigint | null
    tables: { name: string; events: bigint }[] | null
    file: bigint
    pos: bigint
    until: bigint | null
  }>(sql`
    SELECT origin IS NOT NULL AS gtid, events, [{name: t.data_collection, events: t.event_count} FOR t IN tables] AS tables, file, pos,
      (SELECT min(pos) FROM source_transactions AS n WHERE n.file = t.file AND n.pos > t.pos) AS until
    FROM source_transactions AS t WHERE id = ${id}`)
  const { gtid, events, tables, file, pos, until } = row!
  // Without GTIDs a transaction is named by where it begins, and reaches to where the next one does; a truncate between them is no part of it.
  const owns = (at: Place) =>
    gtid
      ? sql`(${at.gtid} = ${id})`
      : sql`(${at.file} = ${file} AND ${at.pos} >= ${pos}${until === null ? sql`` : sql` AND ${at.pos} < ${until}`})`
  return { id, events: events ?? undefined, tables: tables ?? [], owns }
}

/** The transaction that the position divides, if it does: some of its changes stand before it, others not. */
async function splitTransaction(work: AsOfWork, asked: readonly PastHistory[], point: Position): Promise<Owned | undefined> {
  for (const { places } of asked) {
    const last = await work.duck.row<{ id: string | null }>(sql`
      SELECT coalesce(gtid, (SELECT arg_max(id, ord) FROM source_transactions AS t WHERE t.file = p.file AND t.pos <= p.pos)) AS id
      FROM ${places} AS p WHERE op <> 'r' AND ${isBefore(place, point)} ORDER BY file DESC, pos DESC LIMIT 1`)
    // What the topic does not tell of is a statement of one event.
    const told = last?.id ? await work.duck.row(sql`SELECT 1 FROM source_transactions WHERE id = ${last.id}`) : undefined
    if (!told) continue
    const transaction = await transactionOf(work, last!.id!)
    if (transaction.events === undefined)
      throw new AsOfError(
        'AS_OF_BEHIND',
        `${point.text}: the end of transaction ${transaction.id} has not arrived yet; let \`binlake run\` catch up`,
      )
    if (await divides(work, transaction, point)) return transaction
  }
  return undefined
}

async function divides(work: AsOfWork, transaction: Owned, point: Position): Promise<boolean> {
  let before = 0n
  for (const table of transaction.tables) {
    const counted = await countAround(work, table, { transaction, point })
    if (counted.after) return true
    before += counted.before
    if (before >= transaction.events!) return false
  }
  return false
}

/** How many of a table's changes in a transaction stand before the position, and whether any does not. */
async function countAround(
  work: AsOfWork,
  { name, events }: Owned['tables'][number],
  { transaction, point }: { transaction: Owned; point: Position },
): Promise<{ before: bigint; after: boolean }> {
  const { duck, lake } = work
  const count = async (changes: Sql) =>
    (await duck.row<{ before: bigint; after: boolean }>(sql`
      SELECT count(*) FILTER (${isBefore(place, point)}) AS before, coalesce(bool_or(NOT ${isBefore(place, point)}), false) AS after
      FROM ${changes} WHERE ${transaction.owns(place)}`))!
  const table = await tableCalled(work, name)
  const history = table && (await readHistory(work, table))
  if (history) {
    const counted = await count(sql`(SELECT * FROM ${history.places} WHERE op NOT IN ('r', 't'))`)
    if (counted.after || counted.before >= events) return counted
  }
  // A table that the policy leaves out, or whose changes were set aside: bronze has them all.
  const bronze = table && (await lake.current(tablePath('bronze', table)))
  return bronze
    ? count(await eventsAround(duck, lake, { name: table, bronze, transaction: transaction.id }))
    : { before: 0n, after: false }
}

/** `database.table` of the transaction topic; either may hold a dot. */
async function tableCalled({ lake }: AsOfWork, name: string): Promise<TableName | undefined> {
  return (await lake.bronzeTables()).map(table => table.name).find(table => nameOf(table) === name)
}

/** What a person should know if nothing in the lake stands at or after the position. */
async function newestKnown(work: AsOfWork, point: Position): Promise<string[]> {
  let newest: { file: bigint; pos: bigint } | undefined
  const look = async (places: Sql): Promise<boolean> => {
    const last = await work.duck.row<{ file: bigint; pos: bigint }>(
      sql`SELECT file, pos FROM ${places} WHERE base = ${point.base} ORDER BY file DESC, pos DESC LIMIT 1`,
    )
    if (last && (!newest || last.file > newest.file || (last.file === newest.file && last.pos > newest.pos))) newest = last
    return newest !== undefined && (newest.file > point.file || (newest.file === point.file && newest.pos >= point.pos))
  }
  if (await look(sql`ddl_places`)) return []
  for (const { places } of work.histories) if (await look(places)) return []
  for (const { name } of await everyHistory(work.lake)) {
    const history = await readHistory(work, name)
    if (history && (await look(history.places))) return []
  }
  const at = newest ? `${point.base}.${padded(newest.file)}:${newest.pos}` : 'none'
  return [`the newest change in the lake begins at ${at}: if MySQL committed more before ${point.text}, it has not arrived yet`]
}

/** MySQL writes at least six digits. */
function padded(file: bigint): string {
  return String(file).padStart(6, '0')
}
