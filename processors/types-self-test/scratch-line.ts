// The project's own line, from the user's Kafka to a lake in a scratch folder, for the self-test's table alone.
// Guarantee: nothing is read but that table's topic and the schema-change topic, and nothing is written outside the folder.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ObjectStore } from '../../connectors/object-store.ts'
import type { EndOffsets, Source } from '../../connectors/source.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { sql } from '../../lake/sql.ts'
import { parsePolicy } from '../../privacy/policy.ts'
import type { Halted } from '../halts.ts'
import { run } from '../pipeline.ts'
import type { TableName } from '../source-schema.ts'
import type { SelfTestRow } from './self-test-table.ts'

export interface ScratchLine {
  duck: Duck
  /** A lake of this step's own. */
  store: ObjectStore
  /** A source that sees only the two topics, and that this step closes nothing of. */
  source: Source
  topicPrefix: string
  table: TableName
  rows: readonly SelfTestRow[]
  /** Where each topic is read from; a topic that is not named is read from its beginning. */
  from: EndOffsets
  /** `c`: inserts as the binlog told them; `r`: rows as a snapshot read them. */
  op: 'c' | 'r'
  log: Logger
  signal: AbortSignal
  /** Milliseconds until the events must have come. */
  patienceMs: number
}

/** Runs the line until every row has come or the patience is over. Gives what came, and why a table stands still. */
export async function runScratchLine(options: ScratchLine): Promise<{ lake: Lakehouse; events: number; halted: Halted[] }> {
  const { store, rows, signal, table, duck } = options
  const lake = new Lakehouse(store)
  const policy = parsePolicy(keepAll(options), 'the self-test')
  const until = Date.now() + options.patienceMs
  let unread = 0
  for (;;) {
    const { halted, quarantined } = await run({
      duck,
      store,
      source: startingAt(options.source, options.from),
      policy,
      keys: new Map(),
      gold: [],
      topicPrefix: options.topicPrefix,
      log: options.log,
      signal,
      untilCaughtUp: true,
      maxRows: 100_000,
      merge: { intervalMs: 0, rate: 1e12, rewrites: 1e6, allowance: 1e15 },
    })
    signal.throwIfAborted()
    unread += quarantined
    const events = (await eventsOf(duck, lake, { table, op: options.op })) + unread
    // The schema change comes by another topic, and may come later.
    const stands = halted.some(({ code }) => !code.startsWith('SCHEMA_'))
    if ((events >= rows.length && halted.length === 0) || stands || Date.now() > until) return { lake, events, halted }
    await sleep(1_000, undefined, { signal })
  }
}

async function eventsOf(duck: Duck, lake: Lakehouse, { table, op }: Pick<ScratchLine, 'table' | 'op'>): Promise<number> {
  const path = tablePath('bronze', table)
  const snapshot = await lake.current(path)
  if (!snapshot) return 0
  const bronze = await scan(lake.table(path), snapshot, { columns: ['_op'] })
  const [found] = await duck.rows<{ events: bigint }>(sql`SELECT count(*) AS events FROM ${bronze} WHERE _op = ${op}`)
  return Number(found?.events ?? 0)
}

/** The lake's own offsets, and for a partition that it has not yet, where the test began. */
function startingAt(source: Source, from: EndOffsets): Source {
  return {
    owns: topic => source.owns(topic),
    ends: () => source.ends(),
    close: () => source.close(),
    batches: (offsets, options) =>
      source.batches(async (topic, topicId) => {
        const start = from.get(topic)
        const begun = start?.topicId === topicId ? start.partitions : []
        return new Map([...begun, ...(await offsets(topic, topicId))])
      }, options),
  }
}

function keepAll({ table, rows }: ScratchLine): string {
  const columns = ['id', ...new Set(rows.map(({ column }) => column.name))]
  return `version: 1\ntables:\n  ${table.table}:\n${columns.map(name => `    ${name}: keep\n`).join('')}`
}
