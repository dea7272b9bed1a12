// How far gold has found the source's transactions whole, kept in gold's own commits, so that a new process need not look at all of them again.
// Guarantee: taken up only for the same tables and topic, and never if silver has gone back since.
import { createHash } from 'node:crypto'
import type { Snapshot } from '../../lake/snapshot.ts'
import { takenBy } from '../taken.ts'
import type { CutMemory, CutTable } from './whole-transactions.ts'

const prefix = 'binlake-cut/'
type Txn = { appId: string; version: bigint }

/** What a commit of a gold table says of it. */
export function progressOf({ topic, tables: names, done }: CutMemory, tables: readonly CutTable[]): Txn[] {
  if (!topic || tables.length === 0) return []
  return [{ appId: placeOf(topic, names), version: done }, ...takenNow(tables)]
}

/** The furthest place that gold's tables tell of; 0: none that holds. */
export function placeKept(gold: readonly Snapshot[], topic: string, names: string, tables: readonly CutTable[]): bigint {
  const places = gold.map(({ txns }) => {
    const goneBack = takenNow(tables).some(({ appId, version }) => version < (txns.get(appId) ?? 0n))
    return goneBack ? 0n : (txns.get(placeOf(topic, names)) ?? 0n)
  })
  return places.sort((a, b) => Number(b - a))[0] ?? 0n
}

function placeOf(topic: string, names: string): string {
  return `${prefix}${topic}/${createHash('sha256').update(names).digest('hex').slice(0, 16)}`
}

function takenNow(tables: readonly CutTable[]): Txn[] {
  return tables.map(({ bronze, current }) => ({
    appId: `${prefix}${bronze.metaData.id}`,
    version: BigInt(takenBy(current, bronze.metaData.id)),
  }))
}
