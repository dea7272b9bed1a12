// The settings that say how often a table is merged, as the processors take them.
import type { MergeRules } from '../processors/merge-interval.ts'
import type { Config } from './config.ts'

export function mergeRules({ merge: { interval, rate, rewrites, allowance } }: Config): MergeRules {
  return { intervalMs: interval, rate, rewrites, allowance }
}
