// A table as it stands: bronze, and its three silver tables beside it. Every way from bronze to silver begins here.
// Guarantee: a table of which no silver can be made is refused, with the reason.
import { tablePath } from '../lake/layout.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Way } from './apply.ts'
import { hasUncountedLives, topicsOf } from './bronze-names.ts'
import { TableHalted } from './order/table-halted.ts'
import { openSilver } from './silver.ts'
import type { SilverTables } from './silver-parts.ts'
import { nameOf } from './table-name.ts'

export interface OpenTable {
  bronze: Snapshot
  tables: SilverTables
}

/** Undefined: there is no bronze. Throws what openBronze and openSilver throw. */
export async function openTable(way: Way): Promise<OpenTable | undefined> {
  const { lake, schema, mask } = way
  const bronze = await openBronze(way)
  return bronze && { bronze, tables: await openSilver(lake, schema, { key: mask.primaryKey, bronzeId: bronze.metaData.id }) }
}

/** Bronze as it is now; undefined: there is none. Throws TableHalted and TableOmitted where no silver can be made of it. */
export async function openBronze({ lake, schema, mask }: Way): Promise<Snapshot | undefined> {
  const bronze = await lake.current(tablePath('bronze', schema))
  if (!bronze) return undefined
  if (schema.primaryKey.length === 0 && new Set(topicsOf(bronze).map(({ partition }) => partition)).size > 1)
    throw new TableHalted(
      `${nameOf(schema)}: the table has no primary key, and its topic several partitions, over which Kafka keeps no order of its changes; give the table ` +
        `an invisible primary key, then type \`binlake snapshot ${nameOf(schema)}\` and, once it is through, \`binlake schema approve ${nameOf(schema)}\`; or give it a new topic of one ` +
        "partition, move the table's folders in bronze and silver aside, and take a new snapshot (docs/keys.md)",
    )
  if (hasUncountedLives(bronze)) {
    throw new TableHalted(
      `${nameOf(schema)}: its topic was deleted and created again before binlake counted such lives, so offsets no longer tell the order; move the table's folders in bronze and silver ` +
        'aside, and the new topic is read from its start',
    )
  }
  if (mask.omitted !== undefined) throw new TableOmitted(`${nameOf(schema)}: not in silver: ${mask.omitted}`)
  return bronze
}

/** The policy does not let this table into silver. */
export class TableOmitted extends Error {
  readonly code = 'TABLE_OMITTED'
  readonly retryable = false
}
