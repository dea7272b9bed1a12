// Why a table stands still is seen from any process with access to the lake, and no longer than it does.
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { parsePolicy } from '../../../privacy/policy.ts'
import { Halts, haltOf } from '../../../processors/halts.ts'
import { planResume, resume } from '../../../processors/order/resume.ts'
import { Refinery } from '../../../processors/refinery.ts'
import { lakeStatus } from '../../../processors/status.ts'
import { c, Forge, start, u } from '../scenarios/forge.ts'
import { ddl } from '../scenarios/schema-events.ts'
import { keepAll } from './lake-of-events.ts'

const table = { database: 'shop', table: 't' }
const log = pino({ level: 'silent' })
const context = (s: Forge) => ({ duck: s.events.duck, policy: parsePolicy(keepAll, 'policy.yaml'), keys: new Map(), log })
/** The lake as another process sees it. */
const elsewhere = (s: Forge) => new Lakehouse(s.events.lake.store)

/** An event of the next day, at a lower position of the binlog: nothing decides. */
async function reset(): Promise<Forge> {
  const s = await Forge.open()
  const columns = [
    { name: 'id', type: 'INT' },
    { name: 'v', type: 'VARCHAR', length: 20 },
  ]
  await s.ingest(ddl({ pos: 1, ddl: 'CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))', columns, type: 'CREATE' }))
  await s.step(c(1, 'secret a', { pos: 900 }))
  await s.ingest(u(1, 'secret b', { pos: 90, ts: start + 86_400_000 }))
  return s
}

/** A run until all that bronze holds is in silver, as far as it goes. */
async function run(s: Forge): Promise<Refinery> {
  await using duck = await s.events.duck.fork()
  const refinery = new Refinery({
    ...{ ...context(s), duck, lake: elsewhere(s), gold: [], maxRows: 1_000, catchingUp: true },
    merge: { intervalMs: 50, rate: 1e9, rewrites: 1e6, allowance: 1e9 },
    ...{ owns: () => true, onFailure: () => {}, onChanges: () => {} },
  })
  refinery.wake(table)
  await refinery.stop({ finish: true })
  return refinery
}

async function problems(s: Forge): Promise<string[]> {
  const { problems } = await lakeStatus({ duck: s.events.duck, lake: elsewhere(s) })
  return problems
}

it('status tells why, since when and what to type, until the table goes on', async () => {
  await using s = await reset()
  expect(await problems(s)).toEqual([])
  const { halted } = await run(s)
  expect(halted).toMatchObject([{ table: 'shop.t', code: 'TABLE_HALTED' }])
  const [told, ...more] = await problems(s)
  expect(more).toEqual([])
  expect(told).toMatch(/^shop\.t stands still since \d{4}-\d\d-\d\d \d\d:\d\d UTC \(TABLE_HALTED\): /)
  expect(told).toContain('`binlake resume shop.t`')
  expect(told).not.toContain('secret')
  const { tables } = await lakeStatus({ duck: s.events.duck, lake: elsewhere(s) })
  expect(tables.find(found => found.table === 'shop.t')?.halt).toMatchObject({ ...halted[0], taken: 0 })

  const before = await haltOf(elsewhere(s), table)
  await run(s)
  expect(await haltOf(elsewhere(s), table), 'the same halt, found again after a restart').toEqual(before)

  const at = { ...context(s), lake: elsewhere(s) }
  await resume(at, await planResume(at, 'shop.t'))
  expect((await problems(s)).join()).toContain('the next `binlake run` looks again')
  expect((await run(s)).halted).toEqual([])
  expect(await problems(s)).toEqual([])
  for await (const { path } of s.events.lake.store.list('bronze/_binlake/')) expect(path).not.toContain('halts')
}, 60_000)

it('a halt that another worker told of is void once silver has moved, and a rebuild ends it', async () => {
  await using s = await reset()
  const halted = { table: 'shop.t', code: 'TABLE_HALTED', reason: 'look' }
  await new Halts(s.events.lake).tell(table, halted)
  expect(await haltOf(elsewhere(s), table)).toMatchObject(halted)
  await s.ingest(c(2, 'b', { pos: 901 }))
  const at = { ...context(s), lake: elsewhere(s) }
  await resume(at, await planResume(at, 'shop.t'))
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await haltOf(elsewhere(s), table)).toBeUndefined()
  await new Halts(s.events.lake).tell(table, halted)
  expect(await haltOf(elsewhere(s), table)).toMatchObject(halted)
  await s.events.replay({ ...(await s.way('t')), proveOnly: false })
  expect(await haltOf(elsewhere(s), table)).toBeUndefined()
}, 60_000)
