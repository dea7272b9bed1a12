// What must hold once chaos is over and everything has settled.
import { createHash } from 'node:crypto'
import { Admin, Consumer } from '@platformatic/kafka'
import { openStore } from '../../../connectors/open-store.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { tablePaths } from '../../../lake/layout.ts'
import { scan } from '../../../lake/scan.ts'
import { id, join, sql } from '../../../lake/sql.ts'
import { topicsOf } from '../../../processors/bronze-names.ts'
import { primaryKey } from '../../../sql/views.ts'
import type { ChaosStack } from './chaos-stack.ts'
import { type ChaosWorkers, unlike } from './chaos-workers.ts'

/** Everything that is wrong, in words; nothing: all is well. */
export async function checkAll(stack: ChaosStack, workers: ChaosWorkers): Promise<string[]> {
  const wrong: string[] = []
  const look = async (what: string, found: () => Promise<string[]>) => {
    try {
      wrong.push(...(await found()).map(finding => `${what}: ${finding}`))
    } catch (error) {
      wrong.push(`${what}: could not be checked: ${(error as Error).message}`)
    }
  }
  await look('bronze', () => bronzeAgainstKafka(stack))
  await look('history', () => historyAgainstSilver(stack))
  await look('quarantine', () => quarantined(stack))
  await look('replay --prove', () => proven(workers))
  await look('gold', () => goldAnew(stack, workers))
  return wrong
}

/** Runs the line until MySQL and silver are equal; returns what still differs after seven minutes, and what stands still. */
export async function settle(workers: ChaosWorkers): Promise<string[]> {
  workers.start('last')
  const verify = await workers.binlake('verify', '--json', '--patience', '420')
  await workers.kill('last', 'SIGTERM')
  const run = await workers.binlake('run', '--until-caught-up', '--json')
  const { halted = [] } = run.stdout ? (JSON.parse(run.stdout) as { halted?: object[] }) : {}
  const stopped = run.code === 0 ? [] : [`run ended with ${run.code}: ${JSON.stringify(halted)} ${run.stderr.slice(-1_500)}`]
  if (!verify.stdout) return [...stopped, `verify ended with ${verify.code}: ${verify.stderr.slice(-3_000)}`]
  const { tables } = JSON.parse(verify.stdout) as { tables: { table: string; equal: boolean }[] }
  const unequal = tables.filter(({ equal, table }) => !equal && !table.endsWith('.dbz_signal'))
  return [...stopped, ...unequal.map(verdict => `verify: ${JSON.stringify(verdict)}`)]
}

interface KafkaRecord {
  topic: string
  partition: number
  offset: bigint
  hash: string
  /** What the event is, however often it was sent; of one record it may be the same as of its repetition. */
  event: string
}

/** Each record that Kafka holds is in bronze once, byte for byte, and nothing else is. */
async function bronzeAgainstKafka({ folder, brokers, prefix, lakeUrl }: ChaosStack): Promise<string[]> {
  const store = await openStore(lakeUrl, { cacheDir: `${folder}/cache-of-checks` })
  await using duck = await Duck.open({ threads: 2 })
  try {
    const tables = await new Lakehouse(store).bronzeTables()
    const held = tables.flatMap(({ snapshot, path, name }) =>
      topicsOf(snapshot).map(topic => ({ ...topic, snapshot, path, name })),
    )
    const topics = [...new Set(held.map(({ topic }) => topic))]
    const expected = await topicsWithRecords(brokers, prefix)
    const unread = expected.filter(topic => !topics.includes(topic) && !topic.endsWith('.dbz_signal'))
    const wrong = unread.map(topic => `topic ${topic} has records and no bronze`)
    const records = Map.groupBy(await everything(brokers, topics), ({ topic }) => topic)
    for (const { topic, path, snapshot } of held) {
      const rows = await scan({ store, path }, snapshot, { columns: ['_topic', '_partition', '_offset', '_key', '_value'] })
      const found = await duck.rows<{ partition: number; offset: bigint; hash: string; event: string }>(
        sql`SELECT _partition AS partition, _offset AS "offset", md5(coalesce(_key, '∅') || chr(31) || coalesce(_value, '∅')) AS hash,
            array_to_string(list_transform(json_extract_string(_value, ${eventPaths}), lambda part: coalesce(part, '')), '|') AS event
          FROM ${rows} WHERE _topic = ${topic}`,
      )
      const place = ({ partition, offset, hash }: Pick<KafkaRecord, 'partition' | 'offset' | 'hash'>) =>
        `${partition}/${offset}/${hash}`
      const inBronze = new Set(found.map(place))
      const inKafka = new Set((records.get(topic) ?? []).map(place))
      const extra = [...inBronze].filter(at => !inKafka.has(at))
      // The library shows records of an aborted transaction if its end came in another fetch. Their events were sent again.
      const last = new Map<string, bigint>()
      for (const { event, offset } of found) if ((last.get(event) ?? -1n) < offset) last.set(event, offset)
      const missing = (records.get(topic) ?? [])
        .filter(record => !inBronze.has(place(record)) && (last.get(record.event) ?? -1n) <= record.offset)
        .map(place)
      if (found.length !== inBronze.size) wrong.push(`${topic}: ${found.length - inBronze.size} records twice`)
      if (missing.length > 0) wrong.push(`${topic}: ${missing.length} records missing, the first at ${missing[0]}`)
      if (extra.length > 0) wrong.push(`${topic}: ${extra.length} records that Kafka does not hold, the first at ${extra[0]}`)
    }
    return wrong
  } finally {
    await store.close()
  }
}

const eventPaths = [
  '$.op',
  '$.source.gtid',
  '$.transaction.total_order',
  '$.source.file',
  '$.source.pos',
  '$.source.row',
  '$.id',
  '$.status',
  '$.ddl',
]

/** As `eventPaths` gives it. */
function eventOf(value: Buffer | null | undefined): string {
  if (!value?.length) return ''
  type Parts = { [name: string]: Parts | string | number | null | undefined }
  const event = JSON.parse(value.toString()) as Parts
  const parts = eventPaths.map(path =>
    path
      .slice(2)
      .split('.')
      .reduce<Parts | string | number | null | undefined>(
        (at, name) => (typeof at === 'object' && at !== null ? at[name] : undefined),
        event,
      ),
  )
  return parts.map(part => String(part ?? '')).join('|')
}

async function topicsWithRecords(brokers: string, prefix: string): Promise<string[]> {
  const admin = new Admin({ clientId: 'chaos', bootstrapBrokers: [brokers] })
  try {
    return (await admin.listTopics()).filter(topic => topic === prefix || topic.startsWith(`${prefix}.`))
  } finally {
    await admin.close()
  }
}

/** Read by the client library's own consumer, not by binlake's. */
async function everything(brokers: string, topics: string[]): Promise<KafkaRecord[]> {
  const consumer = new Consumer({ clientId: 'chaos', groupId: `chaos-${Math.random()}`, bootstrapBrokers: [brokers] })
  try {
    const stream = await consumer.consume({ topics, mode: 'earliest', autocommit: false, isolationLevel: 1, maxWaitTime: 100 })
    const records: KafkaRecord[] = []
    let lastAt = performance.now() + 5_000
    const idle = setInterval(() => {
      if (performance.now() - lastAt > 3_000) stream.close()
    }, 100)
    for await (const { topic, partition, offset, key, value } of stream) {
      lastAt = Math.max(lastAt, performance.now())
      const text = (bytes: Buffer | null | undefined) => (bytes?.length ? bytes : Buffer.from('∅'))
      const hash = createHash('md5').update(text(key)).update('\x1f').update(text(value)).digest('hex')
      records.push({ topic, partition, offset, hash, event: eventOf(value) })
    }
    clearInterval(idle)
    return records
  } finally {
    await consumer.close(true)
  }
}

/** Exactly one open version a live key, with silver's own values. */
async function historyAgainstSilver({ folder, lakeUrl, database }: ChaosStack): Promise<string[]> {
  const store = await openStore(lakeUrl, { cacheDir: `${folder}/cache-of-checks` })
  await using duck = await Duck.open({ threads: 2 })
  try {
    const lake = new Lakehouse(store)
    const wrong: string[] = []
    for (const path of await tablePaths(store, 'silver')) {
      if (!path.startsWith(`silver/${database}/`) || /_(history|deleted)$/.test(path)) continue
      const [silver, history] = [await lake.current(path), await lake.current(`${path}_history`)]
      const key = silver && primaryKey(silver.metaData.configuration)
      if (!silver || !history || !key?.length) continue
      const shared = silver.fields
        .map(({ name }) => name)
        .filter(name => !name.startsWith('_') && history.fields.some(field => field.name === name))
      const columns = join(shared.map(name => id(name)))
      const rows = await scan({ store, path }, silver)
      const versions = await scan({ store, path: `${path}_history` }, history)
      const keys = join(key.map(name => id(name)))
      const found = await duck.row<{ open: bigint; live: bigint; unlike: bigint }>(sql`
        WITH newest AS (SELECT * FROM ${versions} QUALIFY row_number() OVER (PARTITION BY ${keys} ORDER BY _seq DESC) = 1),
          opened AS (SELECT ${columns} FROM newest WHERE _op NOT IN ('d', 't')), live AS (SELECT ${columns} FROM ${rows})
        SELECT (SELECT count(*) FROM opened) AS "open", (SELECT count(*) FROM live) AS live,
          (SELECT count(*) FROM (FROM live EXCEPT FROM opened)) + (SELECT count(*) FROM (FROM opened EXCEPT FROM live)) AS unlike`)
      if (found!.open !== found!.live || found!.unlike > 0n)
        wrong.push(`${path}: ${found!.live} live rows, ${found!.open} open versions, ${found!.unlike} unlike`)
    }
    return wrong
  } finally {
    await store.close()
  }
}

async function quarantined({ folder, lakeUrl }: ChaosStack): Promise<string[]> {
  const store = await openStore(lakeUrl, { cacheDir: `${folder}/cache-of-checks` })
  await using duck = await Duck.open({ threads: 1 })
  try {
    const lake = new Lakehouse(store)
    const wrong: string[] = []
    for (const path of await tablePaths(store, 'quarantine')) {
      const rows = await scan({ store, path }, (await lake.current(path))!)
      const found = await duck.rows<{ reason: string; n: bigint }>(
        sql`SELECT _reason AS reason, count(*) AS n FROM ${rows} GROUP BY ALL`,
      )
      wrong.push(...found.map(({ reason, n }) => `${path}: ${n} records, ${reason}`))
    }
    return wrong
  } finally {
    await store.close()
  }
}

async function proven(workers: ChaosWorkers): Promise<string[]> {
  const { code, stdout, stderr } = await workers.binlake('replay', '--prove', '--json')
  if (!stdout.trim()) return [`ended with ${code}: ${stderr.slice(-2_000)}`]
  return unlike(stdout)
}

/** A rebuild of everything gives the same gold. */
async function goldAnew(stack: ChaosStack, workers: ChaosWorkers): Promise<string[]> {
  const before = await goldDigests(stack)
  const { code, stderr } = await workers.binlake('replay')
  if (code !== 0) return [`replay ended with ${code}: ${stderr.slice(-2_000)}`]
  const after = await goldDigests(stack)
  if (before.size === 0) return ['there is none']
  return [...before].filter(([path, digest]) => after.get(path) !== digest).map(([path]) => `${path} differs after a rebuild`)
}

async function goldDigests({ folder, lakeUrl }: ChaosStack): Promise<Map<string, string>> {
  const store = await openStore(lakeUrl, { cacheDir: `${folder}/cache-of-checks` })
  await using duck = await Duck.open({ threads: 2 })
  try {
    const lake = new Lakehouse(store)
    const digests = new Map<string, string>()
    for (const path of await tablePaths(store, 'gold')) {
      const rows = await scan({ store, path }, (await lake.current(path))!)
      const found = await duck.row<{ digest: string }>(
        sql`SELECT count(*) || ' ' || coalesce(sum(hash(t)::HUGEINT), 0) AS digest FROM ${rows} AS t`,
      )
      digests.set(path, found!.digest)
    }
    return digests
  } finally {
    await store.close()
  }
}
