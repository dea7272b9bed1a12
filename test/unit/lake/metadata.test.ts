import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MetaData } from '../../../lake/actions.ts'
import { planMetaData } from '../../../lake/metadata.ts'
import { type DeltaType, type Field, field, parseSchema, schemaString } from '../../../lake/schema.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'

const table = { store: undefined as never, path: 'silver/shop/t' }

function snapshot(fields: Field[], more: Partial<MetaData> = {}): Snapshot {
  const metaData: MetaData = {
    id: 'the-id',
    format: { provider: 'parquet', options: {} },
    schemaString: schemaString(fields),
    partitionColumns: [],
    configuration: { own: '1' },
    ...more,
  }
  const nothing = { files: new Map(), txns: new Map(), tombstones: new Map() }
  return { version: 3, timestamp: 0, protocol: { minReaderVersion: 1, minWriterVersion: 2 }, metaData, fields, ...nothing }
}

const plan = (mode: 'append' | 'merge' | 'overwrite', base: Snapshot, fields: Field[], now = base) =>
  planMetaData(table, { mode, base, metaData: { fields } }, now)

const [a, b] = [field('a', 'long'), field('b', 'string')]

describe('planMetaData', () => {
  it('adds a column under the same id and properties, and says nothing when nothing changes', () => {
    const base = snapshot([a])
    expect(plan('merge', base, [a])).toBeUndefined()
    const changed = plan('merge', base, [a, b])!
    expect(changed).toMatchObject({ id: 'the-id', configuration: { own: '1' } })
    expect(parseSchema(changed.schemaString)).toEqual([a, b])
  })

  it.each<[string, Field[]]>([
    ['drops a column', [b]],
    ['changes a type', [field('a', 'integer'), b]],
    ['widens a type', [field('a', 'decimal(20,0)'), b]],
    ['reuses a name with another type inside a struct', [a, field('b', { type: 'struct', fields: [a] })]],
    ['renames a column in case only', [field('A', 'long'), b]],
  ])('refuses an append or a merge that %s; an overwrite may, except for names', (_, fields) => {
    const base = snapshot([a, b])
    for (const mode of ['append', 'merge'] as const)
      expect(() => plan(mode, base, fields)).toThrow(expect.objectContaining({ code: 'LAKE_SCHEMA_CHANGE' }))
    expect(parseSchema(plan('overwrite', base, fields)!.schemaString)).toEqual(fields)
  })

  it.each([' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '=', '\0'])('refuses a name with %j, for every mode', char => {
    for (const mode of ['merge', 'overwrite'] as const) {
      expect(() => plan(mode, snapshot([a]), [a, field(`x${char}`, 'long')])).toThrow(
        expect.objectContaining({ code: 'LAKE_SCHEMA_INVALID' }),
      )
    }
  })

  it('refuses names that differ in case only, and none at all', () => {
    for (const name of ['A', '']) {
      expect(() => plan('overwrite', snapshot([a]), [a, field(name, 'long')])).toThrow(
        expect.objectContaining({ code: 'LAKE_SCHEMA_INVALID' }),
      )
    }
  })

  it('after a lost race goes on if the columns still fit the table, and plans anew if not', () => {
    const base = snapshot([a])
    expect(plan('append', base, [a], snapshot([a, b]))).toBeUndefined()
    expect(() => plan('append', base, [a], snapshot([field('a', 'string')]))).toThrow(
      expect.objectContaining({ code: 'LAKE_CONFLICT', retryable: true }),
    )
  })

  it('an append or a merge only ever adds columns, whatever is asked', () => {
    const types: DeltaType[] = ['long', 'string', 'decimal(10,2)', { type: 'array', elementType: 'long', containsNull: true }]
    const column = fc.record({ name: fc.constantFrom('a', 'A', 'b', 'c', 'd'), type: fc.constantFrom(...types) })
    const some = { minLength: 1, maxLength: 4 }
    const fields = fc.uniqueArray(column, { selector: ({ name }) => name, ...some })
    const valid = fc.uniqueArray(column, { selector: ({ name }) => name.toLowerCase(), ...some })
    const made = (list: { name: string; type: DeltaType }[]) => list.map(({ name, type }) => field(name, type))
    fc.assert(
      fc.property(valid, fields, fc.constantFrom('append', 'merge'), (before, wanted, mode) => {
        let after: MetaData | undefined
        try {
          after = plan(mode, snapshot(made(before)), made(wanted))
        } catch (error) {
          expect(['LAKE_SCHEMA_CHANGE', 'LAKE_SCHEMA_INVALID']).toContain((error as { code: string }).code)
          return
        }
        const held = parseSchema((after ?? snapshot(made(before)).metaData).schemaString)
        for (const column of made(before)) expect(held).toContainEqual(column)
        expect(new Set(held.map(({ name }) => name.toLowerCase())).size).toBe(held.length)
      }),
    )
  })
})
