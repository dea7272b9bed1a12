// One client of MySQL that does random business: transactions over several tables, of every kind of statement, some rolled back.
import type { Connection } from 'mysql2/promise'
import { changeTable, type DdlGate, type Evolution } from './chaos-ddl.ts'
import type { Random } from './chaos-random.ts'
import { type ChaosTable, chaosTables, namedBy } from './chaos-tables.ts'

export interface WriterOptions {
  random: Random
  /** A connection, again and again: the server may be away for a while. */
  connect: () => Promise<Connection>
  evolution: Evolution
  gate: DdlGate
  signal: AbortSignal
  log: (what: string) => void
}

export interface Written {
  transactions: number
  statements: number
  ddl: number
  /** Statements that MySQL refused: duplicate keys, deadlocks, columns that had gone. By code. */
  refused: Record<string, number>
}

/** Until the signal. A statement that MySQL refuses is part of the business. */
export async function writeUntil({ random, connect, evolution, gate, signal, log }: WriterOptions): Promise<Written> {
  const written: Written = { transactions: 0, statements: 0, ddl: 0, refused: {} }
  let connection = await connect()
  const run = async (statement: string, values: unknown[] = []) => {
    try {
      await connection.query(statement, values)
      written.statements++
      return true
    } catch (error) {
      const code = (error as { code?: string }).code ?? 'unknown'
      written.refused[code] = (written.refused[code] ?? 0) + 1
      if (/CONNECTION|ECONN|SHUTDOWN|EPIPE|PROTOCOL/.test(code) || code === 'unknown') throw error
      if (!expected.has(code)) log(`refused ${code}: ${(error as Error).message.slice(0, 200)}`)
      return false
    }
  }
  while (!signal.aborted) {
    try {
      if (gate.open && random.chance(0.02)) {
        const statement = changeTable(random, evolution)
        if (statement) {
          log(`ddl ${statement}`)
          gate.running++
          await run(statement).finally(() => gate.running--)
          written.ddl++
        }
      } else await transaction(random, run, evolution)
      written.transactions++
      await pause(random.pick([0, 0, 1, 5, 20]))
    } catch (error) {
      log(`writer: ${(error as { code?: string }).code ?? (error as Error).message}; connecting again`)
      connection.destroy()
      connection = await connect()
    }
  }
  await connection.query('COMMIT').catch(() => {})
  await connection.end().catch(() => {})
  return written
}

/** False: MySQL refused. */
type Run = (statement: string, values?: unknown[]) => Promise<boolean>

/** What two writers at once do to each other, and to tables that change under them. */
const expected = new Set([
  'ER_DUP_ENTRY',
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_BAD_FIELD_ERROR',
  'ER_NO_DEFAULT_FOR_FIELD',
  'ER_WARN_DATA_OUT_OF_RANGE',
  'ER_DATA_OUT_OF_RANGE',
  'ER_DATA_TOO_LONG',
  'ER_TABLE_DEF_CHANGED',
  'ER_SP_DOES_NOT_EXIST',
  'ER_CANT_DROP_FIELD_OR_KEY',
  'ER_DUP_FIELDNAME',
  'ER_XA_RBDEADLOCK',
  'ER_XA_RBTIMEOUT',
  'ER_XAER_RMFAIL',
  'ER_XA_RBROLLBACK',
  'ER_TRUNCATED_WRONG_VALUE',
])

async function transaction(random: Random, run: Run, evolution: Evolution): Promise<void> {
  const session = random.chance(0.2) ? random.pick(sessions) : undefined
  if (session) await run(session.on(random))
  const length = random.pick([1, 1, 2, 3, 5, 12])
  // Prepared transactions stand in the binary log twice: what they change, and whether it counts.
  const xa = random.chance(0.05) ? `'chaos-${random.int(2 ** 32)}'` : undefined
  await run(xa ? `XA START ${xa}` : 'BEGIN')
  let savepoint = false
  for (let i = 0; i < length; i++) {
    const table = random.pick(chaosTables)
    await statement(random, run, { table, evolution })
    if (random.chance(0.05)) {
      await run('SAVEPOINT here')
      savepoint = true
    }
    if (savepoint && random.chance(0.3)) await run('ROLLBACK TO SAVEPOINT here')
    if (random.chance(0.02)) await pause(random.pick([50, 100, 200, 400, 2_000]))
  }
  if (random.chance(0.01)) await changeMany(random, run)
  if (xa) await endXa(run, xa)
  else await run(random.chance(0.1) ? 'ROLLBACK' : 'COMMIT')
  if (session) await run(session.off)
  if (random.chance(0.004)) await run(`TRUNCATE TABLE ${random.pick(chaosTables.filter(({ truncates }) => truncates)).name}`)
}

/** What a session may do to its events. */
const sessions: readonly { on: (random: Random) => string; off: string }[] = [
  {
    on: random => `SET TIMESTAMP = ${random.pick([1, 1_000_000_000, 1_900_000_000])}`,
    off: 'SET TIMESTAMP = DEFAULT',
  },
  { on: random => `SET time_zone = '${random.pick(['+14:00', '-12:00'])}'`, off: "SET time_zone = '+00:00'" },
  {
    on: () => 'SET SESSION binlog_transaction_compression = ON',
    off: 'SET SESSION binlog_transaction_compression = OFF',
  },
]

async function endXa(run: Run, xa: string): Promise<void> {
  const ended = (await run(`XA END ${xa}`)) && (await run(`XA PREPARE ${xa}`))
  await run(`XA ${ended ? 'COMMIT' : 'ROLLBACK'} ${xa}`)
}

/** Thousands of rows in one transaction. */
async function changeMany(random: Random, run: Run): Promise<void> {
  const from = 1 + random.int(15_000)
  await run(`INSERT IGNORE INTO bulk (id, label, amount) WITH RECURSIVE n AS (SELECT ${from} AS id UNION ALL SELECT id + 1 FROM n WHERE id < ${from + 4_000})
    SELECT /*+ SET_VAR(cte_max_recursion_depth = 10000) */ id, 'many', id FROM n`)
  await run(`UPDATE bulk SET amount = amount + 1 WHERE id BETWEEN ${from} AND ${from + 3_000}`)
  await run(`DELETE FROM bulk WHERE id BETWEEN ${from + 500} AND ${from + 900}`)
}

/** One of the many ways to change rows. */
async function statement(
  random: Random,
  run: Run,
  { table, evolution }: { table: ChaosTable; evolution: Evolution },
): Promise<unknown> {
  const { name } = table
  const named = namedBy(table)
  const where = named.map(column => `${column} <=> ?`).join(' AND ')
  const row = (): Record<string, unknown> => ({ ...keyed(table, random), ...valuesOf(table, random, evolution) })
  const rowKey = () => nameOf(table, random)
  const some = () => someValue(table, random, evolution)
  switch (random.int(13)) {
    case 0:
    case 1:
    case 2:
      return insert(run, 'INSERT', name, [row()])
    case 3:
      return insert(run, 'INSERT IGNORE', name, Array.from({ length: 1 + random.int(20) }, row))
    case 4:
      return insert(run, 'REPLACE', name, [row()])
    case 5: {
      const [column, value] = some()
      return insert(run, 'INSERT', name, [row()], { sql: ` ON DUPLICATE KEY UPDATE ${column} = ?`, values: [value] })
    }
    case 6:
    case 7: {
      const [column, value] = some()
      return run(`UPDATE ${name} SET ${column} = ? WHERE ${where}`, [value, ...rowKey()])
    }
    case 8: {
      const [column, value] = some()
      return run(`UPDATE ${name} SET ${column} = ? ORDER BY ${named.join(', ')} LIMIT ${1 + random.int(30)}`, [value])
    }
    case 9:
      return run(`DELETE FROM ${name} WHERE ${where}`, rowKey())
    case 10:
      return run(`DELETE FROM ${name} ORDER BY ${named.map(column => `${column} DESC`).join(', ')} LIMIT ${1 + random.int(6)}`)
    case 11:
      return table.key.length > 0 ? moveKeys(random, run, table) : insert(run, 'INSERT', name, Array(3).fill(row()))
    default: {
      // 1, 2, 1, 2: the same values again are changes of their own.
      const [column, value] = some()
      const [, other] = [column, table.values[column]?.(random) ?? value]
      const at = rowKey()
      for (const each of [value, other, value, other]) await run(`UPDATE ${name} SET ${column} = ? WHERE ${where}`, [each, ...at])
      return undefined
    }
  }
}

/** A row gets another key; two swap theirs; or all shift by one. */
async function moveKeys(random: Random, run: Run, table: ChaosTable): Promise<unknown> {
  const { name, key } = table
  const where = key.map(column => `${column} = ?`).join(' AND ')
  const set = key.map(column => `${column} = ?`).join(', ')
  const [from, to, over] = [table.keyOf(random), table.keyOf(random), table.keyOf(random)]
  if (table.name === 'accounts' && random.chance(0.4)) {
    return run(`UPDATE accounts SET id = id + 1 WHERE id BETWEEN ? AND ? ORDER BY id DESC`, [
      Number(from[0]),
      Number(from[0]) + 20,
    ])
  }
  if (random.chance(0.5)) return run(`UPDATE ${name} SET ${set} WHERE ${where}`, [...to, ...from])
  for (const [left, right] of [
    [from, over],
    [to, from],
    [over, to],
  ] as const)
    await run(`UPDATE ${name} SET ${set} WHERE ${where}`, [...right, ...left])
  return undefined
}

/** Values for the columns that rows are named by. */
function nameOf(table: ChaosTable, random: Random): unknown[] {
  return table.key.length > 0 ? table.keyOf(random) : namedBy(table).map(column => table.values[column]!(random))
}

function keyed(table: ChaosTable, random: Random): Record<string, unknown> {
  const values = table.keyOf(random)
  return Object.fromEntries(table.key.map((column, i) => [column, values[i]]))
}

function valuesOf(table: ChaosTable, random: Random, evolution: Evolution): Record<string, unknown> {
  const fixed = Object.entries(table.values).map(([name, value]) => [name, value(random)])
  const spare = [...(evolution.get(table.name)?.columns ?? [])].filter(() => random.chance(0.5))
  return Object.fromEntries([...fixed, ...spare.map(([name, kind]) => [name, kind.value(random)])])
}

function someValue(table: ChaosTable, random: Random, evolution: Evolution): [column: string, value: unknown] {
  const all = [
    ...Object.entries(table.values),
    ...[...(evolution.get(table.name)?.columns ?? [])].map(([name, kind]) => [name, kind.value] as const),
  ]
  const [name, value] = random.pick(all)
  return [name, value(random)]
}

async function insert(
  run: Run,
  verb: string,
  table: string,
  rows: Record<string, unknown>[],
  after: { sql: string; values: unknown[] } = { sql: '', values: [] },
): Promise<void> {
  // Rows may name different columns: those of the first are taken.
  const columns = Object.keys(rows[0]!)
  const marks = rows.map(() => `(${columns.map(() => '?').join(', ')})`).join(', ')
  const values = rows.flatMap(row => columns.map(column => (column in row ? row[column] : rows[0]![column])))
  await run(`${verb} INTO ${table} (${columns.join(', ')}) VALUES ${marks}${after.sql}`, [...values, ...after.values])
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
