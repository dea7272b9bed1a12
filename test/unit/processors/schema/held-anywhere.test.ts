// Changes of a schema at any place of a history, taken, held, approved and rejected: however it was cut, silver is one, and a rebuild's.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decideFor } from '../../../../processors/decisions.ts'
import { SourceSchemas, schemaKind } from '../../../../processors/source-schemas.ts'
import { multiplied } from '../../multiplied.ts'
import { c, d, Forge, type Forged, r, t, u } from '../../scenarios/forge.ts'
import { ddl, type ForgedColumn, keep } from '../../scenarios/schema-events.ts'

const id: ForgedColumn = { name: 'id', type: 'INT' }

/** What may happen to the columns; those with a `!` wait for a word. */
const alterations = ['add', 'default', 'drop', 'rename', 'widen', 'narrow!', 'incompatible!', 'index'] as const
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('w', 'w', 'w', 'd', 't', 'r'),
      id: fc.integer({ min: 1, max: 3 }),
      partition: fc.nat({ max: 1 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom(...alterations), at: fc.nat({ max: 3 }) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
const history = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 14 }),
  cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
  back: fc.nat({ max: 4 }),
  several: fc.boolean(),
})

/** The records of a history of table `t`, as MySQL and Debezium would make them. */
function recordsOf(steps: readonly Step[], several: boolean): Forged[] {
  let columns: ForgedColumn[] = [id, { name: 'v', type: 'INT' }]
  let [pos, named] = [10, 0]
  const live = new Map<number, Record<string, unknown>>()
  const value = (column: ForgedColumn) => (column.type === 'VARCHAR' ? `x${pos}` : pos)
  const row = (key: number) => Object.fromEntries(columns.map(column => [column.name, column === id ? key : value(column)]))
  const records = [ddl({ pos: 5, type: 'CREATE', ddl: 'CREATE TABLE t (…)', columns, snapshot: 'true' })]
  for (const one of steps) {
    pos += 10
    if ('at' in one) {
      const place = 1 + (one.at % Math.max(1, columns.length - 1))
      const column = columns[place]
      const put = (next: ForgedColumn) => columns.map((old, i) => (i === place ? next : old))
      let statement = ''
      if (one.do === 'add' || one.do === 'default') {
        const name = `n${named++}`
        columns = [...columns, { name, type: 'INT' }]
        statement = `ADD COLUMN ${name} INT${one.do === 'default' ? ' DEFAULT 7' : ''}`
      } else if (one.do === 'index' || !column) statement = 'ADD INDEX (id)'
      else if (one.do === 'drop') {
        columns = columns.filter((_, i) => i !== place)
        statement = `DROP COLUMN ${column.name}`
      } else if (one.do === 'rename') {
        const name = `n${named++}`
        columns = put({ ...column, name })
        statement = `RENAME COLUMN ${column.name} TO ${name}`
      } else {
        const wider = {
          INT: 'BIGINT',
          BIGINT: 'VARCHAR',
          VARCHAR: 'VARCHAR',
          SMALLINT: 'INT',
          DATE: 'DATETIME',
          DATETIME: 'DATETIME',
        }[column.type]!
        const next = { 'narrow!': 'SMALLINT', 'incompatible!': column.type === 'DATE' ? 'INT' : 'DATE', widen: wider }[
          one.do as 'widen'
        ]!
        columns = put({ name: column.name, type: next, ...(next === 'VARCHAR' ? { length: 40 } : {}) })
        statement = `MODIFY ${column.name} ${next}`
      }
      records.push(ddl({ pos, ddl: `ALTER TABLE t ${statement}`, columns }))
      continue
    }
    const { partition } = one
    const at = { pos, ...(several ? { partition: one.id % 2 } : {}) }
    const before = live.get(one.id)
    if (one.do === 't' && !several) {
      live.clear()
      records.push(t({ pos, ...(partition === 9 ? { partition } : {}) }))
    } else if (one.do === 'd' && before) {
      live.delete(one.id)
      records.push(d(one.id, { ...at, before: { ...Object.fromEntries(columns.map(({ name }) => [name, null])), id: one.id } }))
    } else if (one.do === 'r' && before) records.push(r(one.id, row(one.id), { ...at, snapshot: 'incremental' }))
    else {
      records.push((before ? u : c)(one.id, row(one.id), at))
      live.set(one.id, row(one.id))
    }
  }
  return records
}

/** Silver, history and what waits, with every column there is. */
async function stateOf(forge: Forge) {
  const columns = (await forge.events.lake.current('silver/shop/t'))?.fields.map(({ name }) => name) ?? []
  const own = columns.filter(name => !name.startsWith('_') && name !== 'id').sort()
  return { own, silver: await forge.silver('t', 'id', ...own), history: (await forge.history('t', 'id', ...own)).sort() }
}

it('however a history with schema changes was cut, silver is one, and what a rebuild makes', {
  timeout: multiplied(400_000),
}, async () => {
  const policy = keep('id', 'v', ...Array.from({ length: 20 }, (_, i) => `n${i}`))
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, cuts, back, several }) => {
      const records = recordsOf(steps, several)
      const rows = records.filter(({ topic }) => topic === undefined)
      // Sent again by a connector that went back.
      const all = [...records, ...rows.slice(Math.max(0, rows.length - back))]
      await using cut = await Forge.open({ schemas: [], policy })
      await using whole = await Forge.open({ schemas: [], policy })
      await whole.step(...all)
      for (let at = 0, i = 0; at < all.length; i++) {
        const size = cuts[i % cuts.length]!
        await cut.step(...all.slice(at, at + size))
        at += size
      }
      for (;;) {
        expect(cut.halted).toEqual({})
        expect(await cut.identical()).toMatch(/^(identical|no bronze|new)$/)
        // A column that has come without a default is there with the first row that has it.
        const [one, other] = [await stateOf(cut), await stateOf(whole)]
        const common = one.own.filter(name => other.own.includes(name))
        expect(await cut.silver('t', 'id', ...common)).toEqual(await whole.silver('t', 'id', ...common))
        expect((await cut.history('t', 'id', ...common)).sort()).toEqual((await whole.history('t', 'id', ...common)).sort())
        const plan = await new SourceSchemas(cut.events.duck, cut.events.lake).plan({ database: 'shop', table: 't' })
        const held = plan?.steps.find(({ state }) => state === 'held')
        if (!held) return
        const verdict = held.changes.every(({ kind }) => kind === 'narrowed') ? 'reject' : 'approve'
        for (const forge of [cut, whole]) {
          const content = { change: held.version.id, verdict }
          await decideFor(forge.events, [{ table: { database: 'shop', table: 't' }, kind: schemaKind, content }])
          await forge.refine()
        }
      }
    }),
    { numRuns: multiplied(8) },
  )
})
