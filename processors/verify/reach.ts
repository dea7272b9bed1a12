// Waits until silver has taken what MySQL's view shows, and finds that view's place in silver's histories.
// Guarantee: a table gets a cut only if its history answers it; otherwise the reason is told, and silver is compared as it is now.

import { setTimeout as sleep } from 'node:timers/promises'
import type { SourcePoint } from '../../connectors/source-rows.ts'
import type { DuckOptions } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import type { Cut } from '../../sql/derived.ts'
import { type BinlogPoint, parsePoint } from '../../sql/point.ts'
import { AsOfError } from '../as-of/as-of-error.ts'
import { findCuts } from '../as-of/find-cuts.ts'
import { schemaChanges, transactions } from '../bronze-names.ts'
import { paths } from '../silver-parts.ts'
import type { TableName } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'

export interface PlacedCut {
  cut: Cut
  /** True: a difference at this cut is one. False: it should be looked at again. */
  final: boolean
}

export interface Reached {
  /** By `database.table`. */
  cuts: Map<string, PlacedCut>
  /** Why silver is not known to have reached the view, if it is not. */
  behind: string | undefined
  /** Silver has all up to the point, though its histories cannot tell where that is. */
  passed?: true
}

export interface ReachOptions {
  lake: Lakehouse
  /** The limits of the database in which positions are looked up. */
  duckOptions: DuckOptions
  point: SourcePoint | undefined
  tables: readonly TableName[]
  /** When to give up (milliseconds since 1970). */
  until: number
  /** Gives up earlier once nothing has moved for so many milliseconds. */
  idle?: number | undefined
  signal?: AbortSignal | undefined
  /** Whether all up to the point is in silver, though the lake does not know it. */
  passed?: ((point: SourcePoint) => Promise<boolean>) | undefined
}

/** Throws what the lake throws. */
export async function reach({ lake, duckOptions, point, tables, until, idle, signal, passed }: ReachOptions): Promise<Reached> {
  const asked = point && binlogPoint(point)
  if (!point || !asked) return { cuts: new Map(), behind: undefined }
  const find = (names: readonly TableName[]) => findCuts(lake, duckOptions)(asked, names)
  let pause = 1_000
  for (;;) {
    const seen = await versions(lake, tables)
    const reached = await attempt(find, { lake, point, tables })
    if (!reached.behind) return reached
    if (await passed?.(point)) return { ...reached, behind: undefined, passed: true }
    if (Date.now() >= until) return reached
    const give = Math.min(until, idle === undefined ? until : Date.now() + idle)
    let moved = false
    do {
      await sleep(Math.min(pause, Math.max(0, give - Date.now())), undefined, signal ? { signal } : {})
      moved = (await versions(lake, tables)) !== seen
    } while (!moved && Date.now() < give)
    if (!moved) return reached
    pause = Math.min(pause * 2, 8_000)
  }
}

function binlogPoint({ gtids, file, pos }: SourcePoint): BinlogPoint | undefined {
  const text = gtids || (file && pos !== undefined ? `${file}:${pos}` : undefined)
  if (!text) return undefined
  try {
    const point = parsePoint(text)
    return point.kind === 'version' || point.kind === 'instant' ? undefined : point
  } catch {
    return undefined
  }
}

type Find = (names: readonly TableName[]) => Promise<Cut>

async function attempt(
  find: Find,
  { lake, point, tables }: { lake: Lakehouse; point: SourcePoint; tables: readonly TableName[] },
): Promise<Reached> {
  const cuts: Reached['cuts'] = new Map()
  const there: TableName[] = []
  for (const name of tables) if (await lake.current(paths(name).history)) there.push(name)
  const reasons: string[] = []
  const take = async (names: readonly TableName[]): Promise<void> => {
    if (names.length === 0) return
    try {
      const cut = await find(names)
      // What the finder has to say beside the point itself are its doubts.
      const doubts = cut.said.filter(text => !text.startsWith('as of '))
      if (doubts.some(text => text.includes('has not arrived yet'))) reasons.push(...doubts)
      for (const name of names) cuts.set(nameOf(name), { cut, final: point.exact && doubts.length === 0 })
    } catch (error) {
      if (!(error instanceof AsOfError)) throw error
      if (error.retryable) reasons.push(error.message)
      if (names.length > 1) for (const name of names) await take([name])
    }
  }
  await take(there)
  return { cuts, behind: reasons.length > 0 ? behindOf(point, reasons[0]!) : undefined }
}

function behindOf({ gtids, file, pos }: SourcePoint, reason: string): string {
  return `MySQL stands at ${file ? `${file}:${pos}` : gtids}, and silver is not known to have reached that: ${reason}; is \`binlake run\` running?`
}

/** What must change before another look can find more. */
async function versions(lake: Lakehouse, tables: readonly TableName[]): Promise<string> {
  const places = [
    ...[transactions, schemaChanges].map(name => tablePath('bronze', name)),
    ...tables.flatMap(name => [tablePath('bronze', name), paths(name).history, paths(name).current]),
  ]
  const found = await Promise.all(places.map(async path => (await lake.current(path))?.version))
  return found.join(' ')
}
