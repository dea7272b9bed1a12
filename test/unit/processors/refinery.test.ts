// A table that is built anew takes its time: the other tables' merges go on meanwhile, and its own wait.
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import type { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { parsePolicy } from '../../../privacy/policy.ts'
import { Refinery } from '../../../processors/refinery.ts'
import { c, Forge, u } from '../scenarios/forge.ts'
import { ddl } from '../scenarios/schema-events.ts'

const policy = `version: 1\ntables:\n${['slow', 'slower', 'quick']
  .map(table => `  ${table}:\n${['id', 'v'].map(column => `    ${column}: {class: operational, strategy: keep}\n`).join('')}`)
  .join('')}`

const columns = (type: string) => [
  { name: 'id', type: 'INT' },
  { name: 'v', type },
]
const create = (table: string, pos: number) =>
  ddl({ table, pos, ddl: `CREATE TABLE ${table} (id INT PRIMARY KEY, v INT)`, columns: columns('INT'), type: 'CREATE' })
const widen = (table: string, pos: number) =>
  ddl({ table, pos, ddl: `ALTER TABLE ${table} MODIFY v BIGINT`, columns: columns('BIGINT'), type: 'ALTER' })

/** The lake's own store; files of some tables take until they are let through. */
class SlowStore {
  readonly store: ObjectStore
  waiting = 0
  readonly #gate = Promise.withResolvers<void>()

  constructor(store: ObjectStore, slow: RegExp) {
    const putFile = async (path: string, file: string) => {
      if (slow.test(path)) {
        this.waiting++
        await this.#gate.promise
      }
      return store.putFile(path, file)
    }
    this.store = new Proxy(store, {
      get(target, name) {
        if (name === 'putFile') return putFile
        const value = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  open(): void {
    this.#gate.resolve()
  }

  fail(error: Error): void {
    this.#gate.reject(error)
  }
}

async function until(done: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await done()); tries++) {
    expect(tries, 'it takes too long').toBeLessThan(100)
    await sleep(50)
  }
}

/** Three tables in silver; the wider column of two of them makes all their rows anew. */
async function shop(): Promise<Forge> {
  const s = await Forge.open({ schemas: [], policy })
  await s.ingest(create('slow', 1), create('slower', 2), create('quick', 3))
  await s.step(...['slow', 'slower', 'quick'].map((table, nth) => c(1, { id: 1, v: 10 }, { table, pos: 10 + nth })))
  await s.ingest(widen('slow', 100), widen('slower', 110))
  await s.ingest(...['slow', 'slower', 'quick'].map((table, nth) => c(2, { id: 2, v: 20 }, { table, pos: 200 + nth })))
  return s
}

function refineryOf(duck: Duck, store: ObjectStore): Refinery {
  const refinery = new Refinery({
    ...{ duck, lake: new Lakehouse(store), policy: parsePolicy(policy, 'policy.yaml'), keys: new Map(), gold: [] },
    ...{ log: pino({ level: 'silent' }), maxRows: 1_000, catchingUp: false, owns: () => true },
    merge: { intervalMs: 20, rate: 1e9, rewrites: 1e6, allowance: 1e9 },
    ...{ onFailure: () => {}, onChanges: () => {} },
  })
  for (const table of ['slow', 'slower', 'quick']) refinery.wake({ database: 'shop', table })
  return refinery
}

const before = [['1', '10']]
const after = [...before, ['2', '20']]

it('other tables go on while tables are built anew, one after the other', async () => {
  await using s = await shop()
  await using duck = await s.events.duck.fork()
  const slow = new SlowStore(s.events.lake.store, /^silver\/shop\/slow/)
  const refinery = refineryOf(duck, slow.store)
  try {
    await until(() => slow.waiting > 0)
    await until(async () => JSON.stringify(await s.silver('quick')) === JSON.stringify(after))
    await s.ingest(u(1, { id: 1, v: 11 }, { table: 'quick', pos: 300 }), c(3, { id: 3, v: 30 }, { table: 'slow', pos: 310 }))
    for (const table of ['quick', 'slow']) refinery.wake({ database: 'shop', table }, 1)
    await until(async () => JSON.stringify(await s.silver('quick')) === '[["1","11"],["2","20"]]')
    expect(await s.silver('slow')).toEqual(before)
    expect(await s.silver('slower')).toEqual(before)
    expect(slow.waiting, 'one rebuild at a time, and no merge of its table beside it').toBe(1)
    slow.open()
    await until(async () => (await s.silver('slow')).length === 3 && (await s.silver('slower')).length === 2)
  } finally {
    slow.open()
    await refinery.stop({ finish: true })
  }
  for (const table of ['slow', 'slower', 'quick']) expect(await s.identical(table)).toBe('identical')
}, 60_000)

it('the end of a run waits for the rebuild under way, and with it for the others', async () => {
  await using s = await shop()
  await using duck = await s.events.duck.fork()
  const slow = new SlowStore(s.events.lake.store, /^silver\/shop\/slow/)
  const refinery = refineryOf(duck, slow.store)
  await until(() => slow.waiting > 0)
  let stopped = false
  const stop = refinery.stop({ finish: true }).then(() => {
    stopped = true
  })
  await sleep(300)
  expect(stopped).toBe(false)
  slow.open()
  await stop
  for (const table of ['slow', 'slower', 'quick']) expect(await s.silver(table)).toEqual(after)
}, 60_000)

it('a rebuild that fails for all tables ends the run', async () => {
  await using s = await shop()
  await using duck = await s.events.duck.fork()
  const slow = new SlowStore(s.events.lake.store, /^silver\/shop\/slow/)
  const refinery = refineryOf(duck, slow.store)
  await until(() => slow.waiting > 0)
  await until(async () => (await s.silver('quick')).length === 2)
  slow.fail(new Error('the disk is full'))
  await expect(refinery.stop({ finish: true })).rejects.toThrow('the disk is full')
}, 60_000)
