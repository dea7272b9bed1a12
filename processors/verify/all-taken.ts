// Whether silver has taken all of bronze.
// Guarantee: only looks; a table without silver has nothing to take.
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { isDebeziums } from '../bronze-names.ts'
import { paths } from '../silver-parts.ts'
import { takenBy } from '../taken.ts'

export async function allTaken(lake: Lakehouse): Promise<boolean> {
  for (const { name, snapshot } of await lake.bronzeTables()) {
    if (isDebeziums(name)) continue
    const silver = await lake.current(paths(name).current)
    if (silver && takenBy(silver, snapshot.metaData.id) < snapshot.version) return false
  }
  return true
}
