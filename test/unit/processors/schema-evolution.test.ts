// Silver follows the source's columns through whatever happens to them, and a rebuild comes to the same.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SourceColumn, SourceTable } from '../../../processors/source-schema.ts'
import { withDropped } from '../../../processors/source-schemas.ts'
import { LakeOfEvents } from './lake-of-events.ts'

const names = ['a', 'b', 'B', 'c', '_path', '_bad', 'C ']
const rules = [...new Set(['id', ...names].map(name => name.toLowerCase()))].map(
  name => `    ${JSON.stringify(name)}: {class: operational, strategy: keep}`,
)
const policy = `version: 1\ntables:\n  t:\n${rules.join('\n')}\n`

type Step =
  | { do: 'write'; id: number; value: number; deleted: boolean }
  | { do: 'add'; name: string; typeName: string }
  | { do: 'drop'; at: number }
  | { do: 'rename'; at: number; name: string }
  | { do: 'retype'; at: number; typeName: string }
  | { do: 'refine' }

const typeName = fc.constantFrom('INT', 'BIGINT')
const at = fc.nat({ max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      id: fc.integer({ min: 1, max: 4 }),
      value: fc.integer({ min: 0, max: 99 }),
      deleted: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('add' as const), name: fc.constantFrom(...names), typeName }) },
  fc.record({ do: fc.constant('drop' as const), at }),
  fc.record({ do: fc.constant('rename' as const), at, name: fc.constantFrom(...names) }),
  fc.record({ do: fc.constant('retype' as const), at, typeName }),
  { weight: 2, arbitrary: fc.constant({ do: 'refine' as const }) },
)

/** MySQL's side: the table as it is, and what silver must say of it. */
class Source {
  schema: SourceTable = { database: 'shop', table: 't', primaryKey: ['id'], columns: [column('id', 'INT')] }
  /** As the source spells its columns now. */
  columns: SourceColumn[] = [column('id', 'INT')]
  readonly rows = new Map<number, Record<string, number>>()

  /** What a DDL statement leaves, as the schema-change topic tells it. */
  alter(columns: SourceColumn[]): void {
    if (new Set(columns.map(({ name }) => name.toLowerCase())).size < columns.length) return
    this.columns = columns.map((one, i) => ({ ...one, position: i + 1 }))
    this.schema = withDropped({ ...this.schema, columns: this.columns }, this.schema)
  }

  image(id: number, value: number): Record<string, number> {
    return Object.fromEntries(this.columns.map(({ name }, i) => [name, name.toLowerCase() === 'id' ? id : value + i]))
  }
}

function column(name: string, typeName: string): SourceColumn {
  return { name, typeName, optional: true, position: 1 }
}

async function play(steps: readonly Step[], events: LakeOfEvents): Promise<Source> {
  const source = new Source()
  const { rows } = source
  let pos = 100
  for (const step of steps) {
    const { columns } = source
    // The key stays.
    const place = 'at' in step ? 1 + step.at : 0
    if (step.do === 'refine') await refine(events, source.schema)
    else if (step.do === 'add') source.alter([...columns, column(step.name, step.typeName)])
    else if (step.do === 'drop') source.alter(columns.filter((_, i) => i !== place))
    else if (step.do === 'rename') source.alter(columns.map((one, i) => (i === place ? { ...one, name: step.name } : one)))
    else if (step.do === 'retype')
      source.alter(columns.map((one, i) => (i === place ? { ...one, typeName: step.typeName } : one)))
    else {
      const { id, value, deleted } = step
      const known = rows.has(id)
      if (deleted && !known) continue
      const after = source.image(id, value)
      pos += 10
      await events.ingest({ op: deleted ? 'd' : known ? 'u' : 'c', pos, after })
      if (deleted) rows.delete(id)
      else rows.set(id, after)
    }
  }
  await refine(events, source.schema)
  return source
}

/** A changed type halts the table in words, until it is rebuilt. */
async function refine(events: LakeOfEvents, schema: SourceTable): Promise<void> {
  try {
    while ((await events.refine({ schema, policy }))?.more);
  } catch (error) {
    expect(error).toMatchObject({ code: 'TABLE_HALTED', message: expect.stringMatching(/changes from .* to .*; rebuild/) })
    await events.replay({ schema, policy })
    await events.refine({ schema, policy })
  }
}

/** Silver's rows by the columns the policy lets through, in lower case: NULL where the newest image has none. */
async function compare(events: LakeOfEvents, { schema, rows }: Source): Promise<void> {
  const snapshot = await events.lake.current('silver/shop/t')
  if (!snapshot) return expect(rows.size).toBe(0)
  const fields = snapshot.fields.map(({ name }) => name).filter(name => !name.startsWith('_'))
  const wanted = [...rows.values()].map(row => {
    const folded = new Map(Object.entries(row).map(([name, value]) => [name.toLowerCase().replaceAll(' ', '_'), String(value)]))
    return fields.map(name => folded.get(name.toLowerCase()) ?? null)
  })
  const held = await events.rows('silver/shop/t', ...fields)
  expect(held.map(row => JSON.stringify(row)).sort()).toEqual(wanted.map(row => JSON.stringify(row)).sort())
  expect(new Set(fields.map(name => name.toLowerCase())).size).toBe(fields.length)
  expect(await events.replay({ schema, policy, proveOnly: true })).toMatchObject({ verdict: 'identical' })
}

describe('schema evolution', { timeout: 240_000 }, () => {
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
      { numRuns: 12 },
    )
  })

  it.each<[string, Step[]]>([
    ['a column comes', [write(1, 5), { do: 'refine' }, { do: 'add', name: 'a', typeName: 'INT' }, write(2, 6)]],
    [
      'a column goes, and old rows keep what they had',
      [{ do: 'add', name: 'a', typeName: 'INT' }, write(1, 5), write(2, 5), { do: 'refine' }, { do: 'drop', at: 0 }, write(1, 6)],
    ],
    [
      'a renamed column is a new one',
      [
        { do: 'add', name: 'a', typeName: 'INT' },
        write(1, 5),
        { do: 'refine' },
        { do: 'rename', at: 0, name: 'c' },
        write(1, 6),
        write(2, 7),
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
      'a wider type waits for a replay',
      [
        { do: 'add', name: 'a', typeName: 'INT' },
        write(1, 5),
        { do: 'refine' },
        { do: 'retype', at: 0, typeName: 'BIGINT' },
        write(2, 6),
      ],
    ],
    [
      'a dropped name comes back with another type',
      [
        { do: 'add', name: 'a', typeName: 'INT' },
        write(1, 5),
        { do: 'refine' },
        { do: 'drop', at: 0 },
        write(2, 6),
        { do: 'refine' },
        { do: 'add', name: 'a', typeName: 'BIGINT' },
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
