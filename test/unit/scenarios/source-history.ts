// Random histories of a table as Debezium may tell them: transactions, failovers, snapshot rows, a connector that dies and sends runs again.
// Guarantee: the same record object is the same event sent again; `truth` is what MySQL has of the rows that were told of.
import fc from 'fast-check'
import { c, d, type Forged, r, type Source, start, u } from './forged-event.ts'

/** Which ids the source gives: GTIDs, places in transactions, places that cannot be trusted, or binlog positions alone. */
export type Ids = 'gtid and order' | 'gtid' | 'untrusted order' | 'none'

export interface History {
  /** In the order of Kafka. */
  records: Forged[]
  truth: Map<number, string>
}

interface Step {
  id: number
  op: 'write' | 'write again' | 'delete' | 'read' | 'next file' | 'failover'
  number: number
  rename: boolean
}

const steps = fc.array(
  fc.record<Step>({
    id: fc.constantFrom(1, 1, 2, 2, 3, 4),
    op: fc.constantFrom('write', 'write', 'write', 'write again', 'write again', 'delete', 'read', 'next file', 'failover'),
    number: fc.integer({ min: 1, max: 20 }),
    rename: fc.constantFrom(false, false, true),
  }),
  { minLength: 2, maxLength: 16 },
)

/** Each run begins at or before where one ended; a short one that begins far back is a connector that should be dead. */
const runs = fc.array(
  fc.oneof(
    fc.record({ back: fc.integer({ min: 0, max: 3 }), length: fc.integer({ min: 1, max: 8 }) }),
    fc.record({ back: fc.integer({ min: 2, max: 9 }), length: fc.integer({ min: 1, max: 3 }) }),
  ),
  { minLength: 1, maxLength: 8 },
)

/** `prepared`: also transactions whose events share one place and have no order; of these an early end of a repetition leaves another truth. */
export const histories = (partitions: readonly number[], { prepared = false } = {}) =>
  fc
    .record({
      ids: fc.constantFrom<Ids>('gtid and order', 'gtid', 'untrusted order', 'none'),
      packed: fc.boolean(),
      partitions: fc.constantFrom(...partitions),
      steps,
      runs,
      snapshot: fc.integer({ min: 0, max: 2 }),
    })
    .map(({ ids, packed, partitions: count, steps: of, runs: sent, snapshot }): History => {
      const { log, values } = sourceLog(of, { ids, packed: packed && (prepared || ids === 'gtid and order'), partitions: count })
      const first = [...snapshots(log, { times: snapshot, partitions: count, ids })]
      const records: Forged[] = [...first]
      let produced = 0
      for (const { back, length } of sent) {
        const from = Math.max(0, produced - back)
        records.push(...log.slice(from, from + length))
        produced = Math.max(produced, Math.min(log.length, from + length))
      }
      const truth = new Map<number, string>(first.map(({ key, after }) => [key as number, String(after!.v)]))
      for (const [id, value] of values.slice(0, produced)) {
        if (value === null) truth.delete(id)
        else truth.set(id, value)
      }
      return { records, truth }
    })

interface Shape {
  ids: Ids
  packed: boolean
  partitions: number
}

/** The log, and what each event leaves of its row. */
function sourceLog(
  of: readonly Step[],
  { ids, packed, partitions }: Shape,
): { log: Forged[]; values: [number, string | null][] } {
  const log: Forged[] = []
  const values: [number, string | null][] = []
  const live = new Map<number, string>()
  const used = new Set([8])
  const at = { server: 1, base: 'binlog', number: 8, pos: 100, row: 0, transaction: 0, order: 0 }
  for (const [i, { id, op, number, rename }] of of.entries()) {
    if (op === 'next file' || op === 'failover') {
      // A file of the same name and number at a lower place could be a reset as well: nothing tells (docs/order.md).
      let file = op === 'failover' ? number : at.number + 1
      while (used.has(file)) file++
      used.add(file)
      Object.assign(at, { number: file, pos: 4 })
      if (op === 'failover') Object.assign(at, { server: at.server + 1, base: rename ? `host${i}` : at.base, transaction: 0 })
      continue
    }
    const again = op === 'write again' && at.transaction > 0
    if (again) Object.assign(at, { order: at.order + 1, row: packed ? 0 : at.row + 1 })
    else if (op !== 'read') Object.assign(at, { transaction: at.transaction + 1, order: 1, pos: at.pos + 10, row: 0 })
    const place: Source = {
      file: `${at.base}.${String(at.number).padStart(6, '0')}`,
      pos: at.pos,
      row: at.row,
      ts: start + i * 1_000,
      partition: id % partitions,
      ...(ids === 'none' ? {} : { gtid: `server${at.server}:${Math.max(1, at.transaction)}` }),
      ...(ids === 'gtid' || ids === 'none' || op === 'read' ? {} : { order: at.order }),
      ...(ids === 'untrusted order' ? { version: '3.6.0.Final' } : {}),
    }
    if (op === 'read') {
      if (!live.has(id)) continue
      // The connector's clock is ahead of the server's.
      log.push(r(id, live.get(id)!, { ...place, snapshot: 'incremental', ts: place.ts! + 3_600_000, row: 3 }))
      values.push([id, live.get(id)!])
    } else if (op === 'delete') {
      if (!live.delete(id)) continue
      log.push(d(id, place))
      values.push([id, null])
    } else {
      log.push(live.has(id) ? u(id, `v${i}`, place) : c(id, `v${i}`, place))
      live.set(id, `v${i}`)
      values.push([id, `v${i}`])
    }
  }
  return { log, values }
}

/** Rows from before the log; a second time from a snapshot that began anew. */
function* snapshots(
  log: readonly Forged[],
  { times, partitions, ids }: { times: number; partitions: number; ids: Ids },
): Generator<Forged> {
  const inserted = new Set(log.filter(({ op }) => op === 'c').map(({ key }) => key))
  const version = ids === 'untrusted order' ? { version: '3.6.0.Final' } : {}
  for (let time = 0; time < times; time++) {
    for (const id of [1, 2, 3, 4]) {
      if (inserted.has(id)) continue
      yield r(id, 'old', {
        file: 'binlog.000008',
        pos: 100,
        row: 0,
        ts: start - 1_000 + time,
        partition: id % partitions,
        ...version,
      })
    }
  }
}
