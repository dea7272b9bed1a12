// A table whose rows cannot stay as they are under its new schema (a wider type, another name, a default, a new key) is built anew from bronze.
// Guarantee: the same rows as a replay makes, because it is one, and none from after the schema was read; readers see the old table until the new one is there.
import type { Duck } from '../../lake/duckdb.ts'
import { tablePath } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Way } from '../apply.ts'
import { buildAside } from '../replay/build-aside.ts'
import { swap } from '../replay/rebuild.ts'
import type { SilverTables } from '../silver-parts.ts'
import { outgrown } from './built.ts'

interface Rebuilding {
  bronze: Snapshot
  tables: SilverTables
  /** The last bronze version to take; absent: the newest. */
  upTo?: number | undefined
}

/** Undefined: its rows can stay. Throws what a rebuild throws. */
export async function rebuildOutgrown(
  duck: Duck,
  way: Way,
  { bronze: newest, tables, upTo = newest.version }: Rebuilding,
): Promise<{ version: number; rows: number } | undefined> {
  const why = outgrown(tables.current, way.schema, way.mask)
  if (why === undefined) return undefined
  const table = `${way.schema.database}.${way.schema.table}`
  way.log.info({ table, why }, 'its schema changed so that its rows are made anew from bronze')
  // Of later rows nobody knows yet whether the schema is theirs.
  const at = way.lake.table(tablePath('bronze', way.schema))
  const bronze = upTo < newest.version ? (await loadSnapshot(at, { version: upTo }))! : newest
  const aside = await buildAside(duck, way, { bronze, lake: way.lake, setAside: true })
  await swap(duck, way, aside, { bronzeId: bronze.metaData.id })
  way.log.info({ table, rows: aside.changes }, 'made anew')
  return { version: aside.tables.taken.current, rows: aside.changes }
}
