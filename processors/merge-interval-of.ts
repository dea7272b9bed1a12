// A table's merge interval as it stands, read from silver's own log.
// Guarantee: the process that merges and one that only looks come to the same.

import { factsOf } from '../lake/facts.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { expectedTouch, type MergeInterval, type MergeRules, mergeInterval } from './merge-interval.ts'
import { recentMerges } from './recent-merges.ts'
import type { TableName } from './source-schema.ts'

export interface IntervalInForce extends MergeInterval {
  /** Bytes that the last merge rewrote; undefined if the log tells of none. */
  touched: number | undefined
  /** Bytes that the next one is expected to rewrite. */
  expected: number
}

/** Without silver: the floor. */
export async function mergeIntervalOf(lake: Lakehouse, name: TableName, rules: MergeRules): Promise<IntervalInForce> {
  const path = tablePath('silver', name)
  const snapshot = await lake.current(path)
  const rewritten = snapshot ? await recentMerges(lake.table(path), snapshot) : []
  const expected = expectedTouch(rewritten)
  const live = snapshot ? factsOf(snapshot).bytes : 0
  return { ...mergeInterval(rules, { touched: expected, live }), touched: rewritten[0], expected }
}
