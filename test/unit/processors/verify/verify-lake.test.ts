// What must not pass for equality though no row differs: held and halted tables, other policies, and what only one of the two sides has.
import { expect, it } from 'vitest'
import type { SourceRows } from '../../../../connectors/source-rows.ts'
import { parsePolicy } from '../../../../privacy/policy.ts'
import { Halts } from '../../../../processors/halts.ts'
import { verifyLake } from '../../../../processors/verify/verify-lake.ts'
import { c, Forge, type Forged } from '../../scenarios/forge.ts'
import { ddl, type ForgedColumn, keep } from '../../scenarios/schema-events.ts'

const id: ForgedColumn = { name: 'id', type: 'INT' }
const v: ForgedColumn = { name: 'v', type: 'VARCHAR', length: 20 }
const create = (table = 't'): Forged =>
  ddl({ pos: 5, type: 'CREATE', ddl: `CREATE TABLE ${table} (…)`, columns: [id, v], snapshot: 'true', table })
const policyText = keep('id', 'v', 'w')

type Tables = Record<string, { columns?: string[]; rows: string[][] }>

/** A source of these tables, columns `id` and `v` unless they say otherwise. */
function sourceOf(tables: Tables): SourceRows {
  return {
    position: 'a list',
    async rows({ table }) {
      const found = tables[table]
      return (
        found &&
        (async function* () {
          yield* found.rows
        })()
      )
    },
    async columns(databases) {
      if (!databases.includes('shop')) return []
      return Object.entries(tables).flatMap(([table, { columns = ['id', 'v'] }]) =>
        columns.map(column => ({ database: 'shop', table, column })),
      )
    },
    async [Symbol.asyncDispose]() {},
  }
}

async function verify(s: Forge, source: Tables, more: { policy?: string; tables?: string[]; uncaptured?: string } = {}) {
  const { duck, lake, folder } = s.events
  const { log } = s.events.way()
  const verdict = await verifyLake({
    ...{ duck, lake, log, duckOptions: { threads: 1 }, keys: new Map(), scratch: folder, patience: 0 },
    policy: parsePolicy(more.policy ?? policyText, 'policy.yaml'),
    openSource: async () => sourceOf(source),
    tables: more.tables,
    uncaptured: ({ table }) => (table === more.uncaptured ? 'left out' : undefined),
  })
  const told = verdict.tables.map(({ table, equal, skipped, failed }) => [
    table,
    failed?.code ?? skipped ?? (equal ? 'equal' : 'differs'),
  ])
  return { equal: verdict.equal, told: Object.fromEntries(told) as Record<string, string>, tables: verdict.tables }
}

const rows = [
  ['1', 'a'],
  ['2', 'b'],
]
async function started(): Promise<Forge> {
  const s = await Forge.open({ schemas: [], policy: policyText })
  await s.step(create(), c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 12 }))
  return s
}

it('is equal where all rows are', async () => {
  await using s = await started()
  expect(await verify(s, { t: { rows } })).toMatchObject({ equal: true, told: { 'shop.t': 'equal' } })
})

it('a table that waits at a held change is said to wait, though no row differs', async () => {
  await using s = await started()
  await s.step(ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY v VARCHAR(5)', columns: [id, { ...v, length: 5 }] }))
  const found = await verify(s, { t: { rows } })
  expect(found).toMatchObject({ equal: false, told: { 'shop.t': 'SCHEMA_HELD' } })
  expect(found.tables[0]!.failed!.reason).toContain('`binlake schema approve shop.t`')
})

it('a table that has halted is said to have, though no row differs', async () => {
  await using s = await started()
  const halted = { table: 'shop.t', code: 'TABLE_HALTED', reason: 'what to type' }
  await new Halts(s.events.lake).tell({ database: 'shop', table: 't' }, halted)
  const found = await verify(s, { t: { rows } })
  expect(found).toMatchObject({ equal: false, told: { 'shop.t': 'TABLE_HALTED' } })
  expect(found.tables[0]!.failed!.reason).toContain('what to type')
  // One that waits for its schema change goes on by itself.
  await new Halts(s.events.lake).tell({ database: 'shop', table: 't' }, { ...halted, code: 'SCHEMA_BEHIND' })
  expect(await verify(s, { t: { rows } })).toMatchObject({ equal: true })
})

it('silver of another policy is none of this one, though every column that is compared is equal', async () => {
  await using s = await started()
  const dropped = policyText.replace('v: {class: operational, strategy: keep}', 'v: {class: personal, strategy: drop}')
  expect(await verify(s, { t: { rows: [['1'], ['2']] } }, { policy: dropped })).toMatchObject({
    equal: false,
    told: { 'shop.t': 'POLICY_CHANGED' },
  })
})

it('a table that MySQL has no more is one only if a statement dropped it', async () => {
  await using s = await started()
  await s.step(create('u'), c(1, { id: 1, v: 'x' }, { pos: 14, table: 'u' }))
  const policy = `${policyText}  u:\n    id: {class: operational, strategy: keep}\n`
  expect(await verify(s, { u: { rows: [['1']] } }, { policy })).toMatchObject({
    equal: false,
    told: { 'shop.t': 'MYSQL_TABLE_CHANGED', 'shop.u': 'differs' },
  })
  await s.step(ddl({ pos: 20, type: 'DROP', ddl: 'DROP TABLE `t`' }))
  const { told } = await verify(s, { u: { rows: [['1']] } }, { policy })
  expect(told['shop.t']).toContain('silver keeps the rows')
})

it('a table of MySQL that the lake has not heard of is missed if the policy names it and the connector captures it', async () => {
  await using s = await started()
  const policy = `${policyText}  u:\n    id: {class: operational, strategy: keep}\n`
  const source = { t: { rows }, u: { rows: [['1']] }, unnamed: { rows: [['1']] } }
  const found = await verify(s, source, { policy })
  expect(found).toMatchObject({ equal: false, told: { 'shop.t': 'equal', 'shop.u': 'VERIFY_NOT_IN_LAKE' } })
  expect(Object.keys(found.told)).toHaveLength(2)
  expect(await verify(s, source, { policy, uncaptured: 'u' })).toMatchObject({ equal: true, told: { 'shop.t': 'equal' } })
})

it('a column of MySQL that the lake has not heard of is missed if the policy names it', async () => {
  await using s = await started()
  const found = await verify(s, { t: { rows, columns: ['id', 'v', 'w', 'unnamed'] } })
  expect(found).toMatchObject({ equal: false, told: { 'shop.t': 'MYSQL_TABLE_CHANGED' } })
  expect(found.tables[0]!.failed!.reason).toContain('(w)')
  expect(await verify(s, { t: { rows, columns: ['ID', 'v', 'unnamed'] } })).toMatchObject({ equal: true })
})

it('a schema change that comes while the table is read is taken at once', async () => {
  await using s = await started()
  const { duck, lake, folder } = s.events
  let asked = 0
  const { equal } = await verifyLake({
    ...{ duck, lake, log: s.events.way().log, duckOptions: { threads: 1 }, keys: new Map(), scratch: folder, patience: 10_000 },
    policy: parsePolicy(policyText, 'policy.yaml'),
    openSource: async () => ({
      ...sourceOf({ t: { columns: ['id'], rows: [['1'], ['2']] } }),
      rows: async (_, columns) => {
        if (++asked === 1) {
          await s.step(ddl({ pos: 20, ddl: 'ALTER TABLE t DROP v', columns: [id] }))
          throw Object.assign(new Error('no column v'), { code: 'MYSQL_TABLE_CHANGED', retryable: true })
        }
        expect(columns.map(({ name }) => name)).toEqual(['id'])
        return sourceOf({ t: { rows: [['1'], ['2']] } }).rows({ database: 'shop', table: 't' }, columns)
      },
    }),
  })
  expect([equal, asked]).toEqual([true, 2])
})

it('a name that is no table does not hide behind one that is', async () => {
  await using s = await started()
  const found = await verify(s, { t: { rows } }, { tables: ['t', 'shop.tt'] })
  expect(found).toMatchObject({ equal: false, told: { 'shop.t': 'equal', 'shop.tt': 'VERIFY_NOT_IN_LAKE' } })
})

it('a table that is captured no more is compared all the same, because people read it', async () => {
  await using s = await started()
  expect(await verify(s, { t: { rows: [...rows, ['3', 'c']] } }, { uncaptured: 't' })).toMatchObject({
    equal: false,
    told: { 'shop.t': 'differs' },
  })
})
