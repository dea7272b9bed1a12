// Scenarios of cdc-spec §8 about values, through a real MySQL whose time zone is not UTC: `binlake verify --types` (docs/column-types.md).
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TypesOutcome } from '../../../cli/verify-types.ts'
import { type OwnServer, openOwnServer } from './own-server.ts'

let server: OwnServer
let outcome: TypesOutcome
let tablesLeft: unknown
beforeAll(async () => {
  server = await openOwnServer({ flavour: 'mysql', env: { TZ: 'America/New_York' }, policy: 'version: 1\ntables: {}\n' })
  const connection = await server.connect()
  const [[zone]] = (await connection.query('SELECT @@global.time_zone AS zone, @@system_time_zone AS own')) as unknown as [
    [object],
  ]
  expect(zone).toEqual({ zone: 'SYSTEM', own: expect.stringMatching(/^E[SD]T$/) })
  const { stdout, stderr } = await server.binlake('verify', '--types', '--json')
  if (!stdout) throw new Error(stderr)
  outcome = JSON.parse(stdout)
  expect(outcome.notes).toEqual([])
  ;[tablesLeft] = await connection.query("SHOW TABLES LIKE 'binlake_type_test'")
  await connection.end()
}, 300_000)
afterAll(() => server?.close())

/** What is not equal among types whose declaration matches. What Debezium loses is named, and listed in docs/column-types.md. */
function wrong(declared: RegExp): { bad: string[]; lost: string[] } {
  const tested = outcome.types.filter(({ type }) => declared.test(type))
  expect(tested.length).toBeGreaterThan(0)
  const named = (ways: string[]) =>
    tested
      .filter(({ snapshot, stream }) => ways.includes(snapshot) || ways.includes(stream))
      .map(({ type, limit }) => `${type} ${limit}`)
  return { bad: named(['different', 'missing', 'not run']), lost: named(['lost']) }
}
const fine = { bad: [], lost: [] }

it('scenario 31: BIGINT beyond what a double holds is exact from snapshot and binlog', () => {
  expect(wrong(/^BIGINT$/)).toEqual(fine)
})

it('scenario 32: BIGINT UNSIGNED at its limits is exact from snapshot and binlog', () => {
  expect(wrong(/^BIGINT UNSIGNED/)).toEqual(fine)
})

it('scenario 33: DECIMAL(65,30) and all smaller ones are exact from snapshot and binlog', () => {
  expect(wrong(/^DECIMAL/)).toEqual(fine)
})

it('scenario 34: TIME of ±838 hours and of fractions is exact from snapshot and binlog', () => {
  expect(wrong(/^TIME(\(|$)/)).toEqual(fine)
})

it('scenario 36: TIMESTAMP and DATETIME of every precision hold in a server west of UTC, on days when clocks change too', () => {
  expect(wrong(/^TIMESTAMP.* NULL$/)).toEqual(fine)
  const { bad, lost } = wrong(/^DATETIME/)
  expect(bad).toEqual([])
  expect(new Set(lost.map(text => text.replace(/^\S+ /, '')))).toEqual(new Set(['between the calendars']))
})

it('scenario 37: zero dates are NULL where NULL may be', () => {
  expect(wrong(/^DATE( |$)/)).toEqual(fine)
})

it('scenario 39: TINYINT(1) is its number, and BOOL 0 and 1', () => {
  expect(wrong(/^TINYINT\(1\)/)).toEqual(fine)
  expect(wrong(/^BOOL/)).toEqual({ bad: [], lost: ['BOOL two', 'BOOL min'] })
})

it('scenario 40: JSON of every kind is equal, but for what the binlog’s events lack', () => {
  expect(wrong(/^JSON/)).toEqual({ bad: [], lost: ['JSON time', 'JSON negative time', 'JSON bytes'] })
})

it('every other type is equal at its limits, and the test leaves no table', () => {
  expect(wrong(/./)).toMatchObject({ bad: [] })
  expect(outcome).toMatchObject({ equal: true, notes: [] })
  expect(new Set(outcome.types.map(({ type }) => type)).size).toBeGreaterThan(100)
  expect(tablesLeft).toEqual([])
})
