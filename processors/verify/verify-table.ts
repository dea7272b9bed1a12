// One table verified: compared at MySQL's place in the binlog, or as it is now, with what differs looked at again until it stays.
// Guarantee: while writers run, a difference that is told was there at every look, with neither side changing in between.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SourceRows } from '../../connectors/source-rows.ts'
import { sql } from '../../lake/sql.ts'
import { type CompareTableOptions, compareTable } from './compare-table.ts'
import { anyOpen, noteOpen, openKeys, verdictOfOpen } from './open-differences.ts'
import type { PlacedCut } from './reach.ts'
import { differs, type TableVerdict } from './verdict.ts'
import { compareOf } from './verify-columns.ts'

export interface VerifyTableOptions extends Omit<CompareTableOptions, 'cut' | 'only' | 'use'> {
  placed?: PlacedCut | undefined
  /** Why silver may not have everything yet. */
  behind?: string | undefined
  /** Until when differing rows are looked at again (milliseconds since 1970); long enough for three looks unless it was over from the start. */
  until: number
  /** False: differing rows are told as they are found. */
  patient: boolean
  /** Silver has all that the first view showed: what stays for a few looks is no longer on its way. */
  arrived?: boolean
  /** Another view of the source, as it is then. */
  openSource: () => Promise<SourceRows>
  /** Hears of a table that differs while its rows are in temp table `verify_open`; gives what is to be told of it. */
  onDifferent?: ((verdict: TableVerdict) => Promise<TableVerdict>) | undefined
}

/** Between two looks at rows that differ, milliseconds. */
const between = 1_500
/** So often a row must be found different, both sides unchanged, if there is time for so many looks; the first comparison counts. */
const looksNeeded = 3

/** Throws MysqlError, VerifyError, and what the lake throws. */
export async function verifyTable(options: VerifyTableOptions): Promise<TableVerdict> {
  const { duck, placed, behind, examples = 10, onDifferent } = options
  let verdict = await compareTable({ ...options, cut: placed?.cut, use: found => noteOpen(duck, found, { first: true }) })
  if (!differs(verdict)) return verdict
  try {
    if (!placed?.final && options.patient) verdict = await settled(options, verdict)
    // A difference may be on its way as long as silver is not known to have reached the place.
    if (!verdict.equal && behind !== undefined && !placed) verdict = { ...verdict, behind }
    if (!verdict.equal && verdict.behind === undefined && onDifferent) verdict = await onDifferent(verdict)
    return { ...verdict, examples: verdict.examples.slice(0, examples) }
  } finally {
    await duck.run(sql`DROP TABLE IF EXISTS verify_open`)
  }
}

/** Looks at the rows that differ again and again. */
async function settled(options: VerifyTableOptions, first: TableVerdict): Promise<TableVerdict> {
  const { duck, schema, mask, signal, examples = 10 } = options
  // Waiting for silver may have taken all the time there was.
  const until = Math.max(options.until, Date.now() + between * looksNeeded)
  const compare = compareOf(schema, mask)
  let looks = 1
  while (Date.now() < until) {
    await sleep(Math.min(between, Math.max(0, until - Date.now())), undefined, signal ? { signal } : {})
    const keys = await openKeys(duck, compare)
    await using source = await options.openSource()
    const again = await compareTable({
      ...options,
      source,
      onRows: undefined,
      cut: undefined,
      only: { keys, identities: sql`verify_open` },
      use: found => noteOpen(duck, found, { first: false }),
    })
    looks++
    if (again.equal) return { ...first, equal: true, compared: 'now', examples: [], differences: again.differences }
    if ((options.arrived || options.placed) && looks >= looksNeeded && !(await anyOpen(duck, looksNeeded))) break
  }
  return verdictOfOpen(duck, { ...first, compared: 'now' }, { looks: Math.min(looksNeeded, looks), examples })
}
