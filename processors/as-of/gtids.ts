// A transaction or a set of transactions as a condition on GTIDs: what had happened then, and what had not.
// Guarantee: commit order decides, as the transaction topic tells it; numbers stand in only for statements that the topic leaves out.
import type { Duck } from '../../lake/duckdb.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import type { BinlogPoint, GtidRange } from '../../sql/point.ts'
import { AsOfError } from './as-of-error.ts'
import { originOf, sequenceOf } from './source-transactions.ts'

export interface Gtids {
  ranges: readonly GtidRange[]
  /** Within the ranges, but later. */
  except: readonly string[]
  /** Outside of them, but earlier. */
  also: readonly string[]
  /** What a person should know. */
  said: string[]
}

/** Which GTIDs count, in SQL. */
export function among({ ranges, except, also }: Gtids, gtid: Sql): Sql {
  const [origin, sequence] = [originOf(gtid), sequenceOf(gtid)]
  const within = ranges.map(
    ({ origin: o, from, to }) =>
      sql`(${origin} = ${o} AND ${sequence} >= ${from}${to === undefined ? sql`` : sql` AND ${sequence} <= ${to}`})`,
  )
  const inside = within.length > 0 ? sql`(${join(within, ' OR ')})` : sql`false`
  const without = except.length > 0 ? sql` AND lower(${gtid}) NOT IN (${join(except.map(id => sql`${id}`))})` : sql``
  const more = also.length > 0 ? sql` OR lower(${gtid}) IN (${join(also.map(id => sql`${id}`))})` : sql``
  return sql`(${inside}${without}${more})`
}

type Known = { origin: string; first: bigint; last: bigint; topic: bigint | null; ord: bigint | null }

/** Oldest and newest of each server, from the topic, and from the statements that it leaves out. */
async function knownServers(duck: Duck): Promise<Known[]> {
  return duck.rows<Known>(sql`
    SELECT origin, min(sequence) AS first, max(sequence) AS last, max(sequence) FILTER (ord IS NOT NULL) AS topic, min(ord) AS ord
    FROM (SELECT origin, sequence, ord FROM source_transactions WHERE origin IS NOT NULL UNION ALL SELECT origin, sequence, NULL FROM ddl_gtids)
    WHERE sequence IS NOT NULL GROUP BY origin ORDER BY min(ord)`)
}

/** Reads `source_transactions` and `ddl_gtids`. Throws AsOfError for what is not known, or older than the lake. */
export async function resolveGtids(
  duck: Duck,
  point: Extract<BinlogPoint, { kind: 'transaction' | 'transactions' }>,
): Promise<Gtids> {
  const servers = await knownServers(duck)
  if (servers.length === 0)
    throw new AsOfError(
      'AS_OF_ELSEWHERE',
      `${point.text}: the lake knows no GTID: is gtid_mode on? Ask for a binlog position (file:position)`,
    )
  return point.kind === 'transaction' ? upTo(duck, servers, point) : asGiven(duck, servers, point)
}

/** Everything up to a transaction in commit order: of each server a range, with what stands out of line in both directions. */
async function upTo(
  duck: Duck,
  servers: readonly Known[],
  point: { text: string; origin: string; sequence: bigint },
): Promise<Gtids> {
  const server = servers.find(({ origin }) => origin === point.origin)
  checkKnown(servers, point.text, { ...point, server })
  const found = await duck.row<{ ord: bigint | null; before: bigint | null; after: bigint | null }>(sql`
    SELECT max(ord) FILTER (sequence = ${point.sequence}) AS ord, max_by(ord, sequence) FILTER (sequence < ${point.sequence}) AS before,
      min_by(ord, sequence) FILTER (sequence > ${point.sequence}) AS after
    FROM source_transactions WHERE origin = ${point.origin}`)
  const ord = found!.ord ?? found!.before ?? (found!.after === null ? null : found!.after - 1n)
  const said = ord === found!.ord ? [] : trailing(point, server!)
  return { ...(await upToOrder(duck, { ord: ord ?? (await lastOrder(duck)), ...point })), said }
}

/** All transactions up to a place in commit order; of `origin` those up to `sequence`, the topic told of or not. */
export async function upToOrder(
  duck: Duck,
  { ord, origin, sequence }: { ord: bigint; origin?: string; sequence?: bigint },
): Promise<Omit<Gtids, 'said'>> {
  const ends = await duck.rows<{ origin: string; last: bigint; later: boolean }>(sql`
    SELECT origin, max(sequence) FILTER (ord <= ${ord}) AS last, bool_or(ord > ${ord}) AS later
    FROM source_transactions WHERE origin IS NOT NULL GROUP BY origin HAVING last IS NOT NULL`)
  const ranges = ends
    .filter(end => end.origin !== origin)
    // A server that is silent from then on may have made statements that the topic does not tell of.
    .map(({ origin: o, last, later }): GtidRange => ({ origin: o, from: 1n, to: later ? last : undefined }))
  if (origin !== undefined) ranges.push({ origin, from: 1n, to: sequence! })
  const bounds = join(ranges.map(({ origin: o, to }) => sql`(${o}, ${to ?? null}::BIGINT)`))
  if (ranges.length === 0) return { ranges, except: [], also: [] }
  const stray = await duck.rows<{ id: string; late: boolean }>(sql`
    SELECT lower(id) AS id, ord > ${ord} AS late FROM source_transactions JOIN (VALUES ${bounds}) AS b(origin, last) USING (origin)
    WHERE (ord > ${ord}) = (b.last IS NULL OR sequence <= b.last)`)
  return {
    ranges,
    except: stray.filter(({ late }) => late).map(({ id }) => id),
    also: stray.filter(({ late }) => !late).map(({ id }) => id),
  }
}

async function lastOrder(duck: Duck): Promise<bigint> {
  const row = await duck.row<{ ord: bigint }>(sql`SELECT coalesce(max(ord), 0) AS ord FROM source_transactions`)
  return row!.ord
}

/** A set as it was given. It must hold what the lake began with, and no transaction that the lake has not heard of. */
async function asGiven(
  duck: Duck,
  servers: readonly Known[],
  point: { text: string; ranges: readonly GtidRange[] },
): Promise<Gtids> {
  const said: string[] = []
  for (const server of servers) {
    const own = point.ranges.filter(({ origin }) => origin === server.origin)
    if (own.length === 0) continue
    let sequence = 0n
    for (const { to } of own) if (to! > sequence) sequence = to!
    checkKnown(servers, `${server.origin}:${sequence}`, { sequence, server })
    said.push(...trailing({ text: `${server.origin}:${sequence}`, sequence }, server))
  }
  const gtids: Gtids = { ranges: point.ranges, except: [], also: [], said }
  const missing = await duck.row<{ origin: string }>(sql`
    SELECT origin FROM source_transactions WHERE origin NOT IN (${join(point.ranges.map(({ origin }) => sql`${origin}`))})
      AND ord < (SELECT max(ord) FROM source_transactions WHERE ${among(gtids, sql`id`)}) LIMIT 1`)
  const begin = servers.find(({ ord }) => ord === 1n) ?? servers[0]!
  const leftOut = missing?.origin ?? (point.ranges.some(({ origin }) => origin === begin.origin) ? undefined : begin.origin)
  if (leftOut !== undefined) {
    throw new AsOfError(
      'AS_OF_AMBIGUOUS',
      `the set leaves out every transaction of server ${leftOut}, though the lake begins with them or others of the set came later; give the set whole, as @@gtid_executed has it (known: ${extent(servers)})`,
    )
  }
  return gtids
}

function checkKnown(
  servers: readonly Known[],
  text: string,
  { sequence, server }: { sequence: bigint; server: Known | undefined },
): void {
  if (!server)
    throw new AsOfError('AS_OF_ELSEWHERE', `${text}: the lake knows no transaction of this server; it knows ${extent(servers)}`)
  if (sequence > server.last)
    throw new AsOfError('AS_OF_UNKNOWN', `${text}: the lake has not heard of this transaction (yet); it knows ${extent(servers)}`)
  if (sequence < server.first - 1n) {
    throw new AsOfError(
      'AS_OF_TOO_OLD',
      `${text}: the lake begins later; the earliest point is ${server.origin}:${server.first - 1n} (known: ${extent(servers)})`,
    )
  }
}

/** A statement at the topic's end: what was committed just before it may not have arrived. */
function trailing({ text, sequence }: { text: string; sequence: bigint }, { topic }: Known): string[] {
  return topic !== null && sequence > topic
    ? [
        `${text} is newer than the newest transaction in the lake (number ${topic}); what came between is complete once a newer one is there`,
      ]
    : []
}

function extent(servers: readonly Known[]): string {
  return servers.map(({ origin, first, last }) => `${origin}:${first}-${last}`).join(', ')
}
