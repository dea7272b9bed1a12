// MariaDB and Debezium's connector for it, for real: snapshot, stream, restart, to a silver that is equal (docs/mariadb.md).
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type OwnServer, openOwnServer } from './own-server.ts'

const things = `CREATE TABLE shop.things (
  id UUID NOT NULL PRIMARY KEY, n BIGINT UNSIGNED, price DECIMAL(12,4), doc JSON, at TIMESTAMP(6) NULL, day DATETIME(3), name VARCHAR(40)
)`
const row = (n: number) =>
  `('00000000-0000-0000-0000-00000000000${n}', 18446744073709551615 - ${n}, -0.000${n}, '{"a": [1.0, 1e400], "n": ${n}}', '2024-11-03 01:30:00.12345${n}', '2024-03-10 02:30:00.123', 'Ünïcode 😀 ${n}')`

let server: OwnServer
beforeAll(async () => {
  server = await openOwnServer({
    flavour: 'mariadb',
    env: { TZ: 'America/New_York' },
    policy: `version: 1\ntables:\n  things: {${['id', 'n', 'price', 'doc', 'at', 'day', 'name'].map(name => `${name}: keep`).join(', ')}}\n`,
    before: [things, `INSERT INTO shop.things VALUES ${[1, 2, 3].map(row).join(', ')}`],
  })
}, 300_000)
afterAll(() => server?.close())

it('snapshot, stream and restart end in a silver that is equal to MariaDB, and that bronze makes again', async () => {
  const change = async (statements: string[]) => {
    const connection = await server.connect()
    for (const statement of statements) await connection.query(statement)
    await connection.end()
  }
  await change([
    `INSERT INTO things VALUES ${[4, 5].map(row).join(', ')}`,
    "UPDATE things SET name = 'zwei', n = 0 WHERE id LIKE '%2'",
    "DELETE FROM things WHERE id LIKE '%3'",
  ])
  expect((await server.settle()).tables).toContainEqual(expect.objectContaining({ table: 'shop.things', equal: true }))
  await server.restart()
  await change([
    `INSERT INTO things VALUES ${row(3)}, ${row(6)}`,
    "UPDATE things SET id = '00000000-0000-0000-0000-0000000000ff' WHERE id LIKE '%4'",
    'ALTER TABLE things ADD COLUMN more INT',
    "UPDATE things SET day = '1969-12-31 23:59:59.999' WHERE id LIKE '%1'",
  ])
  await server.settle()
  expect(await server.rows('select n::varchar as n, name from silver.things order by id')).toEqual([
    { n: '18446744073709551614', name: 'Ünïcode 😀 1' },
    { n: '0', name: 'zwei' },
    { n: '18446744073709551612', name: 'Ünïcode 😀 3' },
    { n: '18446744073709551610', name: 'Ünïcode 😀 5' },
    { n: '18446744073709551609', name: 'Ünïcode 😀 6' },
    { n: '18446744073709551611', name: 'Ünïcode 😀 4' },
  ])
  const forms = await server.rows<{ form: string }>(
    `select distinct regexp_replace(_gtid, '[0-9]+', '9', 'g') as form from bronze.things where _op <> 'r'`,
  )
  expect(forms).toEqual([{ form: '9-9-9' }])
  expect((await server.binlake('replay', '--prove')).code).toBe(0)
}, 400_000)

it('every type of MariaDB is equal at its limits, from a snapshot and from the binlog, in a server west of UTC', async () => {
  const { code, stdout, stderr } = await server.binlake('verify', '--types', '--json')
  expect(stderr).toContain('it is dropped at the end')
  const { types, equal, server: of } = JSON.parse(stdout)
  const bad = types.filter(
    ({ snapshot, stream }: Record<string, string>) => ![snapshot, stream].every(way => way === 'equal' || way === 'lost'),
  )
  expect({ bad, equal, code, of }).toEqual({ bad: [], equal: true, code: 0, of: expect.stringMatching(/^MariaDB 1[01]\./) })
  expect(types.filter(({ type }: { type: string }) => type === 'UUID')).toHaveLength(3)
}, 240_000)
