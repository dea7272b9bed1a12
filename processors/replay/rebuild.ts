// One table's silver built anew from bronze, beside what it holds: new files that no log names yet, put in place by one commit a table.
// Guarantee: readers see the old table or the new one; a crash between the commits leaves tables that the next run or replay brings together.
import { randomUUID } from 'node:crypto'
import { commit } from '../../lake/commit.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { failPoint } from '../../lake/fail-point.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Way } from '../apply.ts'
import { clearHalt } from '../halts.ts'
import { nextFiles } from '../next-files.ts'
import { openBronze } from '../open-table.ts'
import { TableHalted } from '../order/table-halted.ts'
import { remakeKeys } from '../quarantine/remake-keys.ts'
import { paths } from '../silver-parts.ts'
import { takenBy } from '../taken.ts'
import { rememberBefore } from './before-rebuild.ts'
import { type Aside, buildAside, type PartName, partNames, publishAside, takeStep } from './build-aside.ts'

/** Brings the tables aside to bronze as it is now, in steps of `maxRows`. */
export async function advance(duck: Duck, way: Way, aside: Aside, { maxRows }: { maxRows: number }): Promise<void> {
  const bronze = (await openBronze(way))!
  while (aside.tables.taken.current < bronze.version) {
    const { mend, ...next } = await nextFiles(way.lake, bronze, { tables: aside.tables, maxRows })
    if (mend === undefined) await takeStep(duck, way, aside, { bronze, ...next, setAside: true })
    else {
      const { tables, lake: silver } = aside
      const publish = publishAside(aside, next.version)
      try {
        aside.changes += (await remakeKeys(duck, way, { bronze, tables, version: next.version, mend, silver, publish })).rows
      } catch (error) {
        if (!(error instanceof TableHalted)) throw error
        // What concerns more than keys is built anew as a whole.
        const anew = await buildAside(duck, way, { bronze, lake: silver, setAside: true })
        Object.assign(aside, { changes: anew.changes, tables: anew.tables })
      }
    }
  }
}

/** Rivals may commit every few seconds, and each costs one round. */
const rounds = 10

/**
 * Puts the tables aside in the place of the live ones: brought to bronze as it is, in steps of `maxRows`, then one commit a table. A rival in between
 * begins a new round, with what it took brought in. Without `maxRows` they stay at the version they were built up to. Throws ConflictError after ten rounds.
 */
export async function swap(
  duck: Duck,
  way: Way,
  aside: Aside,
  { bronzeId, maxRows }: { bronzeId: string; maxRows?: number },
): Promise<void> {
  failPoint('rebuild:written')
  const before = { id: randomUUID(), versions: new Map<PartName, number>() }
  for (let round = 1; ; round++) {
    if (maxRows !== undefined) await advance(duck, way, aside, { maxRows })
    try {
      if (await swapOnce(way, aside, { bronzeId, before })) return await clearHalt(way.lake, way.schema)
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error
    }
    const name = `${way.schema.database}.${way.schema.table}`
    if (round === rounds) {
      throw new ConflictError(
        `${name}: ${rounds} times another writer was first while the rebuilt table was put in place; stop \`binlake run\` for a moment and replay again`,
        true,
      )
    }
    way.log.info({ table: name, round }, 'another writer was first; bringing in what it took')
  }
}

/** False: a live table has taken more of bronze than the ones aside. `before` notes which version each table's first swap replaced. */
async function swapOnce(
  { lake, schema }: Way,
  { tables }: Aside,
  { bronzeId, before }: { bronzeId: string; before: { id: string; versions: Map<PartName, number> } },
): Promise<boolean> {
  const at = paths(schema)
  // History first: whoever moves silver on has moved history before, and then the commit to history finds its base gone.
  const live: [PartName, Snapshot | undefined][] = []
  for (const part of partNames) live.push([part, await lake.current(at[part])])
  if (live.some(([, snapshot]) => takenBy(snapshot, bronzeId) > tables.taken.current)) return false
  for (const [part, base] of live) {
    const built = tables[part]!
    const replaced = before.versions.get(part) ?? base?.version
    const snapshot = await commit(lake.table(at[part]), {
      base,
      mode: 'overwrite',
      operation: 'REBUILD',
      metaData: {
        fields: built.fields,
        name: at[part].slice(at[part].lastIndexOf('/') + 1),
        configuration: {
          ...built.metaData.configuration,
          ...rememberBefore({ version: replaced, id: before.id }),
        },
      },
      txns: [{ appId: bronzeId, version: BigInt(tables.taken.current) }],
      // A round before may have put some of them in place.
      removes: [...(base?.files.keys() ?? [])].filter(path => !built.files.has(path)),
      adds: [...built.files.values()].filter(({ path }) => !base?.files.has(path)),
      userMetadata: JSON.stringify({ bronzeVersion: tables.taken.current }),
    })
    if (replaced !== undefined) before.versions.set(part, replaced)
    lake.committed(at[part], snapshot)
    if (part === 'history') failPoint('rebuild:history-swapped')
  }
  return true
}
