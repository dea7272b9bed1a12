// A table that halted at an event goes on in a new epoch, in a run that is under way too.
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { parsePolicy } from '../../../../privacy/policy.ts'
import { planResume, resume } from '../../../../processors/order/resume.ts'
import { mend } from '../../../../processors/quarantine/mend.ts'
import { Refinery } from '../../../../processors/refinery.ts'
import { c, d, Forge, raw, start, t, u, valueText } from '../../scenarios/forge.ts'
import { ddl } from '../../scenarios/schema-events.ts'
import { keepAll } from '../lake-of-events.ts'

const day = 86_400_000

async function told(key = ['id']): Promise<Forge> {
  const s = await Forge.open(key.length > 0 ? {} : { schemas: [], policy: keepAll })
  const columns = [
    { name: 'id', type: 'INT' },
    { name: 'v', type: 'VARCHAR', length: 20 },
  ]
  await s.ingest(
    ddl({
      pos: 1,
      ddl: `CREATE TABLE t (id INT${key.length > 0 ? ' PRIMARY KEY' : ''}, v VARCHAR(20))`,
      columns,
      key,
      type: 'CREATE',
    }),
  )
  return s
}

async function reset(): Promise<Forge> {
  const s = await told()
  await s.step(c(1, 'secret a', { pos: 900 }), c(2, 'x', { pos: 950 }))
  await s.ingest(c(3, 'y', { pos: 960 }), u(1, 'secret b', { pos: 90, ts: start + day }), u(2, 'z', { pos: 95, ts: start + day }))
  return s
}

it('shows where, and from there on applies what comes', async () => {
  await using s = await reset()
  const { duck, lake } = s.events
  const context = { duck, lake, policy: parsePolicy(keepAll, 'policy.yaml'), keys: new Map(), log: pino({ level: 'silent' }) }
  const plan = await planResume(context, 't')
  expect(plan).toMatchObject({
    table: { database: 'shop', table: 't' },
    decision: { life: 0, places: [{ partition: 0, offset: '3' }] },
    places: [{ partition: 0, offset: 3n, file: 'binlog.000001', pos: 90n, waiting: 2 }],
    epoch: { before: 0, after: 1 },
  })
  expect(JSON.stringify(plan, (_, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain('secret')
  await s.refine()
  expect(s.halted['shop.t']!.reason).toBe(plan.reason)
  await resume({ duck, lake }, plan)
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'v')).toEqual([['secret b'], ['y'], ['z']])
  expect(await s.identical()).toBe('identical')
  await expect(planResume(context, 'shop.t')).rejects.toMatchObject({ code: 'RESUME_NOTHING' })
  await expect(planResume(context, 'other')).rejects.toMatchObject({ code: 'RESUME_NOTHING' })
})

async function plan(s: Forge) {
  const { duck, lake } = s.events
  const context = { duck, lake, policy: parsePolicy(keepAll, 'policy.yaml'), keys: new Map(), log: pino({ level: 'silent' }) }
  return planResume(context, 't')
}

it('lets all partitions go on at once, and a truncate after it ends what is older in each of them', async () => {
  await using s = await told()
  const at = (n: number, partition: number) => ({
    gtid: `a:${n}`,
    order: 1,
    pos: n * 10,
    partition,
    ts: start + n + (n < 500 ? day : 0),
  })
  await s.step(c(1, 'a', at(901, 0)), c(2, 'b', at(902, 1)), c(3, 'c', at(903, 2)), c(6, 'f', at(904, 3)))
  // The third partition brings a new row only, the fourth nothing.
  await s.step(u(1, 'A', at(1, 0)), u(2, 'B', at(2, 1)), c(4, 'D', at(3, 2)))
  expect(s.halted['shop.t']!.reason).toContain("1 more of the topic's partitions")
  const found = await plan(s)
  expect(found.places.map(({ partition, offset, waiting }) => [partition, offset, waiting])).toEqual([
    [0, 1n, 1],
    [1, 1n, 1],
    [2, 1n, 1],
    [3, 1n, 0],
  ])
  await resume(s.events, found)
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'v')).toEqual([['A'], ['B'], ['c'], ['D'], ['f']].sort())
  await s.steps(t(at(4, 0)), c(5, 'E', at(5, 3)), c(2, 'BB', at(6, 1)), c(8, 'late', at(3, 2)))
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'v')).toEqual([['BB'], ['E']])
  expect(await s.identical()).toBe('identical')
})

/** In the binlog of one server among several. */
const of = (server: string, n: number, partition: number) => ({
  gtid: `${server}:${n}`,
  order: 1,
  file: `${server}.000001`,
  pos: n * 10,
  partition,
})

it('lets a truncate go on that nothing tells the place of, and loses no row that comes after it elsewhere', async () => {
  await using s = await told()
  await s.step(c(1, 'a', of('a', 1, 1)), c(2, 'b', of('a', 2, 0)))
  await s.step(t(of('b', 3, 0)))
  expect(s.halted['shop.t']!.reason).toContain('binlake resume shop.t')
  await resume(s.events, await plan(s))
  await s.refine()
  await s.step(c(3, 'c', of('b', 4, 1)))
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'v')).toEqual([['c']])
  expect(await s.identical()).toBe('identical')
})

it('lets a row that moved go on, though silver has taken neither of its changes', async () => {
  await using s = await told()
  await s.step(c(8, 'y', of('a', 1, 0)), c(9, 'z', of('a', 2, 1)))
  const [first, second] = [c(1, 'a', of('b', 3, 0)), u(1, 'b', of('c', 1, 1))]
  await s.step(first, second, u(1, 'c', of('c', 2, 1)), c(2, 'x', of('c', 3, 0)))
  expect(s.halted['shop.t']!.reason).toContain('partitions added')
  const found = await plan(s)
  expect(found.places.map(({ partition, offset }) => [partition, offset])).toEqual([
    [0, 2n],
    [1, 1n],
  ])
  await resume(s.events, found)
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'v')).toEqual([['c'], ['x'], ['y'], ['z']])
  expect(await s.identical()).toBe('identical')
})

it('begins where another log begins, so that what is younger than a minute there is not lost', async () => {
  await using s = await told()
  const at = (n: number, file: string, ts: number) => ({ gtid: `a:${n}`, order: 1, file, pos: n * 10, ts })
  await s.step(c(1, 'a', at(801, 'binlog.000007', start)), c(2, 'b', at(802, 'binlog.000007', start + day)))
  await s.step(u(2, 'B', at(1, 'binlog.000001', start + day + 5_000)), u(1, 'A', at(2, 'binlog.000001', start + day + 6_000)))
  const found = await plan(s)
  expect(found.places.map(({ offset }) => offset)).toEqual([2n])
  await resume(s.events, found)
  await s.refine()
  expect(await s.silver('t', 'v')).toEqual([['A'], ['B']])
  expect(await s.identical()).toBe('identical')
})

it('a record that was mended after its table went on is of the epoch that it came in', async () => {
  for (const early of [false, true]) {
    await using s = await told()
    const at = (n: number, ts: number) => ({ gtid: `a:${n}`, order: 1, pos: n * 10, ts })
    await s.step(c(1, 'a', at(901, start)), c(2, 'b', at(902, start)))
    const broken = u(1, 'A', at(1, start + day))
    await s.step(raw('{"op":"u", cut off', { key: { id: 1 } }), c(9, 'z', at(2, start + day)))
    const rest = [u(2, 'B', at(3, start + day)), u(1, 'AA', at(4, start + day + 200_000))]
    const goOn = async () => {
      if (Object.keys(s.halted).length > 0) await resume(s.events, await plan(s))
      await s.refine()
      expect(s.halted).toEqual({})
    }
    const mended = async () => {
      const value = Buffer.from(valueText({ ...broken, pos: broken.pos! })!)
      await mend(s.events.duck, s.events.way(await s.way('t')), { at: { partition: 0, offset: 2n }, value })
      await s.refine()
      expect(s.halted['shop.t']!.reason).toContain('binlake resume shop.t')
    }
    if (early) {
      await mended()
      await goOn()
      expect(await s.silver('t', 'v')).toEqual([['A'], ['b'], ['z']])
    }
    await s.step(...rest)
    await goOn()
    if (!early) {
      await mended()
      await goOn()
    }
    expect(await s.silver('t', 'v')).toEqual([['AA'], ['B'], ['z']])
    expect((await s.history('t', 'v')).map(([, v]) => v).sort()).toEqual(['A', 'AA', 'B', 'a', 'b', 'z'])
    expect(await s.identical()).toBe('identical')
  }
})

it('lets a table without a key go on, which counts on from what it has', async () => {
  for (const together of [false, true]) {
    await using s = await told([])
    const at = (n: number, more = {}) => ({
      kafkaKey: null,
      gtid: `a:${n}`,
      order: 1,
      pos: n * 10,
      ts: start + n + (n < 500 ? day : 0),
      ...more,
    })
    await s.step(c(1, 'a', at(901)), c(1, 'a', at(902)))
    const after = [c(1, 'b', at(1)), d(1, at(2, { before: { id: 1, v: 'a' } }))]
    await (together ? s.step(...after) : s.steps(...after))
    const found = await plan(s)
    expect(found.places.map(({ offset }) => offset)).toEqual([2n])
    await resume(s.events, found)
    await s.refine()
    expect(s.halted).toEqual({})
    expect(await s.silver('t', 'v')).toEqual([['a'], ['b']])
    expect(await s.identical()).toBe('identical')
  }
})

it('is heard by a run that is under way', async () => {
  await using s = await reset()
  const { duck, lake } = s.events
  const context = { duck, lake, policy: parsePolicy(keepAll, 'policy.yaml'), keys: new Map(), log: pino({ level: 'silent' }) }
  await using refineryDuck = await duck.fork()
  const refinery = new Refinery({
    ...context,
    duck: refineryDuck,
    ...{ gold: [], maxRows: 1_000, merge: { intervalMs: 50, rate: 1e9, rewrites: 1e6, allowance: 1e9 }, catchingUp: false },
    ...{ owns: () => true, onFailure: () => {}, onChanges: () => {} },
  })
  const until = async (done: () => Promise<boolean> | boolean) => {
    for (let tries = 0; !(await done()); tries++) {
      expect(tries).toBeLessThan(200)
      await sleep(100)
    }
  }
  try {
    refinery.wake({ database: 'shop', table: 't' })
    await until(() => refinery.halted.length > 0)
    await resume({ duck, lake }, await planResume(context, 't'))
    await until(() => refinery.halted.length === 0)
    await until(async () => JSON.stringify(await s.silver('t', 'v')) === '[["secret b"],["y"],["z"]]')
  } finally {
    await refinery.stop({ finish: false })
  }
}, 60_000)
