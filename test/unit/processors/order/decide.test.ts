import { describe, expect, it } from 'vitest'
import { decide, type KeyEvent, sameEvent, sameIds, sentBefore } from '../../../../processors/order/decide.ts'
import { compareSource, parseGtid, trustsOrder } from '../../../../processors/order/source-position.ts'

const event = (offset: number, pos: number, more: Partial<KeyEvent> = {}): KeyEvent => ({
  op: 'u',
  file: 'binlog.000002',
  pos: BigInt(pos),
  row: 0,
  gtid: null,
  txOrder: null,
  partition: 0,
  offset: BigInt(offset),
  sourceTs: BigInt(pos) * 1_000n,
  snapshot: null,
  epoch: 0,
  lineage: 0,
  ...more,
})

/** Runs a key's events in Kafka order and returns the offset that stands at the end, and the verdicts. */
function outcome(events: KeyEvent[]) {
  let current: KeyEvent | undefined
  const verdicts = events.map((each, i) => {
    const verdict = decide(each, current, sentBefore(each, events.slice(0, i)) !== undefined)
    if (verdict === 'APPLY') current = each
    return verdict
  })
  return { verdicts, offset: Number(current?.offset) }
}

describe('decide', () => {
  it('lets replayed events pass by', () => {
    const replay = [event(1, 10), event(2, 20), event(3, 10), event(4, 20)]
    expect(outcome(replay)).toEqual({ verdicts: ['APPLY', 'APPLY', 'DUP', 'DUP'], offset: 2 })
  })

  it('keeps a deleted key deleted when an older change comes late', () => {
    const late = [event(1, 20, { op: 'd' }), event(2, 10)]
    expect(outcome(late)).toEqual({ verdicts: ['APPLY', 'STALE'], offset: 1 })
  })

  it('takes file suffixes and positions for numbers', () => {
    expect(outcome([event(1, 10, { file: 'b.999999' }), event(2, 5, { file: 'b.1000000' })]).offset).toBe(2)
    expect(outcome([event(1, 900), event(2, 1000)]).offset).toBe(2)
  })

  it('orders rows of one binlog event, and events of a compressed transaction', () => {
    expect(outcome([event(1, 10, { row: 0 }), event(2, 10, { row: 1 })]).offset).toBe(2)
    const compressed = [1n, 2n, 3n].map((txOrder, i) => event(i + 1, 10, { gtid: 'a:7', txOrder }))
    expect(outcome(compressed)).toEqual({ verdicts: ['APPLY', 'APPLY', 'APPLY'], offset: 3 })
  })

  it('follows Kafka within a prepared and compressed transaction, whose events have one place and no order', () => {
    const at = (offset: number, row: number, content: string, op = 'u') => event(offset, 10, { op, row, content, gtid: 'a:7' })
    expect(outcome([at(1, 20, 'x'), at(2, 0, '', 'd')])).toEqual({ verdicts: ['APPLY', 'APPLY'], offset: 2 })
    const there = [at(1, 0, '1>2'), at(2, 0, '2>1'), at(3, 0, '1>2'), at(4, 0, '2>1')]
    expect(outcome(there)).toEqual({ verdicts: Array(4).fill('APPLY'), offset: 4 })
    const again = [at(1, 0, '1>2'), at(2, 1, '2>3'), at(3, 0, '1>2'), at(4, 1, '2>3')]
    expect(outcome(again)).toEqual({ verdicts: ['APPLY', 'APPLY', 'DUP', 'DUP'], offset: 2 })
    const later = event(5, 50, { gtid: 'a:8' })
    expect(outcome([...there.slice(0, 2), later, at(6, 0, '1>2')]).verdicts.at(-1)).toBe('STALE')
  })

  it('does not let an incremental snapshot of an older state win, whatever its clock says', () => {
    const zombie = [event(1, 100, { sourceTs: 0n }), event(2, 90, { op: 'r', snapshot: 'incremental', sourceTs: 300_000_000n })]
    expect(outcome(zombie).verdicts).toEqual(['APPLY', 'STALE'])
  })

  it('follows Kafka after a failover to a server of other numbers', () => {
    const failover = [event(1, 900, { gtid: 'a:900', file: 'b.000107' }), event(2, 50, { gtid: 'b:3', file: 'b.000012' })]
    expect(outcome(failover).offset).toBe(2)
    const without = [event(1, 900, { file: 'b.000107' }), event(2, 50, { file: 'b.000012', lineage: 1 })]
    expect(outcome(without).offset).toBe(2)
  })

  it('halts when numbering starts again: a lower position, much newer by the clock', () => {
    const reset = [event(1, 900, { sourceTs: 0n }), event(2, 4, { sourceTs: 86_400_000_000n })]
    expect(outcome(reset).verdicts).toEqual(['APPLY', 'HALT'])
    expect(outcome([reset[0]!, { ...reset[1]!, sourceTs: 60_000_000n }]).verdicts).toEqual(['APPLY', 'STALE'])
  })

  it('applies what a newer epoch brings, and nothing of an older one', () => {
    const epochs = [event(9, 900), event(0, 4, { epoch: 1 }), event(10, 950)]
    expect(outcome(epochs).verdicts).toEqual(['APPLY', 'APPLY', 'STALE'])
  })

  it('halts when a key has moved to another partition and nothing tells the order', () => {
    const moved = [event(9, 10, { file: 'a.000001' }), event(1, 5, { partition: 1, file: 'b.000001' })]
    expect(outcome(moved).verdicts).toEqual(['APPLY', 'HALT'])
    expect(outcome([event(9, 10), event(1, 5, { partition: 1 })]).verdicts).toEqual(['APPLY', 'STALE'])
  })
})

describe('sameEvent', () => {
  const at = (more: Partial<KeyEvent>) => event(1, 10, { gtid: 'a:7', txOrder: 2n, ...more })

  it('knows an event by its place in the transaction, whatever log it was read from', () => {
    expect(sameEvent(at({}), at({ file: 'other.000001', pos: 5n }))).toBe(true)
    expect(sameEvent(at({}), at({ txOrder: 3n }))).toBe(false)
    expect(sameEvent(at({}), at({ op: 'd' }))).toBe(false)
  })

  it('knows it by its place in the binlog where one of the two has no place in a transaction', () => {
    expect(sameEvent(at({}), at({ txOrder: null }))).toBe(true)
    expect(sameEvent(at({}), at({ txOrder: null, row: 1 }))).toBe(false)
    expect(sameEvent(at({ op: 'r', gtid: null }), at({ op: 'r', gtid: null, row: 3 }))).toBe(true)
    expect(sameEvent(at({ op: 'r' }), at({ op: 'r', sourceTs: 10_001n }))).toBe(false)
    expect(sameEvent(at({ op: 't' }), at({ op: 't', gtid: 'a:8' }))).toBe(false)
  })

  it('tells numbers used again by the clock', () => {
    const [first, again] = [at({ sourceTs: 0n }), at({ sourceTs: 2_000_001n })]
    expect(sameEvent(first, { ...again, sourceTs: 2_000_000n })).toBe(true)
    expect(sameEvent(first, again)).toBe(false)
    expect(sameIds(first, again)).toBe(true)
  })
})

describe('compareSource', () => {
  it('reads GTIDs of MySQL, tagged ones too, and of MariaDB', () => {
    expect(parseGtid('uuid:5')).toEqual({ origin: 'uuid', sequence: 5n })
    expect(parseGtid('uuid:tag:5')).toEqual({ origin: 'uuid:tag', sequence: 5n })
    expect(parseGtid('0-1-5')).toEqual({ origin: '0', sequence: 5n })
    expect(parseGtid('what')).toBeUndefined()
  })

  it('compares what compares, in the order of the rules', () => {
    const [a, b] = [event(1, 10, { gtid: 'a:9' }), event(2, 5, { gtid: 'a:10' })]
    expect(compareSource(a, b)).toBe(-1)
    expect(compareSource(a, { ...b, gtid: 'b:1' })).toBeUndefined()
    expect(compareSource(a, { ...b, gtid: null })).toBe(1)
    expect(compareSource(a, { ...b, gtid: null, lineage: 1 })).toBeUndefined()
    expect(compareSource(a, { ...b, gtid: null, file: 'other.000002' })).toBeUndefined()
    expect(compareSource({ ...a, op: 't', row: 7 }, { ...a, row: 3 })).toBe(0)
  })

  it('trusts the order within a transaction from 3.6.1 on, by number', () => {
    const trusted = ['3.6.1.Final', '3.10.0.Final', '4.0.0.Alpha1', '3.6.1', '3.6.10.Final']
    const not = ['3.6.0.Final', '3.5.9.Final', '2.9.1.Final', '', null]
    expect(trusted.filter(trustsOrder)).toEqual(trusted)
    expect(not.filter(trustsOrder)).toEqual([])
  })
})
