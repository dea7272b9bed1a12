// How many records of a table may wait in quarantine before its silver stops.
// Guarantee: a converter that breaks stops its table with the reasons, instead of emptying it into quarantine unseen.
import type { Duck } from '../../lake/duckdb.ts'
import { factsOf } from '../../lake/facts.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { TableHalted } from '../order/table-halted.ts'
import type { TableName } from '../source-schema.ts'
import { mendsOf, placesOf } from './mends.ts'
import { openRecords } from './records.ts'

/** @throws TableHalted if more records than `budget` wait. Costs a look at the log as long as few were ever set aside. */
export async function refuseOverBudget(
  place: { duck: Duck; lake: Lakehouse },
  name: TableName,
  budget: number | undefined,
): Promise<void> {
  if (budget === undefined) return
  const snapshot = await place.lake.current(tablePath('quarantine', name))
  if (!snapshot || factsOf(snapshot).rows <= budget) return
  // A decision wakes the table; the note in quarantine that it was carried out comes a moment later.
  const { records, byReason } = await openRecords(place, name, placesOf(await mendsOf(place.duck, place.lake, name)))
  if (records <= budget) return
  const table = `${name.database}.${name.table}`
  const reasons = byReason.map(([reason, n]) => `${n.toLocaleString('en')} ${reason}`).join(', ')
  throw new TableHalted(
    `${table}: ${records.toLocaleString('en')} records wait in quarantine (${reasons}), more than quarantine.budget (${budget.toLocaleString('en')}) allows; ` +
      `bronze goes on, silver does not. Look with \`binlake quarantine list ${table}\`, mend what made them, then \`binlake quarantine replay ${table}\`, ` +
      `or give them up with \`binlake quarantine drop ${table} --because "…"\``,
  )
}
