import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findCuts } from '../../../../processors/as-of/find-cuts.ts'
import { openEngine, type QueryEngine } from '../../../../sql/engine.ts'
import { parsePoint } from '../../../../sql/point.ts'
import { toJson } from '../../../../sql/values.ts'
import { multiplied } from '../../multiplied.ts'
import { ForgedLake } from '../forged-lake.ts'
import { type Change, ForgedServer, type Mark, type State } from '../forged-server.ts'

async function withLake(server: ForgedServer, use: (lake: ForgedLake, engine: QueryEngine) => Promise<void>): Promise<void> {
  const lake = await ForgedLake.open(server)
  try {
    await use(lake, openEngine(lake.lake.store, { cut: findCuts(lake.lake, { threads: 1 }), threads: 1 }))
  } finally {
    await lake.close()
  }
}

async function ask(engine: QueryEngine, text: string, point: string): Promise<{ rows: unknown[][]; said: string[] }> {
  await using result = await engine.query(text, { asOf: parsePoint(point) })
  const rows: unknown[][] = []
  for await (const block of result.rows(toJson)) rows.push(...block)
  return { rows, said: result.report.said }
}

/** Both tables at once, as the server's state has them. */
async function stateAt(engine: QueryEngine, point: string): Promise<State> {
  const { rows } = await ask(engine, "select 'a', id, v from silver.a union all select 'b', id, v from silver.b", point)
  const state: State = { a: {}, b: {} }
  for (const [table, id, v] of rows) state[table as string]![id as number] = v as string
  return state
}

const position = ({ file, pos }: Mark) => `${file}:${pos}`

/** A server in which every kind of thing has happened once. */
function eventful(options: { gtids?: boolean } = {}): ForgedServer {
  const server = new ForgedServer(options)
  server.seed([
    { table: 'a', id: 1, v: 'seed' },
    { table: 'b', id: 9, v: 'seed' },
  ])
  server.snapshot()
  server.transaction([
    { table: 'a', id: 1, v: 'a1' },
    { table: 'b', id: 1, v: 'b1' },
    { table: 'a', id: 2, v: 'a2' },
  ])
  server.transaction([])
  server.transaction([{ table: 'b', id: 1, v: null }])
  server.truncate('a')
  server.transaction([{ table: 'a', id: 1, v: 'again' }])
  server.rotate()
  server.transaction([
    { table: 'b', id: 1, v: 'back' },
    { table: 'a', id: 1, v: null },
  ])
  server.transaction([{ table: 'b', id: 1, v: 'newest' }])
  return server
}

describe('as of a binlog point', () => {
  it('shows all tables after that transaction and before the next, by GTID, GTID set and position', async () => {
    const server = eventful()
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      for (const mark of [server.start!, ...server.marks]) {
        expect(await stateAt(engine, mark.executed), mark.executed).toEqual(mark.state)
        expect(await stateAt(engine, position(mark)), position(mark)).toEqual(mark.state)
        if (mark.gtid !== '') expect(await stateAt(engine, mark.gtid), mark.gtid).toEqual(mark.state)
      }
    })
  }, 60_000)

  it('takes a position inside a transaction for the state before it, whichever table the query names', async () => {
    const server = eventful()
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      let before = server.start!.state
      for (const { inside, state, file } of server.marks) {
        for (const pos of inside) {
          expect(await stateAt(engine, `${file}:${pos}`), `${file}:${pos}`).toEqual(before)
          const { rows } = await ask(engine, 'select id, v from silver.a', `${file}:${pos}`)
          expect(Object.fromEntries(rows), `${file}:${pos}`).toEqual(before.a)
        }
        before = state
      }
    })
  }, 120_000)

  it('answers positions where the server has no GTIDs', async () => {
    const server = eventful({ gtids: false })
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      let before = server.start!
      for (const mark of server.marks) {
        expect(await stateAt(engine, position(mark)), position(mark)).toEqual(mark.state)
        const middle = `${mark.file}:${mark.inside.at(-1)}`
        const { rows } = await ask(engine, 'select id, v from silver.a', middle)
        expect(Object.fromEntries(rows), middle).toEqual(before.state.a)
        before = mark
      }
      await expect(stateAt(engine, server.marks[0]!.gtid)).rejects.toMatchObject({ code: 'AS_OF_ELSEWHERE' })
    })
  }, 60_000)

  it('shows histories up to the point, markers of deleted keys, and computes gold', async () => {
    const server = eventful()
    const [first] = server.marks
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      const history = await ask(engine, 'select id, v, _op, _is_current from silver.a_history order by _seq', first!.gtid)
      expect(history.rows).toEqual([
        [1, 'seed', 'r', false],
        [1, 'a1', 'u', true],
        [2, 'a2', 'c', true],
      ])
      const deleted = await ask(engine, 'select id, _op from silver.b_deleted', server.marks[2]!.gtid)
      expect(deleted.rows).toEqual([[1, 'd']])
      expect((await ask(engine, 'from silver.b_deleted', first!.gtid)).rows).toEqual([])
    })
  }, 60_000)

  it('refuses what it cannot answer exactly, and says what it could', async () => {
    const server = eventful()
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      const uuid = server.marks[0]!.gtid.split(':')[0]!
      const refused = (point: string, text = 'from silver.a') =>
        ask(engine, text, point).then(
          () => 'answered',
          error => `${error.code} ${error.message}`,
        )
      expect(await refused(`${uuid}:99`)).toMatch(/^AS_OF_UNKNOWN .*:12-18$/)
      expect(await refused(`${uuid}:1-99`)).toMatch(/^AS_OF_UNKNOWN/)
      expect(await refused(`${uuid}:3`)).toMatch(/^AS_OF_TOO_OLD .*earliest point is .*:11 /)
      expect(await refused('7a5b0f66-0000-11f1-8e47-02fc00000002:1')).toMatch(/^AS_OF_ELSEWHERE .*no transaction of this server/)
      expect(await refused('binlog.000001:200')).toMatch(/^AS_OF_TOO_OLD .*begins at binlog.000001:1158/)
      expect(await refused('mysql-bin.000001:2000')).toMatch(/^AS_OF_ELSEWHERE .*called binlog/)
      expect(await refused(`${uuid}:14`, 'from bronze.a')).toMatch(/^SQL_REFUSED .*bronze/)
      expect(await refused(`${uuid}:14`, 'from silver.a_live')).toMatch(/^SQL_REFUSED .*now/)
      expect(await refused('yesterday')).toMatch(/^SQL_POINT_INVALID/)
    })
  }, 60_000)

  it('says when a position is past everything that the lake knows', async () => {
    const server = eventful()
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      const newest = await ask(engine, 'from silver.b', position(server.marks.at(-1)!))
      expect(newest.said.join()).toContain('if MySQL committed more')
      const older = await ask(engine, 'from silver.b', position(server.marks[0]!))
      expect(older.said.join()).not.toContain('if MySQL')
    })
  }, 60_000)

  it('waits for a table that has not got so far', async () => {
    const server = eventful()
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine(['a'])
      server.transaction([
        { table: 'a', id: 7, v: 'x' },
        { table: 'b', id: 7, v: 'x' },
      ])
      server.transaction([{ table: 'a', id: 8, v: 'x' }])
      await lake.ingest()
      await lake.refine(['b'])
      const [both, alone] = server.marks.slice(-2)
      await expect(ask(engine, 'from silver.a', both!.gtid)).rejects.toMatchObject({ code: 'AS_OF_BEHIND', retryable: true })
      await expect(ask(engine, 'from silver.a', position(alone!))).rejects.toMatchObject({ code: 'AS_OF_BEHIND' })
      expect((await ask(engine, 'select v from silver.b where id = 7', alone!.gtid)).rows).toEqual([['x']])
      await lake.refine()
      expect(await stateAt(engine, both!.gtid)).toEqual(both!.state)
    })
  }, 60_000)

  it('follows a failover by GTIDs, and by positions where they are clear', async () => {
    const server = eventful()
    server.failover(7)
    server.truncate('b')
    server.transaction([
      { table: 'a', id: 5, v: 'on b' },
      { table: 'b', id: 5, v: 'on b' },
    ])
    server.transaction([{ table: 'a', id: 5, v: null }])
    await withLake(server, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      for (const mark of server.marks) {
        expect(await stateAt(engine, mark.executed), mark.executed).toEqual(mark.state)
        expect(await stateAt(engine, mark.gtid), mark.gtid).toEqual(mark.state)
        expect(await stateAt(engine, position(mark)), position(mark)).toEqual(mark.state)
      }
    })
    const clash = eventful()
    clash.failover(1)
    clash.transaction([{ table: 'a', id: 5, v: 'on b' }])
    await withLake(clash, async (lake, engine) => {
      await lake.ingest()
      await lake.refine()
      await expect(stateAt(engine, position(clash.marks[0]!))).rejects.toMatchObject({ code: 'AS_OF_AMBIGUOUS' })
      expect(await stateAt(engine, clash.marks[0]!.gtid)).toEqual(clash.marks[0]!.state)
      const onlyNew = clash.marks.at(-1)!.gtid.replace(/:(\d+)$/, ':1-$1')
      await expect(stateAt(engine, onlyNew)).rejects.toMatchObject({ code: 'AS_OF_AMBIGUOUS' })
    })
  }, 120_000)

  it('equals the server at the end of every transaction, whatever happened and however it came into the lake', {
    timeout: multiplied(240_000),
  }, async () => {
    const change = fc.record({
      table: fc.constantFrom('a', 'b'),
      id: fc.integer({ min: 1, max: 5 }),
      v: fc.option(fc.constantFrom('x', 'y', 'z'), { freq: 3 }),
    })
    const step = fc.oneof(
      { weight: 10, arbitrary: fc.array(change, { maxLength: 4 }).map(changes => ({ changes: changes as Change[] })) },
      { weight: 1, arbitrary: fc.constantFrom('a', 'b').map(table => ({ truncate: table })) },
      { weight: 1, arbitrary: fc.constant({ rotate: true }) },
      { weight: 2, arbitrary: fc.record({ ingest: fc.integer({ min: 1, max: 12 }) }) },
      { weight: 1, arbitrary: fc.constant({ snapshot: true }) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { maxLength: 5 }),
        fc.array(step, { minLength: 2, maxLength: 14 }),
        async (seed, steps) => {
          const server = new ForgedServer()
          server.seed(seed as Change[])
          server.snapshot()
          server.transaction([
            { table: 'a', id: 1, v: 'first' },
            { table: 'b', id: 1, v: 'first' },
          ])
          await withLake(server, async (lake, engine) => {
            for (const one of steps) {
              if ('changes' in one) server.transaction(one.changes)
              else if ('truncate' in one) server.truncate(one.truncate)
              else if ('rotate' in one) server.rotate()
              else if ('snapshot' in one) server.snapshot({ again: true })
              else {
                await lake.ingest({ records: one.ingest })
                await lake.refine()
              }
            }
            await lake.ingest()
            await lake.refine()
            for (const mark of server.marks) {
              for (const point of [mark.executed, mark.gtid, position(mark)])
                expect(await stateAt(engine, point), point).toEqual(mark.state)
            }
          })
        },
      ),
      { numRuns: multiplied(5) },
    )
  })
})
