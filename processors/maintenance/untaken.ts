// What silver has yet to take of bronze: maintenance must leave these versions and files as they are.
// Guarantee: nothing that a merge will read is named as free; where a merge could not go on anyway, nothing is held back.
import type { Commit } from '../../lake/actions.ts'
import { each } from '../../lake/each.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { readCommit } from '../../lake/log.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Table } from '../../lake/table.ts'
import { isDebeziums } from '../bronze-names.ts'
import { paths } from '../silver-parts.ts'
import type { TableName } from '../source-schema.ts'
import { takenBy } from '../taken.ts'

export interface Untaken {
  /** The first bronze version that silver has not taken; undefined: none is waited for. */
  needed: number | undefined
  /** Logged paths of the bronze files that these versions added. */
  files: ReadonlySet<string>
  /** Whether there is a silver table at all. */
  hasSilver: boolean
}

/** Commits held at once. */
const chunk = 1_000

/** Remembers what it has read of each table, so that a silver that stands still for days costs each look only the newest commits. */
export class UntakenFiles {
  readonly #lake: Lakehouse
  readonly #known = new Map<string, { version: number; paths: string[] }[]>()

  constructor(lake: Lakehouse) {
    this.#lake = lake
  }

  async of(name: TableName, table: Table, bronze: Snapshot): Promise<Untaken> {
    const silver = isDebeziums(name) ? undefined : await this.#lake.current(paths(name).current)
    const hasSilver = silver !== undefined
    const taken = isDebeziums(name) ? bronze.version : takenBy(silver, bronze.metaData.id)
    const later = (this.#known.get(table.path) ?? []).filter(({ version }) => version > taken)
    // After a rollback silver waits for versions that it had taken when they were looked at.
    const known = later[0]?.version === taken + 1 ? later : []
    const next = known.at(-1)?.version ?? taken
    const versions = Array.from({ length: Math.max(0, bronze.version - next) }, (_, i) => next + 1 + i)
    // Its first commit was cleaned away: the next merge cannot go on, the table must be built anew from what is live.
    const cut = taken < bronze.version && !(await readCommit(table, taken + 1))
    if (cut || taken >= bronze.version) {
      this.#known.delete(table.path)
      return { needed: undefined, files: new Set(), hasSilver }
    }
    for (let at = 0; at < versions.length; at += chunk) {
      const commits = await each(versions.slice(at, at + chunk), 16, version => readCommit(table, version))
      for (const commit of commits) if (commit) known.push({ version: commit.version, paths: addedBy(commit) })
    }
    this.#known.set(table.path, known)
    return { needed: taken + 1, files: new Set(known.flatMap(({ paths }) => paths)), hasSilver }
  }
}

function addedBy({ adds }: Commit): string[] {
  return adds.filter(add => add.dataChange).map(({ path }) => path)
}
