// The lake's tables by their place, each with the newest snapshot this process has seen.
// Guarantee: `current` never answers with an older version than an earlier call or commit here saw.
import type { ObjectStore } from '../connectors/object-store.ts'
import { loadSnapshot } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Table } from '../lake/table.ts'
import type { TableName } from './source-schema.ts'

export class Lakehouse {
  readonly store: ObjectStore
  readonly #known = new Map<string, Snapshot>()

  constructor(store: ObjectStore) {
    this.store = store
  }

  table(path: string): Table {
    return { store: this.store, path }
  }

  /** The newest snapshot, found by probing for versions after the one last seen. Undefined: no table there. */
  async current(path: string): Promise<Snapshot | undefined> {
    const known = this.#known.get(path)
    const snapshot = await loadSnapshot(this.table(path), known ? { known } : {})
    if (snapshot) this.remember(path, snapshot)
    return snapshot
  }

  /** Notes a snapshot that a commit of ours returned. */
  remember(path: string, snapshot: Snapshot): void {
    const known = this.#known.get(path)
    if (!known || known.version <= snapshot.version) this.#known.set(path, snapshot)
  }
}

export const zones = ['bronze', 'silver', 'gold', 'quarantine'] as const
export type Zone = (typeof zones)[number]

/** Where a source table lives in a zone (design, Layout). `suffix` names silver's companions: `_history`, `_deleted`. */
export function tablePath(zone: Zone, { database, table }: TableName, suffix = ''): string {
  return `${zone}/${pathPart(database)}/${pathPart(table)}${suffix}`
}

/** Bronze of Debezium's own topics: everything that decides a result is in bronze. */
export const schemaChanges: TableName = { database: '_debezium', table: 'schema_changes' }
export const transactions: TableName = { database: '_debezium', table: 'transactions' }

/** MySQL allows any character in a name; a path part keeps letters, digits, `_`, `-` and `.`, and escapes the rest as `~hex`. */
export function pathPart(name: string): string {
  const escaped = [...Buffer.from(name)].map(byte =>
    /[\w.-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `~${byte.toString(16).padStart(2, '0')}`,
  )
  return escaped.join('').replace(/^\.+/, dots => '~2e'.repeat(dots.length))
}

/** The inverse of `pathPart`. */
export function nameOf(part: string): string {
  return Buffer.from(
    part.replace(
      /~([0-9a-f]{2})|([\s\S])/g,
      (_, hex: string | undefined, char: string) => hex ?? Buffer.from(char).toString('hex'),
    ),
    'hex',
  ).toString()
}

/** The `txn` under which a bronze table holds the next offset of one partition; a recreated topic starts anew (lake-spec §3.3). */
export function offsetAppId(topic: string, topicId: string, partition: number): string {
  return `binlake/${topic}#${topicId}/${partition}`
}

/** Reads `offsetAppId` back; undefined for a txn that is no offset. */
export function parseOffsetAppId(appId: string): { topic: string; topicId: string; partition: number } | undefined {
  const match = /^binlake\/(.+)#([^#/]*)\/(\d+)$/.exec(appId)
  return match ? { topic: match[1]!, topicId: match[2]!, partition: Number(match[3]) } : undefined
}
