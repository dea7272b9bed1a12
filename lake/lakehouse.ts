// The lake's tables by their place, each with the newest snapshot this process has seen.
// Guarantee: `current` never answers with an older version than an earlier call or commit here saw.
import type { ObjectStore } from '../connectors/object-store.ts'
import { nameOf, type QualifiedName, tablePaths } from './layout.ts'
import { loadSnapshot } from './log.ts'
import type { Snapshot } from './snapshot.ts'
import type { Table } from './table.ts'

export class Lakehouse {
  readonly store: ObjectStore
  readonly #known = new Map<string, Snapshot>()
  readonly #onCommit: (table: Table, snapshot: Snapshot) => void

  /** `onCommit` hears of every commit made through this object. */
  constructor(store: ObjectStore, onCommit: (table: Table, snapshot: Snapshot) => void = () => {}) {
    this.store = store
    this.#onCommit = onCommit
  }

  table(path: string): Table {
    return { store: this.store, path }
  }

  /** The newest snapshot, found by probing for versions after the one last seen. Undefined: no table there. */
  async current(path: string): Promise<Snapshot | undefined> {
    const known = this.#known.get(path)
    const snapshot = await loadSnapshot(this.table(path), known ? { known } : {})
    if (snapshot) this.#remember(path, snapshot)
    return snapshot
  }

  /** Notes a snapshot, and tells `onCommit` of it if it is one of ours. */
  committed(path: string, snapshot: Snapshot): Snapshot {
    this.#remember(path, snapshot)
    this.#onCommit(this.table(path), snapshot)
    return snapshot
  }

  /** Every bronze table with its newest snapshot. */
  async bronzeTables(): Promise<{ name: QualifiedName; path: string; snapshot: Snapshot }[]> {
    const found: { name: QualifiedName; path: string; snapshot: Snapshot }[] = []
    for (const path of await tablePaths(this.store, 'bronze')) {
      const [, database = '', table = ''] = path.split('/')
      const snapshot = await this.current(path)
      if (snapshot) found.push({ name: { database: nameOf(database), table: nameOf(table) }, path, snapshot })
    }
    return found
  }

  #remember(path: string, snapshot: Snapshot): void {
    const known = this.#known.get(path)
    if (!known || known.version <= snapshot.version) this.#known.set(path, snapshot)
  }
}
