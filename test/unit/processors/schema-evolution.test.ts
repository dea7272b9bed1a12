// Silver follows the source's columns through whatever happens to them, and a rebuild comes to the same.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultModes } from '../../../processors/schema/kinds.ts'
import { planTable } from '../../../processors/schema/plan-table.ts'
import { Versions } from '../../../processors/schema/versions.ts'
import type { SourceColumn, SourceTable } from '../../../processors/source-schema.ts'
import { multiplied } from '../multiplied.ts'
import { LakeOfEvents } from './lake-of-events.ts'

const names = ['a', 'b', 'B', 'c', '_path', '_bad', 'C ']
const rules = [...new Set(['id', ...names].map(name => name.toLowerCase()))].map(
  name => `    ${JSON.stringify(name)}: {class: operational, strategy: keep}`,
)
const policy = `version: 1\ntables:\n  t:\n${rules.join('\n')}\n`
const table = { database: 'shop', table: 't' }

type Step =
  | { do: 'write'; id: number; value: number; deleted: boolean }
  | { do: 'add'; name: string; typeName: string; fill?: number }
  | { do: 'drop'; at: number }
  | { do: 'rename'; at: number; name: string }
  | { do: 'retype'; at: number; typeName: string }
  | { do: 'refine' }
  | { do: 'again'; back: number }
  | { do: 'snapshot' }

const typeName = fc.constantFrom('INT', 'BIGINT', 'BIGINT UNSIGNED', 'VARCHAR')
const at = fc.nat({ max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      id: fc.integer({ min: 1, max: 4 }),
      value: fc.integer({ min: -9, max: 99 }),
      deleted: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record(
      { do: fc.constant('add' as const), name: fc.constantFrom(...names), typeName, fill: fc.integer({ min: 0, max: 9 }) },
      { requiredKeys: ['do', 'name', 'typeName'] },
    ),
  },
  fc.record({ do: fc.constant('drop' as const), at }),
  fc.record({ do: fc.constant('rename' as const), at, name: fc.constantFrom(...names) }),
  fc.record({ do: fc.constant('retype' as const), at, typeName }),
  fc.record({ do: fc.constant('again' as const), back: fc.integer({ min: 1, max: 4 }) }),
  fc.constant({ do: 'snapshot' as const }),
  { weight: 2, arbitrary: fc.constant({ do: 'refine' as const }) },
)

/** How wide a column's type is: MySQL goes up alone without losing a value. */
const widths = ['INT', 'BIGINT', 'BIGINT UNSIGNED', 'VARCHAR']

type Row = Record<string, number | string | null>
type Written = { op: string; pos: number; before?: Row; after?: Row; row: Row }

/** MySQL's side: the table as it is, what its log says, and what silver must say of it. */
class Source {
  columns: SourceColumn[] = [column('id', 'INT')]
  readonly rows = new Map<number, Row>()
  /** What silver shows beside: columns that were dropped, with what they held. */
  readonly gone = new Map<number, Row>()
  readonly versions = new Versions()
  readonly log: Written[] = []
  pos = 100

  constructor() {
    this.#tell('CREATE', 'CREATE TABLE t (id INT PRIMARY KEY)')
  }

  /** As Debezium tells it. */
  #tell(type: 'CREATE' | 'ALTER', ddl: string, snapshot = 'false'): void {
    const source = { file: 'binlog.000001', pos: this.pos, gtid: null, ts_ms: this.pos, ts_us: this.pos * 1_000, snapshot }
    const columns = this.columns.map(({ enumValues: _, ...one }, i) => ({ ...one, position: i + 1 }))
    const change = { type, id: '"shop"."t"', table: { primaryKeyColumnNames: [this.columns[0]!.name], columns } }
    this.versions.add({ source, databaseName: 'shop', ddl, tableChanges: [change] })
  }

  get schema(): SourceTable {
    return planTable(this.versions.of(table), { name: table, decisions: [], modes: defaultModes })!.schema
  }

  alter(columns: SourceColumn[], ddl: string, carry: (row: Row) => Row, fold: (gone: Row) => Row = gone => gone): void {
    if (new Set(columns.map(({ name }) => name.toLowerCase())).size < columns.length) return
    this.columns = columns
    this.pos += 10
    for (const [id, row] of this.rows) {
      this.gone.set(id, fold({ ...this.gone.get(id), ...row }))
      this.rows.set(id, carry(row))
    }
    this.#tell('ALTER', `ALTER TABLE t ${ddl}`)
  }

  snapshot(): Written[] {
    this.pos += 10
    this.#tell('CREATE', 'CREATE TABLE `t` (…)', 'true')
    return [...this.rows.values()].map(row => ({ op: 'r', pos: this.pos, after: row, row }))
  }

  write({ id, value, deleted }: { id: number; value: number; deleted: boolean }): Written | undefined {
    const known = this.rows.get(id)
    if (deleted && !known) return undefined
    this.pos += 10
    const row = Object.fromEntries(
      this.columns.map(({ name, typeName }, i) => {
        if (i === 0) return [name, id]
        const one = typeName === 'BIGINT UNSIGNED' ? Math.abs(value) + i : value + i
        return [name, typeName === 'VARCHAR' ? String(one) : one]
      }),
    )
    const written = deleted
      ? { op: 'd', pos: this.pos, before: known!, row: known! }
      : { op: known ? 'u' : 'c', pos: this.pos, after: row, row }
    if (deleted) {
      this.rows.delete(id)
      this.gone.delete(id)
    } else {
      this.rows.set(id, row)
      this.gone.set(id, {})
    }
    this.log.push(written)
    return written
  }
}

function column(name: string, typeName: string): SourceColumn {
  return { name, typeName, optional: true, position: 1, ...(typeName === 'VARCHAR' ? { length: 30 } : {}) }
}

const ticked = (name: string) => `\`${name}\``
const without = (row: Row, ...names: string[]): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.some(one => one.toLowerCase() === name.toLowerCase())))

async function play(steps: readonly Step[], events: LakeOfEvents): Promise<Source> {
  const source = new Source()
  const send = async (...written: Written[]) => {
    for (const { op, pos, row } of written) await events.ingest({ op, pos, after: row, id: Object.values(row)[0] as number })
  }
  for (const step of steps) {
    const { columns } = source
    // The key stays.
    const place = 'at' in step ? 1 + step.at : 0
    const old = columns[place]
    if (step.do === 'refine') await refine(events, source.schema)
    else if (step.do === 'add') {
      const text = step.fill === undefined ? '' : ` DEFAULT ${step.typeName === 'VARCHAR' ? `'${step.fill}'` : step.fill}`
      const fill = step.fill === undefined ? null : step.fill
      source.alter(
        [...columns, column(step.name, step.typeName)],
        `ADD COLUMN ${ticked(step.name)} ${step.typeName}${text}`,
        row => ({ ...row, [step.name]: fill }),
        gone => without(gone, step.name),
      )
    } else if (step.do === 'drop' && old)
      source.alter(
        columns.filter((_, i) => i !== place),
        `DROP COLUMN ${ticked(old.name)}`,
        row => without(row, old.name),
      )
    else if (step.do === 'rename' && (old || step.at < 0)) {
      const was = columns[place]!
      source.alter(
        columns.map((one, i) => (i === place ? { ...one, name: step.name } : one)),
        `RENAME COLUMN ${ticked(was.name)} TO ${ticked(step.name)}`,
        row => Object.fromEntries(Object.entries(row).map(([name, value]) => [name === was.name ? step.name : name, value])),
        gone => without(gone, was.name, step.name),
      )
    } else if (step.do === 'retype' && old && widths.indexOf(step.typeName) > widths.indexOf(old.typeName)) {
      // MySQL refuses to make a negative value unsigned.
      const values = [...source.rows.values()].map(row => Number(row[old.name]))
      if (step.typeName === 'BIGINT UNSIGNED' && values.some(value => value < 0)) continue
      source.alter(
        columns.map((one, i) => (i === place ? column(one.name, step.typeName) : one)),
        `MODIFY ${ticked(old.name)} ${step.typeName}`,
        row => row,
      )
    } else if (step.do === 'again') await send(...source.log.slice(-step.back))
    else if (step.do === 'snapshot') await send(...source.snapshot())
    else if (step.do === 'write') {
      const written = source.write(step)
      if (written) await send(written)
    }
  }
  await refine(events, source.schema)
  return source
}

async function refine(events: LakeOfEvents, schema: SourceTable): Promise<void> {
  while ((await events.refine({ schema, policy }))?.more);
}

/** Silver's rows by the columns the policy lets through, in lower case; those that the source has dropped keep what they held. */
async function compare(events: LakeOfEvents, { schema, rows, gone }: Source): Promise<void> {
  const snapshot = await events.lake.current('silver/shop/t')
  if (!snapshot) return expect(rows.size).toBe(0)
  const now = new Set(schema.columns.map(({ name }) => name.toLowerCase().replaceAll(' ', '_')))
  const fields = snapshot.fields.map(({ name }) => name).filter(name => !name.startsWith('_') && now.has(name.toLowerCase()))
  const wanted = [...rows].map(([id, row]) => {
    const all = Object.entries({ ...gone.get(id), ...row })
    const folded = new Map(
      all.map(([name, value]) => [name.toLowerCase().replaceAll(' ', '_'), value === null ? null : String(value)]),
    )
    return fields.map(name => folded.get(name.toLowerCase()) ?? null)
  })
  const held = await events.rows('silver/shop/t', ...fields)
  expect(held.map(row => JSON.stringify(row)).sort()).toEqual(wanted.map(row => JSON.stringify(row)).sort())
  expect(new Set(fields.map(name => name.toLowerCase())).size).toBe(fields.length)
  const proven = await events.replay({ schema, policy, proveOnly: true })
  expect(proven).toMatchObject({ verdict: 'identical' })
  // A column without a default comes with the first rows that have it.
  expect((proven?.proof?.byDesign ?? []).filter(change => !change.endsWith(' comes'))).toEqual([])
}

describe('schema evolution', { timeout: multiplied(240_000) }, () => {
  it('silver equals the source after any changes of its columns, and the rebuild equals silver', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async steps => {
        const events = await LakeOfEvents.open()
        try {
          const source = await play(steps, events)
          await compare(events, source)
          await events.replay({ schema: source.schema, policy })
          await compare(events, source)
        } finally {
          await events.close()
        }
      }),
      { numRuns: multiplied(12) },
    )
  })

  it.each<[string, Step[]]>([
    ['a column comes', [write(1, 5), { do: 'refine' }, { do: 'add', name: 'a', typeName: 'INT' }, write(2, 6)]],
    [
      'a column comes with a default',
      [
        write(1, 5),
        write(2, 5),
        { do: 'refine' },
        { do: 'add', name: 'a', typeName: 'INT', fill: 7 },
        write(2, 6),
        { do: 'again', back: 3 },
      ],
    ],
    [
      'a column goes, and old rows keep what they had',
      [{ do: 'add', name: 'a', typeName: 'INT' }, write(1, 5), write(2, 5), { do: 'refine' }, { do: 'drop', at: 0 }, write(1, 6)],
    ],
    [
      'a renamed column carries its values',
      [
        { do: 'add', name: 'a', typeName: 'INT' },
        write(1, 5),
        { do: 'refine' },
        { do: 'rename', at: 0, name: 'c' },
        write(3, 6),
        write(2, 7),
        { do: 'again', back: 3 },
      ],
    ],
    [
      'a column renamed in case only is the same, also for events from before',
      [
        { do: 'add', name: 'b', typeName: 'INT' },
        write(1, 5),
        { do: 'rename', at: 0, name: 'B' },
        write(2, 6),
        { do: 'refine' },
        write(1, 7),
      ],
    ],
    [
      'a wider type',
      [
        { do: 'add', name: 'a', typeName: 'INT' },
        write(1, -5),
        { do: 'refine' },
        write(1, 5),
        { do: 'retype', at: 0, typeName: 'BIGINT UNSIGNED' },
        write(2, 6),
        { do: 'again', back: 3 },
      ],
    ],
    [
      'a dropped name comes back as another column',
      [
        { do: 'add', name: 'a', typeName: 'INT' },
        write(1, 5),
        { do: 'refine' },
        { do: 'drop', at: 0 },
        write(2, 6),
        { do: 'refine' },
        { do: 'add', name: 'a', typeName: 'BIGINT', fill: 3 },
        write(2, 7),
      ],
    ],
    [
      'the key renamed in case only',
      [
        write(1, 5),
        write(2, 5),
        { do: 'refine' },
        { do: 'rename', at: -1, name: 'ID' },
        write(3, 6),
        { ...write(1, 5), deleted: true },
        { do: 'refine' },
        { ...write(2, 5), deleted: true },
      ],
    ],
    [
      'a new snapshot tells of the same table once more',
      [{ do: 'add', name: 'a', typeName: 'INT' }, write(1, 5), { do: 'refine' }, { do: 'snapshot' }, write(2, 6)],
    ],
    [
      'columns called as ours',
      [
        { do: 'add', name: '_path', typeName: 'INT' },
        { do: 'add', name: '_bad', typeName: 'INT' },
        write(1, 5),
        { do: 'refine' },
        write(1, 6),
      ],
    ],
  ])('%s', async (_, steps) => {
    const events = await LakeOfEvents.open()
    try {
      await compare(events, await play(steps, events))
    } finally {
      await events.close()
    }
  })
})

function write(id: number, value: number) {
  return { do: 'write' as const, id, value, deleted: false }
}
