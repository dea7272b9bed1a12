// Signals to Debezium about snapshots: a row in the connector's signal table, or a record in its signal topic.
// Guarantee: one signal is sent once; nothing else of the source is written.
import type { KafkaSettings } from './kafka-group.ts'
import { quoted } from './mysql-keys.ts'
import type { MysqlSession } from './mysql-session.ts'

export interface SnapshotSignal {
  /** Notifications of an incremental snapshot carry it. At most 36 characters. */
  id: string
  type: 'execute-snapshot' | 'stop-snapshot' | 'pause-snapshot' | 'resume-snapshot'
  data: Record<string, unknown>
}

export interface SnapshotWanted {
  tables: readonly { database: string; table: string }[]
  kind: 'incremental' | 'blocking'
  /** A condition in SQL on each table's rows. */
  where?: string
}

/** As Debezium documents it: names are regular expressions. An incremental filter is a condition; a blocking one would be a whole SELECT. */
export function executeSnapshot(id: string, { tables, kind, where }: SnapshotWanted): SnapshotSignal {
  const names = tables.map(({ database, table }) => `${escaped(database)}\\.${escaped(table)}`)
  const conditions = where === undefined ? undefined : names.map(name => ({ 'data-collection': name, filter: where }))
  return {
    id,
    type: 'execute-snapshot',
    data: {
      type: kind,
      'data-collections': names,
      ...(conditions ? { 'additional-conditions': conditions } : {}),
    },
  }
}

/** Stops, pauses or resumes the incremental snapshot that runs; stopping may name tables, which are taken out of it. */
export function steerSnapshot(
  id: string,
  how: 'stop' | 'pause' | 'resume',
  tables: SnapshotWanted['tables'] = [],
): SnapshotSignal {
  const names = tables.map(({ database, table }) => `${escaped(database)}\\.${escaped(table)}`)
  return {
    id,
    type: `${how}-snapshot`,
    data: { type: 'incremental', ...(names.length > 0 ? { 'data-collections': names } : {}) },
  }
}

/** `signalTable` is the connector's `signal.data.collection`. Throws MysqlError. */
export async function signalByTable(mysql: MysqlSession, signalTable: string, { id, type, data }: SnapshotSignal): Promise<void> {
  const [database = '', ...rest] = signalTable.split('.')
  const place = `${quoted(database)}.${quoted(rest.join('.'))}`
  const text = Buffer.from(JSON.stringify(data)).toString('hex')
  await mysql.query(`INSERT INTO ${place} (id, type, data) VALUES ('${id}', '${type}', _utf8mb4 X'${text}')`)
}

/** `name` is the connector's topic.prefix, by which it knows its signals. Throws what the client throws. */
export async function signalByTopic(
  kafka: Pick<KafkaSettings, 'brokers' | 'tls' | 'sasl'>,
  { topic, name }: { topic: string; name: string },
  signal: SnapshotSignal,
): Promise<void> {
  const settings = { ...kafka, group: '', topicPrefix: name, spoolDir: '', batch: { records: 0, bytes: 0, ageMs: 0 } }
  // The client takes longer to load than all else of the command line, and most commands never send a signal.
  const [{ Producer }, { connectionOptions }] = await Promise.all([import('@platformatic/kafka'), import('./kafka-group.ts')])
  const producer = new Producer(connectionOptions(settings))
  try {
    const value = Buffer.from(JSON.stringify(signal))
    await producer.send({ messages: [{ topic, partition: 0, key: Buffer.from(name), value }], acks: -1 })
  } finally {
    await producer.close()
  }
}

function escaped(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
