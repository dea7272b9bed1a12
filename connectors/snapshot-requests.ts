// Asks the connector, by rows in its signal table, to read some rows of a table once more as incremental snapshots.
// Guarantee: no request is longer than the signal table takes; together they read all the rows, and few others.
import { randomUUID } from 'node:crypto'
import { keysCondition } from './mysql-keys.ts'
import { openMysqlSession } from './mysql-session.ts'
import { executeSnapshot, signalByTable } from './snapshot-signal.ts'
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
  for (const condition of asked) await signalByTable(session, signalTable, requestOf(ask, condition))
  return { requests: asked.length, whole }
}

function requestOf({ database, table }: SnapshotAsk, where: string | undefined) {
  return executeSnapshot(randomUUID(), {
    tables: [{ database, table }],
    kind: 'incremental',
    ...(where === undefined ? {} : { where }),
  })
}

/** Conditions that each fit in a request, together true for all the rows and no others. Undefined: even one row's does not fit. */
export function conditionsOf(ask: SnapshotAsk, { columns, keys }: RowKeys): string[] | undefined {
  const found: string[] = []
  const waiting = [inOrder(keys)]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (next.length === 0) continue
    const condition = keysCondition({ columns, keys: next })
    if (JSON.stringify(requestOf(ask, condition).data).length <= longest) found.push(condition)
    else if (next.length === 1) return undefined
    else waiting.push(next.slice(next.length >> 1), next.slice(0, next.length >> 1))
  }
  return found
}

/** Neighbours together, so that they become ranges. */
function inOrder(keys: RowKeys['keys']): RowKeys['keys'] {
  const whole = keys.every(([text]) => /^-?\d+$/.test(text ?? ''))
  return whole ? keys.toSorted(([a], [b]) => (BigInt(a!) < BigInt(b!) ? -1 : 1)) : keys
}
