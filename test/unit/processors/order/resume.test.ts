// A table that halted at an event goes on in a new epoch, in a run that is under way too.
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { parsePolicy } from '../../../../privacy/policy.ts'
import { planResume, resume } from '../../../../processors/order/resume.ts'
import { Refinery } from '../../../../processors/refinery.ts'
import { c, Forge, start, u } from '../../scenarios/forge.ts'
import { ddl } from '../../scenarios/schema-events.ts'
import { keepAll } from '../lake-of-events.ts'

const day = 86_400_000

async function reset(): Promise<Forge> {
  const s = await Forge.open()
  const columns = [
    { name: 'id', type: 'INT' },
    { name: 'v', type: 'VARCHAR', length: 20 },
  ]
  await s.ingest(ddl({ pos: 1, ddl: 'CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))', columns, type: 'CREATE' }))
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
    ...{ file: 'binlog.000001', pos: 90n, waiting: 2, epoch: { before: 0, after: 1 } },
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
