// A silver table that our real pipeline made, to be changed by others between two of our merges.
import { expect } from 'vitest'
import { checkpoint } from '../../lake/checkpoint.ts'
import { loadSnapshot } from '../../lake/log.ts'
import type { Table } from '../../lake/table.ts'
import { LakeOfEvents } from '../unit/processors/lake-of-events.ts'
import { engineNames } from './engines/engines.ts'
import type { Others } from './others.ts'
import { folderOf } from './same-rows.ts'

export class SilverOfEvents {
  static readonly path = 'silver/shop/t'
  static readonly bronze = 'bronze/shop/t'
  readonly events: LakeOfEvents
  readonly #others: Others
  #pos = 1

  private constructor(events: LakeOfEvents, others: Others) {
    this.events = events
    this.#others = others
  }

  /** Rows 1 to 5 in two merges: `v1` to `v5`, but `w1`. */
  static async open(others: Others): Promise<SilverOfEvents> {
    const silver = new SilverOfEvents(await LakeOfEvents.open(), others)
    for (const id of [1, 2, 3, 4]) await silver.ingest(['c', id, `v${id}`])
    await silver.events.refine()
    await silver.merge(['u', 1, 'w1'], ['c', 5, 'v5'])
    return silver
  }

  get table(): Table {
    return this.events.lake.table(SilverOfEvents.path)
  }

  get bronze(): Table {
    return this.events.lake.table(SilverOfEvents.bronze)
  }

  /** Changes `[op, id, v]` become one commit of bronze. */
  async ingest(...changes: [op: string, id: number, v?: string][]): Promise<void> {
    await this.events.ingest(...changes.map(([op, id, v]) => ({ op, id, v: v ?? null, pos: this.#pos++ })))
  }

  async merge(...changes: [op: string, id: number, v?: string][]): Promise<void> {
    await this.ingest(...changes)
    await this.events.refine()
  }

  /** Runs Spark SQL on silver, or on another table of the lake. */
  async spark(statements: string | string[], table = this.table): Promise<Awaited<ReturnType<Others['engines']['spark']>>> {
    return this.#others.engines.spark(folderOf(table), ...[statements].flat())
  }

  /** `v` by `id`. */
  async rows(): Promise<Record<string, string | null>> {
    return Object.fromEntries((await this.events.rows(SilverOfEvents.path, 'id', 'v')) as [string, string | null][])
  }

  async checkpoint(): Promise<void> {
    await checkpoint(this.#others.duck, this.table, (await this.events.lake.current(SilverOfEvents.path))!)
  }

  /** All engines agree with us on silver, history and markers; silver holds a key once; opening a table afresh gives the same files. */
  async same(): Promise<void> {
    const { lake } = this.events
    for (const suffix of ['', '_history', '_deleted']) {
      const table = lake.table(`${SilverOfEvents.path}${suffix}`)
      const snapshot = (await lake.current(table.path))!
      // Spark takes a second a table; only silver was changed by others.
      const among = suffix === '' ? engineNames : engineNames.filter(engine => engine !== 'spark')
      const count = await this.#others.same(table, snapshot, { among })
      if (suffix === '') expect(count).toBe(Object.keys(await this.rows()).length)
      expect([...(await loadSnapshot(table))!.files.keys()].sort()).toEqual([...snapshot.files.keys()].sort())
    }
  }

  async close(): Promise<void> {
    await this.events.close()
  }
}
