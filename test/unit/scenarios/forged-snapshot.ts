// Debezium's notifications of a forged snapshot, and the look that a run takes at them.
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import type { EndOffsets } from '../../../connectors/source.ts'
import { topicsOf } from '../../../processors/bronze-names.ts'
import { Sweeps } from '../../../processors/snapshots/sweeps.ts'
import type { Forge } from './forge.ts'
import { type Forged, raw } from './forged-event.ts'

export interface Told {
  aggregate?: string
  table?: string
  status?: string
  id?: string
}

/** A notification; its own time and Kafka's are the forge's. */
export function note(
  s: Forge,
  type: string,
  { aggregate = 'Initial Snapshot', table, status = 'SUCCEEDED', id }: Told = {},
): Forged {
  const additional_data = {
    connector_name: 'shop',
    ...(table ? { scanned_collection: table, status, total_rows_scanned: '0', data_collections: table } : {}),
  }
  const own = id ?? randomUUID()
  const value = { id: own, type, aggregate_type: aggregate, additional_data, timestamp: s.kafkaTs }
  return raw(value, { topic: 'shop-notifications', life: 'notes', key: { id: own } })
}

/** A whole snapshot: STARTED, its rows, the end of the table's scan, COMPLETED. */
export async function snapshotOf(
  s: Forge,
  rows: Forged[],
  { table = 'shop.t', aggregate = 'Initial Snapshot', id = randomUUID() } = {},
): Promise<void> {
  const told = { aggregate, id }
  await s.ingest(note(s, 'STARTED', told))
  if (rows.length > 0) await s.ingest(...rows)
  await s.ingest(note(s, 'TABLE_SCAN_COMPLETED', { ...told, table }))
  await s.ingest(note(s, 'COMPLETED', told))
}

/** What a run does at a table's turn; Kafka ends where bronze does, or `beyond` records later. */
export async function look(s: Forge, { table = 't', beyond = 0n } = {}): Promise<boolean> {
  const { duck, lake } = s.events
  const ends = async (): Promise<EndOffsets> => {
    const found: EndOffsets = new Map()
    for (const { snapshot } of await lake.bronzeTables()) {
      for (const { topic, topicId, partition } of topicsOf(snapshot)) {
        const end = found.get(topic)?.topicId === topicId ? found.get(topic)! : { topicId, partitions: new Map<number, bigint>() }
        end.partitions.set(partition, snapshot.txns.get(`binlake/${topic}#${topicId}/${partition}`)! + beyond)
        found.set(topic, end)
      }
    }
    return found
  }
  return new Sweeps({ duck, lake, log: pino({ level: 'silent' }), ends }).look({ database: 'shop', table })
}
