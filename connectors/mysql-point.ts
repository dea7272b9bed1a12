// Opens MySQL's consistent snapshot together with the binlog position at which it stands.
// Guarantee: `exact` is only said where the server itself held still, or tells the position of its snapshot.
import { setTimeout as sleep } from 'node:timers/promises'
import type mysql from 'mysql2'
import type { Connection } from 'mysql2/promise'
import { codeOf } from './mysql-error.ts'
import type { SourcePoint } from './source-rows.ts'

const open = 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY'
/** Seconds that FLUSH TABLES may wait for statements under way; writers wait with it. */
const lockWait = 2
/** Milliseconds without a commit that make a server quiet: longer than a transaction takes from its binlog to its rows. */
const quiet = 200
const tries = 3

export interface PointOptions {
  /** Whether the server may be held for a moment (FLUSH TABLES WITH READ LOCK). */
  lock: boolean
}

/** Begins the transaction. Undefined: the server has no binlog, or does not tell of it. */
export async function openAtPoint(connection: Connection, { lock }: PointOptions): Promise<SourcePoint | undefined> {
  const version = await value(connection, 'SELECT VERSION() AS v', 'v')
  if (/mariadb/i.test(version ?? '')) return ofMariadb(connection)
  return (lock ? await underLock(connection) : undefined) ?? (await whileQuiet(connection))
}

/** MariaDB's snapshots know their place. */
async function ofMariadb(connection: Connection): Promise<SourcePoint | undefined> {
  await connection.query(open)
  const [rows] = await connection.query<mysql.RowDataPacket[]>("SHOW STATUS LIKE 'binlog_snapshot_%'")
  const status = new Map(rows.map(row => [String(row.Variable_name).toLowerCase(), String(row.Value)]))
  const file = status.get('binlog_snapshot_file')
  if (!file) return undefined
  const pos = BigInt(status.get('binlog_snapshot_position') ?? 0)
  return { file, pos, exact: true, how: "the snapshot's own position" }
}

/** With all writers held. Undefined: not granted, or statements under way did not end in time. */
async function underLock(connection: Connection): Promise<SourcePoint | undefined> {
  const before = await value(connection, 'SELECT @@SESSION.lock_wait_timeout AS v', 'v')
  await connection.query(`SET SESSION lock_wait_timeout = ${lockWait}`)
  try {
    await connection.query('FLUSH TABLES WITH READ LOCK')
  } catch (error) {
    if (fatal(error)) throw error
    return undefined
  } finally {
    await connection.query(`SET SESSION lock_wait_timeout = ${Number(before)}`).catch(() => undefined)
  }
  try {
    await connection.query(open)
    const status = await statusOf(connection)
    return status && { ...status, exact: true, how: 'writers were held for a moment' }
  } finally {
    await connection.query('UNLOCK TABLES')
  }
}

/** Between two looks that show the same: exact if nothing was committed for a while before. */
async function whileQuiet(connection: Connection): Promise<SourcePoint | undefined> {
  for (let round = 1; ; round++) {
    const earlier = await statusOf(connection)
    if (earlier) await sleep(quiet)
    const before = await statusOf(connection)
    await connection.query(open)
    const after = await statusOf(connection)
    if (!after) return undefined
    const still = same(earlier, before) && same(before, after)
    if (still) return { ...after, exact: true, how: 'no transaction was committed around the snapshot' }
    if (round === tries)
      return { ...after, exact: false, how: 'writers could not be held (RELOAD is not granted, or long statements ran)' }
    await connection.query('ROLLBACK')
  }
}

type Status = Pick<SourcePoint, 'gtids' | 'file' | 'pos'>

/** Names differ: MySQL 8.4 renamed the statement, and older servers know only the former. The GTIDs alone need no grant. */
async function statusOf(connection: Connection): Promise<Status | undefined> {
  for (const statement of ['SHOW BINARY LOG STATUS', 'SHOW MASTER STATUS']) {
    try {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(statement)
      const row = rows[0]
      if (!row) return undefined
      const gtids = String(row.Executed_Gtid_Set ?? '').replaceAll('\n', '')
      return { file: String(row.File), pos: BigInt(row.Position), ...(gtids ? { gtids } : {}) }
    } catch (error) {
      if (fatal(error)) throw error
    }
  }
  const gtids = (await value(connection, 'SELECT @@GLOBAL.gtid_executed AS v', 'v').catch(() => undefined))?.replaceAll('\n', '')
  return gtids ? { gtids } : undefined
}

function same(one: Status | undefined, other: Status | undefined): boolean {
  return one?.gtids === other?.gtids && one?.file === other?.file && one?.pos === other?.pos
}

async function value(connection: Connection, statement: string, name: string): Promise<string | undefined> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>(statement)
  const found = rows[0]?.[name]
  return found === null || found === undefined ? undefined : String(found)
}

function fatal(error: unknown): boolean {
  return ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE', 'ER_SERVER_SHUTDOWN'].includes(codeOf(error))
}
