// The key under which rows are named by tokens, in `verify`'s and `replay`'s findings.
// Guarantee: the same row has the same token in every run of one lake, so that it can be looked up.
import { createHash } from 'node:crypto'
import { type Keys, MaskKey } from '../../privacy/keys.ts'

/**
 * The policy's first key. A policy without one masks nothing by tokens; then the bronze table's id makes the key: whoever reads that
 * may read silver's keys as well.
 */
export function tokenKey(keys: Keys, bronzeId: string): MaskKey {
  const [first] = [...keys.values()].sort((a, b) => (a.domain < b.domain ? -1 : 1))
  return first ?? new MaskKey({ domain: 'row', version: 'v0' }, createHash('sha256').update(bronzeId).digest())
}
