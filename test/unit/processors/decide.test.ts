import { describe, expect, it } from 'vitest'
import { decide, identity, type KeyEvent } from '../../../processors/decide.ts'

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
  ...more,
})

/** Runs a key's events in Kafka order and returns the offset that stands at the end, and the verdicts. */
function outcome(events: KeyEvent[]) {
  const seen = new Set<string>()
  let current: KeyEvent | undefined
  const verdicts = events.map(each => {
    const verdict = decide(each, current, seen)
    seen.add(identity(each))
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

  it('does not let an incremental snapshot of an older state win, whatever its clock says', () => {
    const zombie = [event(1, 100, { sourceTs: 0n }), event(2, 90, { op: 'r', snapshot: 'incremental', sourceTs: 300_000_000n })]
    expect(outcome(zombie).verdicts).toEqual(['APPLY', 'STALE'])
  })

  it('follows Kafka after a failover to a server of other numbers', () => {
    const failover = [event(1, 900, { gtid: 'a:900', file: 'b.000107' }), event(2, 50, { gtid: 'b:3', file: 'b.000012' })]
    expect(outcome(failover).offset).toBe(2)
  })

  it('halts when numbering starts again: a lower position, much newer by the clock', () => {
    const reset = [event(1, 900, { sourceTs: 0n }), event(2, 4, { sourceTs: 86_400_000_000n })]
    expect(outcome(reset).verdicts).toEqual(['APPLY', 'HALT'])
  })

  it('halts when a key has moved to another partition and nothing tells the order', () => {
    const moved = [event(9, 10, { file: 'a.000001' }), event(1, 5, { partition: 1, file: 'b.000001' })]
    expect(outcome(moved).verdicts).toEqual(['APPLY', 'HALT'])
    expect(outcome([event(9, 10), event(1, 5, { partition: 1 })]).verdicts).toEqual(['APPLY', 'STALE'])
  })
})
