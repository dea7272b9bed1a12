// Whether a column's smallest and largest value of a file may stand in a table's log (privacy-spec B2, lake-spec §3.5).
// Guarantee: pure; in doubt, no: whoever can list the table reads its log.
import type { DeltaType } from '../lake/schema.ts'
import type { Rule } from './policy.ts'

/** Kinds of data that are no personal data by themselves. A class of any other name may be. */
const open = new Set<string | undefined>(['operational', 'pseudonymous', undefined])
const ordered = /^(byte|short|integer|long|date|timestamp|decimal\(.*\))$/

/** Only of values that the policy keeps as they are: numbers and times; text only of the class `operational`. */
export function mayBeInLog({ strategy }: Rule, kind: string | undefined, delta: DeltaType): boolean {
  if (strategy !== 'keep' || !open.has(kind) || typeof delta !== 'string') return false
  return delta === 'string' ? kind === 'operational' : ordered.test(delta)
}
