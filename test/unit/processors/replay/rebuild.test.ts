import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../../../connectors/object-store.ts'
import { Lakehouse } from '../../../../lake/lakehouse.ts'
import { sql } from '../../../../lake/sql.ts'
import { replayTable } from '../../../../processors/replay/replay-table.ts'
import { putBack } from '../../../../processors/replay/rollback.ts'
import { planRollback } from '../../../../processors/replay/rollback-plan.ts'
import { LakeOfEvents } from '../lake-of-events.ts'

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
  await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'c', id: 2, v: 'b', pos: 20 }, { op: 'd', id: 2, pos: 25 })
  await events.refine()
})
afterEach(() => events.close())

const silver = () => events.rows('silver/shop/t', 'id', 'v')
const history = () => events.rows('silver/shop/t_history', 'id', '_op', 'v')
const proven = async () => (await events.replay({ proveOnly: true }))!.verdict

describe('a rebuild killed half-way', { timeout: 60_000 }, () => {
  async function killedAt(point: string): Promise<void> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'replay-worker.ts'), events.folder, point], {
      stdio: 'inherit',
    })
    const [, signal] = await once(child, 'exit')
    expect(signal).toBe('SIGKILL')
  }
  const damaged = () => events.damage('silver/shop/t', sql`SELECT * REPLACE ('old' AS v) FROM file`)

  it('before anything is in place: the old tables stand', async () => {
    await damaged()
    await killedAt('rebuild:written')
    expect(await silver()).toEqual([['1', 'old']])
    expect(await events.refine()).toBeUndefined()
    expect(await proven()).toBe('different')
  })

  it.each(['rebuild:history-swapped', 'commit:after-put:1', 'commit:after-put:2', 'commit:after-put:3'])(
    'at %s: the next run goes on, the next replay brings the tables together',
    async point => {
      await damaged()
      await events.ingest({ op: 'c', id: 3, v: 'c', pos: 30 }, { op: 'd', id: 1, pos: 35 }, { op: 'c', id: 4, v: 'x', pos: 36 })
      await killedAt(point)
      await events.ingest({ op: 'u', id: 4, v: 'y', pos: 40 })
      while ((await events.refine())?.more);
      expect((await silver()).map(([id]) => id)).toEqual(['3', '4'])
      expect(await history()).toHaveLength(7)
      // The row that was damaged has left by now, in whichever table it stood.
      expect(await proven()).toBe('identical')
      await events.replay()
      expect(await proven()).toBe('identical')
    },
  )
})

/** The lake, in which `rival` acts right before the first commit to `path`. */
function lakeWithRival(path: string, rival: () => Promise<unknown>): Lakehouse {
  let met = false
  const putIfAbsent = async (target: ObjectStore, object: string, bytes: Uint8Array) => {
    if (!met && object.startsWith(`${path}/_delta_log/`)) {
      met = true
      await rival()
    }
    return target.putIfAbsent(object, bytes)
  }
  const store = new Proxy(events.lake.store, {
    get(target, name) {
      if (name === 'putIfAbsent') return putIfAbsent.bind(undefined, target)
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return new Lakehouse(store)
}

describe('a rebuild beside a running merge', { timeout: 60_000 }, () => {
  it.each(['t_history', 't_deleted', 't'])('begins a new round when the merge is first at %s', async name => {
    await events.damage('silver/shop/t', sql`SELECT * REPLACE ('old' AS v) FROM file`)
    const lake = lakeWithRival(`silver/shop/${name}`, async () => {
      await events.ingest(
        { op: 'c', id: 3, v: 'c', pos: 30 },
        { op: 'd', id: 1, pos: 35 },
        { op: 'c', id: 1, v: 'again', pos: 36 },
      )
      await events.refine()
    })
    const replayed = await replayTable(events.duck, {
      ...{ ...events.way(), lake },
      ...{ keys: new Map(), proveOnly: false, examples: 3, maxRows: 1_000 },
    })
    expect(replayed).toMatchObject({ verdict: 'different', bronzeVersion: 1 })
    expect(await silver()).toEqual([
      ['1', 'again'],
      ['3', 'c'],
    ])
    expect(await history()).toHaveLength(6)
    expect(await events.refine()).toBeUndefined()
    expect(await proven()).toBe('identical')
    // A rollback goes to what was there before anything was put in place.
    const { targets } = (await planRollback(events.way(), { to: undefined, named: true }))!
    expect([targets.history.version, targets.current.version]).toEqual(name === 't_history' ? [1, 1] : [0, 0])
  })

  it.each(['t', 't_deleted', 't_history'])('a rollback begins a new round when the merge is first at %s', async name => {
    await events.ingest({ op: 'c', id: 3, v: 'c', pos: 30 }, { op: 'd', id: 1, pos: 35 })
    await events.refine()
    const lake = lakeWithRival(`silver/shop/${name}`, async () => {
      await events.ingest({ op: 'c', id: 4, v: 'd', pos: 40 }, { op: 'u', id: 3, v: 'e', pos: 45 })
      await events.refine()
    })
    const way = { ...events.way(), lake }
    await putBack(way, (await planRollback(way, { to: 0, named: true }))!)
    expect(await silver()).toEqual([['1', 'a']])
    expect(await history()).toHaveLength(3)
    while ((await events.refine())?.more);
    expect(await silver()).toEqual([
      ['3', 'e'],
      ['4', 'd'],
    ])
    expect(await history()).toHaveLength(7)
    expect(await proven()).toBe('identical')
  })

  it('brings in what the merge took, loses no change and doubles none', async () => {
    const other = await LakeOfEvents.open(events.folder)
    let running = true
    const merging = (async () => {
      let merges = 0
      while (running) {
        // What the refinery does: another writer was first, so look again.
        const refined = await other.refine().catch((error: { code?: string }) => {
          if (error.code !== 'LAKE_CONFLICT' && error.code !== 'LAKE_FENCED') throw error
        })
        if (refined) merges++
        await new Promise(done => setTimeout(done, 1))
      }
      return merges
    })()
    for (let i = 0; i < 6; i++) {
      await events.ingest({ op: 'c', id: 10 + i, v: 'new', pos: 100 + 10 * i }, { op: 'u', id: 1, v: `v${i}`, pos: 105 + 10 * i })
      expect((await events.replay())!.verdict).toBe('identical')
    }
    running = false
    expect(await merging).toBeGreaterThan(0)
    await other.duck.close()
    while ((await events.refine())?.more);
    expect(await silver()).toEqual([['1', 'v5'], ...Array.from({ length: 6 }, (_, i) => [String(10 + i), 'new'])])
    expect(await history()).toHaveLength(15)
    expect(await proven()).toBe('identical')
  })
})
