// Whether silver has taken all of bronze that it may.
// Guarantee: only looks; a table without silver has nothing to take, and one that waits for a person takes nothing (not-judged.ts).
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { isDebeziums } from '../bronze-names.ts'
import { haltOf } from '../halts.ts'
import { waitingOf } from '../schema/built.ts'
import { paths } from '../silver-parts.ts'
import { takenBy } from '../taken.ts'

export async function allTaken(lake: Lakehouse): Promise<boolean> {
  for (const { name, snapshot } of await lake.bronzeTables()) {
    if (isDebeziums(name)) continue
    const silver = await lake.current(paths(name).current)
    if (!silver || takenBy(silver, snapshot.metaData.id) >= snapshot.version) continue
    if (waitingOf(silver).length === 0 && !(await haltOf(lake, name))) return false
  }
  return true
}
