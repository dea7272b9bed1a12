import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTails } from '../../../processors/live.ts'
import { openEngine, type QueryEngine } from '../../../sql/engine.ts'
import { toJson } from '../../../sql/values.ts'
import { multiplied } from '../multiplied.ts'
import { ForgedLake } from './forged-lake.ts'
import { type Change, ForgedServer } from './forged-server.ts'

async function withLake(server: ForgedServer, use: (lake: ForgedLake) => Promise<void>): Promise<void> {
  const lake = await ForgedLake.open(server)
  try {
    await use(lake)
  } finally {
    await lake.close()
  }
}

const engineOf = (lake: ForgedLake) => openEngine(lake.lake.store, { tail: readTails(lake), threads: 1 })

async function rows(engine: QueryEngine, text: string): Promise<unknown[][]> {
  await using result = await engine.query(text)
  const all: unknown[][] = []
  for await (const block of result.rows(toJson)) all.push(...block)
  return all
}

const everything = (table: string) => `select * from ${table} order by id`

describe('<table>_live', () => {
  it('sees bronze before any silver, beyond silver, and silver alone', async () => {
    const server = new ForgedServer()
    server.seed([{ table: 'a', id: 1, v: 'one' }])
    server.snapshot()
    await withLake(server, async lake => {
      const engine = engineOf(lake)
      await lake.ingest()
      expect(await rows(engine, 'select id, v from silver.a_live')).toEqual([[1, 'one']])
      await lake.refine()
      expect(await rows(engine, 'select id, v from silver.a_live')).toEqual([[1, 'one']])
      server.transaction([
        { table: 'a', id: 1, v: 'uno' },
        { table: 'a', id: 2, v: 'due' },
      ])
      server.transaction([{ table: 'a', id: 2, v: null }])
      await lake.ingest()
      expect(await rows(engine, 'select id, v from silver.a')).toEqual([[1, 'one']])
      expect(await rows(engine, 'select id, v from silver.a_live where id < 5')).toEqual([[1, 'uno']])
      expect(await rows(engine, 'select l.v, s.v from silver."shop.a_live" l join silver.a s using (id)')).toEqual([
        ['uno', 'one'],
      ])
      server.truncate('a')
      await lake.ingest()
      expect(await rows(engine, 'select count(*) from silver.a_live')).toEqual([[0]])
    })
  })

  it('has the columns of silver, in their order', async () => {
    const server = new ForgedServer()
    server.snapshot()
    server.transaction([{ table: 'a', id: 1, v: 'x' }])
    await withLake(server, async lake => {
      await lake.ingest()
      const engine = engineOf(lake)
      const before = await rows(engine, 'describe silver.a_live')
      await lake.refine()
      expect(before).toEqual(await rows(engine, 'describe silver.a'))
    })
  })

  it('needs the policy, a table, and leaves nothing behind', async () => {
    const server = new ForgedServer()
    server.snapshot()
    server.transaction([{ table: 'a', id: 1, v: 'x' }])
    await withLake(server, async lake => {
      await lake.ingest()
      await expect(openEngine(lake.lake.store).query('from silver.a_live')).rejects.toMatchObject({
        code: 'SQL_LIVE_UNAVAILABLE',
        message: expect.stringContaining('BINLAKE_POLICY'),
      })
      await expect(engineOf(lake).query('from silver.c_live')).rejects.toMatchObject({ code: 'SQL_UNKNOWN_TABLE' })
      await lake.refine()
      for (const name of ['a_history_live', 'schema_changes_live'])
        await expect(engineOf(lake).query(`from silver.${name}`)).rejects.toMatchObject({
          code: 'SQL_LIVE_UNAVAILABLE',
          message: expect.stringContaining('only tables of the source'),
        })
      await expect(
        engineOf(lake).query("select * from silver.a_live, read_parquet('/tmp/binlake-live-*/tail.parquet')"),
      ).rejects.toMatchObject({ code: 'SQL_REFUSED' })
    })
  })

  it('equals silver after everything is merged, whatever has been merged before', { timeout: multiplied(120_000) }, async () => {
    const change = fc.record({
      table: fc.constantFrom('a', 'b'),
      id: fc.integer({ min: 1, max: 6 }),
      v: fc.option(fc.string({ minLength: 1, maxLength: 3, unit: 'grapheme-ascii' })),
    })
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.array(change, { minLength: 1, maxLength: 4 }).map(changes => ({ changes: changes as Change[] })),
      },
      { weight: 1, arbitrary: fc.constantFrom('a', 'b').map(table => ({ truncate: table })) },
      { weight: 3, arbitrary: fc.constantFrom(['a'], ['b'], ['a', 'b']).map(merge => ({ merge })) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 4 }), fc.array(step, { maxLength: 14 }), async (seed, steps) => {
        const server = new ForgedServer()
        server.seed(seed as Change[])
        server.snapshot()
        await withLake(server, async lake => {
          await lake.ingest()
          for (const one of steps) {
            if ('changes' in one) server.transaction(one.changes)
            else if ('truncate' in one) server.truncate(one.truncate)
            else {
              await lake.ingest()
              await lake.refine(one.merge)
            }
          }
          await lake.ingest()
          const engine = engineOf(lake)
          const live = await Promise.all(
            ['silver.a_live', 'silver.b_live'].map(table => rows(engine, everything(table)).catch(e => e.code)),
          )
          await lake.refine()
          const silver = await Promise.all(
            ['silver.a', 'silver.b'].map(table => rows(engine, everything(table)).catch(e => e.code)),
          )
          expect(live).toEqual(silver)
        })
      }),
      { numRuns: multiplied(8) },
    )
  })
})
