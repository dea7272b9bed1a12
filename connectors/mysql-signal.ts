// Asks the connector, by rows in its signal table, to read some rows of a table once more as an incremental snapshot.
// Guarantee: one row a request, never longer than the signal table takes; nothing else of the source is written.
import { randomUUID } from 'node:crypto'
import { keysCondition, quoted } from './mysql-keys.ts'
import { openMysqlSession } from './mysql-session.ts'
import type { RowKeys } from './source-rows.ts'

export interface SnapshotAsk {
  database: string
  table: string
  /** Only these rows; undefined: the whole table. */
  rows?: RowKeys | undefined
}

/** Debezium documents the signal table's `data` with 2048 characters. */
const longest = 2_000
/** Above this, the whole table is read: each request is a snapshot of its own. */
const mostRequests = 50

/** Gives the number of requests. `signalTable` is the connector's `signal.data.collection`. Throws MysqlError. */
export async function askForSnapshots(
  url: string,
  signalTable: string,
  ask: SnapshotAsk,
): Promise<{ requests: number; whole: boolean }> {
  const conditions = ask.rows ? conditionsOf(ask, ask.rows) : undefined
  const whole = conditions === undefined || conditions.length > mostRequests
  const asked = whole ? [undefined] : conditions
  await using session = await openMysqlSession(url)
  for (const condition of asked) {
    const data = Buffer.from(dataOf(ask, condition)).toString('hex')
    await session.query(
      `INSERT INTO ${placeOf(signalTable)} (id, type, data) VALUES ('${randomUUID()}', 'execute-snapshot', _utf8mb4 X'${data}')`,
    )
  }
  return { requests: asked.length, whole }
}

/** The signal's data, as Debezium documents it. */
export function dataOf({ database, table }: SnapshotAsk, condition: string | undefined): string {
  const name = `${escaped(database)}\\.${escaped(table)}`
  return JSON.stringify({
    type: 'incremental',
    'data-collections': [name],
    ...(condition === undefined ? {} : { 'additional-conditions': [{ 'data-collection': name, filter: condition }] }),
  })
}

/** Conditions that each fit in a request, together true for all the rows. Undefined: even one row's does not fit. */
export function conditionsOf(ask: SnapshotAsk, { columns, keys }: RowKeys): string[] | undefined {
  const found: string[] = []
  let waiting = [{ keys, condition: keysCondition({ columns, keys }) }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next.keys.length === 0) continue
    if (dataOf(ask, next.condition).length <= longest) {
      found.push(next.condition)
      continue
    }
    if (next.keys.length === 1) return undefined
    const middle = next.keys.length >> 1
    const halves = [next.keys.slice(0, middle), next.keys.slice(middle)]
    waiting = [...waiting, ...halves.map(half => ({ keys: half, condition: keysCondition({ columns, keys: half }) }))]
  }
  return found
}

function placeOf(signalTable: string): string {
  const [database = '', ...rest] = signalTable.split('.')
  return `${quoted(database)}.${quoted(rest.join('.'))}`
}

/** Debezium takes the names for regular expressions. */
function escaped(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
