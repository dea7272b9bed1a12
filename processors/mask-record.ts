// What a silver table keeps of the masks it was built with, so that a changed policy is noticed.
// Guarantee: holds hashes of expressions; no key and no value.
import { createHash } from 'node:crypto'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Sql } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { ownNames } from './own-columns.ts'
import type { SourceTable } from './source-schema.ts'

/**
 * Columns of silver that the plan would now fill in another way, or leave out though the source still has them: old rows hold what the
 * new policy may hide, so the table must be rebuilt. New columns, and those the source has dropped, are no such change.
 */
export function otherwiseMasked(current: Snapshot | undefined, mask: MaskPlan, source: SourceTable): string[] {
  const built = masksIn(current)
  const now = JSON.parse(masksOf(mask)) as Masks
  const present = new Set(source.columns.map(({ name }) => name))
  return Object.keys(built).filter(name => (now[name] ? now[name].by !== built[name]!.by : present.has(built[name]!.from)))
}

/**
 * Columns of a silver table that the plan would not fill in this very way, whether it masks them otherwise, leaves them out or cannot tell:
 * a version that has one must not come back. Also the domains of keys that are others than then under the same version.
 */
export function unlikePlan(then: Snapshot, mask: MaskPlan): string[] {
  const built = masksIn(then)
  const now = JSON.parse(masksOf(mask)) as Masks
  const columns = then.fields.map(({ name }) => name).filter(name => !ownNames.has(name))
  const unlike = columns.filter(name => !built[name] || built[name].by !== now[name]?.by)
  const [before, after] = [keysOf(then.metaData.configuration['binlake.policy'] ?? ''), keysOf(mask.fingerprint)]
  return [...unlike, ...[...before].filter(([key, print]) => (after.get(key) ?? print) !== print).map(([key]) => `key ${key}`)]
}

/** A plan's fingerprint names its keys as `domain.version-fingerprint`. */
function keysOf(fingerprint: string): Map<string, string> {
  const keys = fingerprint.split(' / ').slice(1, -1)
  return new Map(keys.map(key => [key.slice(0, key.lastIndexOf('-')), key.slice(key.lastIndexOf('-') + 1)]))
}

/** By column of silver the column of the source, and a hash of the expression. */
type Masks = Record<string, { from: string; by: string }>

/** The masks a table was built with; none for a table that is not there. */
export function masksIn(snapshot: Snapshot | undefined): Masks {
  return JSON.parse(snapshot?.metaData.configuration['binlake.masks'] ?? '{}') as Masks
}

/** By column its source and a hash of its expression, which names the versions of the keys it uses but not the keys. */
export function masksOf(mask: MaskPlan): string {
  const by = (expression: Sql) => createHash('sha256').update(expression.text).digest('hex').slice(0, 16)
  return JSON.stringify(Object.fromEntries(mask.columns.map(({ name, source, expr }) => [name, { from: source, by: by(expr) }])))
}
