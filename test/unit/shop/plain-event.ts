// Brings events of two connector runs to one form: what differs from run to run becomes a mark of its place in the run.

export interface RecordedEvent {
  topic: string
  headers: [string, string | null][]
  key: string | null
  value: string | null
}

interface Source {
  ts_ms: number
  ts_us: number
  ts_ns: number
  gtid: string | null
  file: string
  pos: number
  thread: number | null
}

/**
 * The events of each topic in order, as text: fields, their order and all values stay; clocks, GTIDs, positions, connections
 * and run ids are replaced. Positions of one transaction keep telling which events share one.
 */
export function plainEvents(events: readonly RecordedEvent[]): Record<string, string[]> {
  const gtids = new Map<string, number>()
  const positions = new Map<string, number>()
  const number = (seen: Map<string, number>, text: string) => {
    if (!seen.has(text)) seen.set(text, seen.size)
    return seen.get(text)!
  }
  // The transaction topic holds every GTID, in order.
  for (const { topic, key } of events) if (topic.endsWith('.transaction')) number(gtids, JSON.parse(key!).id)
  const plainSource = (source: Source) => {
    const place = `${source.gtid} ${source.file} ${source.pos}`
    const plain = { ts_ms: typeof source.ts_ms, ts_us: typeof source.ts_us, ts_ns: typeof source.ts_ns, file: 'binlog' }
    const gtid = source.gtid === null ? null : `gtid ${gtids.get(source.gtid)}`
    return { ...source, ...plain, gtid, pos: number(positions, place), thread: source.thread === null ? null : 'thread' }
  }
  const plain = ({ headers, key, value }: RecordedEvent) => {
    const event = JSON.parse(value!)
    for (const clock of ['ts_ms', 'ts_us', 'ts_ns']) if (clock in event) event[clock] = typeof event[clock]
    if (event.source) event.source = plainSource(event.source)
    if (event.transaction) event.transaction.id = `gtid ${gtids.get(event.transaction.id)}`
    if (event.status) event.id = `gtid ${gtids.get(event.id)}`
    // Debezium counts in a hash map: its order means nothing.
    event.data_collections?.sort((a: { data_collection: string }, b: { data_collection: string }) =>
      a.data_collection < b.data_collection ? -1 : 1,
    )
    if (event.ddl) event.ddl = event.ddl.replace(/ AUTO_INCREMENT=\d+/, '')
    const plainKey = key?.replace(/[0-9a-f-]{36}:\d+/, id => `gtid ${gtids.get(id)}`)
    const plainHeaders = headers.map(([name, text]) => [name, name.endsWith('runId') ? 'run' : text])
    return JSON.stringify([plainHeaders, plainKey ?? null, event])
  }
  const byTopic = Object.groupBy(events, ({ topic }) => topic)
  const topics = Object.keys(byTopic).sort()
  return Object.fromEntries(topics.map(topic => [topic, byTopic[topic]!.map(plain)]))
}
