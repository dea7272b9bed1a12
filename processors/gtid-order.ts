// Whether the numbers of GTIDs tell which transaction came first: not where several servers of a group write at once (cdc-spec §2.2).
// Guarantee: said in bronze's decisions, so that every process and every rebuild takes them alike.
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { Decisions, decideFor } from './decisions.ts'
import type { TableName } from './source-schema.ts'

/** `unordered`: GTIDs tell which event it is, not when it was; the binlog's positions do, within one server's log. */
export type GtidOrder = 'ordered' | 'unordered'

/** It is about the source, not about a table of it. */
const source: TableName = { database: '_binlake', table: 'source' }
const kind = 'gtids'

/** As decided; `ordered` where nothing was. */
export async function gtidOrder(decisions: Decisions): Promise<GtidOrder> {
  return (await decisions.of<{ order: GtidOrder }>(source, kind)).at(-1)?.content.order ?? 'ordered'
}

/** Writes down what the settings say, if it is another than before: tables whose rows it concerns are made anew. */
export async function settleGtidOrder(at: { duck: Duck; lake: Lakehouse }, order: GtidOrder): Promise<void> {
  if ((await gtidOrder(new Decisions(at.duck, at.lake))) !== order)
    await decideFor(at, [{ table: source, kind, content: { order } }])
}
