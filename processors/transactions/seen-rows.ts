// A silver table, or its history, without the changes that must not be seen yet: as it was after the last whole transaction.
// Guarantee: built of an earlier version of the table and the last steps of its history; nothing is computed anew from bronze.

import { StoreError } from '../../connectors/store-error.ts'
import { LakeError } from '../../lake/lake-error.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { lastChanges, liveRows, primaryKey } from '../../sql/views.ts'
import { paths } from '../silver-parts.ts'
import { asTaken } from '../taken.ts'
import type { Unseen } from './whole-transactions.ts'

export interface Seen {
  /** A parenthesised query with the columns of the table as it is now. */
  rows: Sql
  /** The version of the table on which they stand; 0 for none. */
  version: bigint
}

/** The current rows. */
export async function seenRows(lake: Lakehouse, unseen: Unseen): Promise<Seen> {
  const { table, tail, firstStep } = unseen
  const at = paths(table.name)
  const key = primaryKey(table.current.metaData.configuration) ?? []
  const columns = table.current.fields.map(field => field.name)
  const base = tail.whole ? undefined : await baseOf(lake, unseen)
  // Without the earlier version the history says all, at the price of reading it.
  const all = tail.whole || base === 'gone'
  const files = tail.steps.filter(step => step.taken >= firstStep).flatMap(step => step.files)
  const steps = await scan(lake.table(at.history), table.history, all ? {} : { files })
  const known = columns.filter(column => table.history.fields.some(field => field.name === column))
  const last = (live: boolean) => sql`SELECT * FROM ${lastChanges(withoutUnseen(steps, unseen), { key, columns: known, live })}`
  // Those that ended a row as well: they take it out of the base.
  const tailRows = sql`(${last(true)} UNION ALL ${last(false)})`
  const before = base && base !== 'gone' ? await scan(lake.table(at.current), base) : undefined
  const rows = liveRows({ silver: before, tail: tailRows, key })
  return {
    rows: sql`(SELECT ${join(columns.map(column => id(column)))} FROM ${rows})`,
    version: BigInt(base && base !== 'gone' ? base.version : 0),
  }
}

/** The history's rows. */
export async function seenHistory(lake: Lakehouse, unseen: Unseen): Promise<Seen> {
  const { name, history } = unseen.table
  const rows = await scan(lake.table(paths(name).history), history)
  return { rows: withoutUnseen(rows, unseen), version: 0n }
}

/** The table before its first step that holds something unseen; undefined: there was none. */
async function baseOf(lake: Lakehouse, { table, firstStep }: Unseen): Promise<Snapshot | 'gone' | undefined> {
  const path = paths(table.name).current
  try {
    const base = await asTaken(lake, path, table.current, { bronzeId: table.bronze.metaData.id, taken: firstStep - 1 })
    if (base) await scan(lake.table(path), base, { columns: [] })
    return base
  } catch (error) {
    const missing = error instanceof StoreError && error.code === 'STORE_MISSING'
    if (missing || (error instanceof LakeError && error.code === 'LAKE_VERSION_GONE')) return 'gone'
    throw error
  }
}

function withoutUnseen(rows: Sql, { places, table }: Unseen): Sql {
  const epoch = table.history.fields.some(({ name }) => name === '_epoch') ? sql`coalesce(row._epoch, 0)` : sql`0`
  return sql`(SELECT row.* FROM ${rows} AS row ANTI JOIN ${places} AS unseen
    ON row._partition = unseen._partition AND row._offset = unseen._offset AND ${epoch} = unseen._epoch)`
}
