// What the view of a forged table's history shows as current.
import { tablePath } from '../../../lake/layout.ts'
import { scan } from '../../../lake/scan.ts'
import { sql } from '../../../lake/sql.ts'
import { viewOf } from '../../../sql/views.ts'
import type { Forge } from './forge.ts'

/** Keys and values of table `shop.t`, sorted. */
export async function openVersions(s: Forge): Promise<(string | null)[][]> {
  const { duck, lake } = s.events
  const path = tablePath('silver', { database: 'shop', table: 't' }, '_history')
  const snapshot = await lake.current(path)
  if (!snapshot) return []
  const columns = snapshot.fields.map(({ name }) => name)
  const rows = await scan(lake.table(path), snapshot)
  await duck.run(sql`DROP VIEW IF EXISTS versions`)
  await duck.run(viewOf({ schema: 'main', name: 'versions', rows, columns, historyOf: ['id'] }))
  const found = await duck.rows<{ id: string; v: string | null }>(
    sql`SELECT id::VARCHAR AS id, v FROM versions WHERE _is_current ORDER BY versions.id`,
  )
  return found.map(({ id, v }) => [id, v])
}
