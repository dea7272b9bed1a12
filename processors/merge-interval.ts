// How long silver waits between two merges of a table: longer where a merge rewrites much (lake-spec §4).
// Guarantee: pure; what merges rewrite in a day stays within what the rules allow, and no merge comes sooner than the floor.

export interface MergeRules {
  /** Least milliseconds between two merges. */
  intervalMs: number
  /** Bytes of old files that merges may rewrite in a second. */
  rate: number
  /** How often a day merges may rewrite a table of its own size. */
  rewrites: number
  /** Bytes a day that may be rewritten of any table, however small. */
  allowance: number
}

/** Which of the three decides. */
export type MergeTerm = 'floor' | 'rate' | 'day'

export interface MergeInterval {
  ms: number
  term: MergeTerm
}

const day = 86_400_000

/** T = max(floor, touched / rate, a day × touched / max(rewrites × live, allowance)). `touched`: bytes a merge rewrites; `live`: of the table. */
export function mergeInterval(rules: MergeRules, { touched, live }: { touched: number; live: number }): MergeInterval {
  const terms: MergeInterval[] = [
    { term: 'floor', ms: rules.intervalMs },
    { term: 'rate', ms: (1_000 * touched) / rules.rate },
    { term: 'day', ms: (day * touched) / Math.max(rules.rewrites * live, rules.allowance) },
  ]
  return terms.reduce((longest, term) => (term.ms > longest.ms ? term : longest))
}

/** What the next merge will rewrite, by what the last ones did, the newest first: each counts half as much as the one after it. */
export function expectedTouch(rewritten: readonly number[]): number {
  let [sum, weights] = [0, 0]
  for (const [i, bytes] of rewritten.entries()) {
    sum += bytes * 2 ** -i
    weights += 2 ** -i
  }
  return weights === 0 ? 0 : sum / weights
}
