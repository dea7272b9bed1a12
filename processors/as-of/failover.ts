// Positions where the connector has read several servers' binlogs, one after the other: their file numbers do not compare.
// Guarantee: a position is answered only if its file was read in one piece of the commit order, else refused.
import { join, type Sql, sql } from '../../lake/sql.ts'
import type { BinlogPoint } from '../../sql/point.ts'
import { AsOfError } from './as-of-error.ts'
import { type Gtids, upToOrder } from './gtids.ts'
import { type AsOfWork, everyHistory, readHistory } from './history.ts'
import { originOf, sequenceOf } from './source-transactions.ts'

type Position = Extract<BinlogPoint, { kind: 'position' }>

/** Whether binlog positions ever ran backwards, or changed their name. With several servers' GTIDs all histories are looked at. */
export async function severalBinlogs(work: AsOfWork): Promise<boolean> {
  const { duck } = work
  const origins = await duck.row<{ n: bigint }>(sql`SELECT count(DISTINCT origin) AS n FROM source_transactions`)
  if (origins!.n > 1n) for (const { name } of await everyHistory(work.lake)) await readHistory(work, name)
  if (work.histories.length === 0) return false
  const within = work.histories.map(
    ({ places }) => sql`SELECT coalesce(bool_or(${backwards(sql`pos`)}), false) AS back
      FROM (SELECT base, file, pos, lag(base) OVER w AS before_base, lag(file) OVER w AS before_file, lag(pos) OVER w AS before_pos
        FROM ${places} WINDOW w AS (PARTITION BY "partition" ORDER BY seq))`,
  )
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE ordered_places AS
    SELECT id, ord, p.base, p.file, min(p.pos) AS first, max(p.pos) AS pos FROM (${join(
      work.histories.map(({ places }) => sql`SELECT gtid, base, file, pos FROM ${places} WHERE op <> 'r'`),
      ' UNION ALL ',
    )}) AS p JOIN source_transactions ON id = gtid GROUP BY id, ord, p.base, p.file`)
  const across = sql`SELECT coalesce(bool_or(${backwards(sql`first`)}), false) AS back
    FROM (SELECT *, lag(base) OVER w AS before_base, lag(file) OVER w AS before_file, lag(pos) OVER w AS before_pos
      FROM ordered_places WINDOW w AS (ORDER BY ord))`
  const found = await duck.row<{ back: boolean }>(
    sql`SELECT bool_or(back) AS back FROM (${join([...within, across], ' UNION ALL ')})`,
  )
  return found!.back
}

/** Whether a place comes before the one it follows. Rows compare NULL as greatest, so each column is compared by itself. */
function backwards(pos: Sql): Sql {
  return sql`base <> before_base OR file < before_file OR (file = before_file AND ${pos} < before_pos)`
}

/** The position as the last transaction before it, by the transactions whose changes stand in its file. */
export async function throughGtids(work: AsOfWork, point: Position): Promise<Gtids> {
  const { duck } = work
  const inFile = sql`(base = ${point.base} AND file = ${point.file})`
  const piece = await duck.row<{ low: bigint | null; high: bigint; last: bigint | null; at: bigint | null }>(sql`
    SELECT min(ord) AS low, max(ord) AS high, max(ord) FILTER (pos < ${point.pos}) AS last, max(pos) FILTER (pos < ${point.pos}) AS at
    FROM ordered_places WHERE ${inFile}`)
  const { low, high, last, at } = piece!
  const others =
    low === null
      ? undefined
      : await duck.row(sql`SELECT 1 FROM ordered_places WHERE NOT ${inFile} AND ord BETWEEN ${low} AND ${high} LIMIT 1`)
  if (low === null || others) {
    const reason =
      low === null ? 'no transaction in the lake stands in this file' : 'more than one of them has a file of this name'
    throw new AsOfError(
      'AS_OF_AMBIGUOUS',
      `${point.text}: several servers' binlogs were read one after the other, and ${reason}; ask for a GTID`,
    )
  }
  const ord = last ?? low - 1n
  const newest = (await truncateBefore(work, point, at ?? -1n)) ?? (await transactionAt(work, ord))
  const said = [`${point.text} is after transaction ${newest?.id ?? 'none that the lake knows'}`]
  return newest ? { ...(await upToOrder(duck, { ord, ...newest })), said } : { ranges: [], except: [], also: [], said }
}

type Told = { id: string; origin: string; sequence: bigint }

async function transactionAt({ duck }: AsOfWork, ord: bigint): Promise<Told | undefined> {
  return duck.row<Told>(sql`SELECT id, origin, sequence FROM source_transactions WHERE ord = ${ord}`)
}

/** The newest truncate of the file between two positions: the topic does not tell of it. */
async function truncateBefore(
  { duck, histories }: AsOfWork,
  { base, file, pos }: Position,
  after: bigint,
): Promise<Told | undefined> {
  const truncates = histories.map(
    ({ places }) => sql`SELECT gtid, pos FROM ${places} WHERE op = 't' AND base = ${base} AND file = ${file}`,
  )
  return duck.row<Told>(sql`SELECT gtid AS id, ${originOf(sql`gtid`)} AS origin, ${sequenceOf(sql`gtid`)} AS sequence
    FROM (${join(truncates, ' UNION ALL ')}) WHERE pos > ${after} AND pos < ${pos} AND gtid IS NOT NULL ORDER BY pos DESC LIMIT 1`)
}
