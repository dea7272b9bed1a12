// Scenarios of cdc-spec §8 about values: numbers, decimals, times, zero dates, NULL, BOOL and JSON (docs/column-types.md).
import { afterEach, expect, it } from 'vitest'
import { connectorFindings } from '../../../infra/debezium/connector-rules.ts'
import { connectorConfig } from '../../../infra/debezium/template.ts'
import type { SourceColumn, SourceTable } from '../../../processors/source-schema.ts'
import { c, Forge, type Forged, keyText, type Row, r, raw, type Source, u, valueText } from './forge.ts'

type Declared = Partial<SourceColumn> & Pick<SourceColumn, 'name' | 'typeName'>

function table(key: Declared, ...columns: Declared[]): SourceTable {
  const all = [key, ...columns].map((column, i) => ({ optional: column !== key, position: i + 1, ...column }))
  return { database: 'shop', table: 't', primaryKey: [key.name], columns: all }
}
const id: Declared = { name: 'id', typeName: 'INT' }
const open = (...columns: Declared[]) => Forge.open({ schemas: [table(id, ...columns)] })

/** A number as Debezium's JSON spells it, beyond what JavaScript can hold; see `exact`. */
const number = (digits: string) => `#${digits}#`
/** The event with its numbers spelled out. */
function exact(event: Forged, pos: number): Forged {
  const spelled = (text: string | null) => text?.replace(/"#([^"]*)#"/g, '$1') ?? null
  return raw(spelled(valueText({ ...event, pos })), { key: spelled(keyText(event)) })
}
/** `c` with what `schemas.enable` puts around it: the schema of each column of the new image. */
function wrapped(row: Row, fields: Record<string, object>, source: Source & { pos: number }): Forged {
  const image = {
    field: 'after',
    type: 'struct',
    fields: Object.entries(fields).map(([field, schema]) => ({ field, ...schema })),
  }
  const payload = JSON.parse(valueText({ ...c(row.id as number, row), ...source })!)
  return raw(
    { schema: { type: 'struct', fields: [{ ...image, field: 'before' }, image] }, payload },
    { key: { id: row.id as number } },
  )
}

const zone = process.env.TZ
afterEach(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

it('scenario 31: BIGINT keys 9007199254740992 and 9007199254740993 are two rows', async () => {
  await using s = await Forge.open({ schemas: [table({ name: 'id', typeName: 'BIGINT' }, { name: 'v', typeName: 'TEXT' })] })
  const one = number('9007199254740992')
  const two = number('9007199254740993')
  await s.step(exact(c({ id: one }, { id: one, v: 'a' }), 10), exact(c({ id: two }, { id: two, v: 'b' }), 20))
  await s.step(exact(u({ id: two }, { id: two, v: 'c' }), 30))
  expect(await s.silver()).toEqual([
    ['9007199254740992', 'a'],
    ['9007199254740993', 'c'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 32: BIGINT UNSIGNED 18446744073709551615 is exact, as a value and as a key', async () => {
  const unsigned = { typeName: 'BIGINT UNSIGNED' }
  await using s = await Forge.open({ schemas: [table({ name: 'id', ...unsigned }, { name: 'n', ...unsigned })] })
  // The connector's mode `long` wraps: −1 is 2^64−1, and −2^63 is 2^63.
  const [max, half] = [number('-1'), number('-9223372036854775808')]
  await s.step(exact(c({ id: max }, { id: max, n: half }), 10), exact(c({ id: half }, { id: half, n: max }), 20))
  expect(await s.silver()).toEqual([
    ['18446744073709551615', '9223372036854775808'],
    ['9223372036854775808', '18446744073709551615'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 33: DECIMAL(20,4) "-0.0100" is exact; bytes are read by the scale that their event tells, or stop the table', async () => {
  await using s = await open({ name: 'd', typeName: 'DECIMAL', length: 20, scale: 4 })
  const as = (schema: object) => ({ id: { type: 'int32' }, d: schema })
  const bytes = (scale: number) =>
    as({ type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: `${scale}` } })
  await s.step(
    c(1, { id: 1, d: '-0.0100' }, { pos: 10 }),
    wrapped({ id: 2, d: '12.5000' }, as({ type: 'string' }), { pos: 20 }),
    wrapped({ id: 3, d: '/w==' }, bytes(2), { pos: 30 }),
    // Good base64, and a good number: it is 0xD76DF8 of scale 4.
    wrapped({ id: 4, d: '1234' }, bytes(4), { pos: 40 }),
    wrapped({ id: 5, d: 'AIrHIwSJ5//8' }, bytes(4), { pos: 50 }),
  )
  const silver = [
    ['1', '-0.0100'],
    ['2', '12.5000'],
    ['3', '-0.0100'],
    ['4', '-265.8824'],
    ['5', '999999999999999.9996'],
  ]
  expect(await s.silver()).toEqual(silver)
  expect(await s.identical()).toBe('identical')
  await s.step(wrapped({ id: 6, d: '1.5' }, as({ type: 'double' }), { pos: 60 }))
  expect(s.halted['shop.t']).toMatchObject({ code: 'TABLE_HALTED', reason: expect.stringContaining('as double') })
  expect(await s.silver()).toEqual(silver)
})

it('scenario 34: TIME −838:59:59 and 25:00:00 are exact', async () => {
  await using s = await open({ name: 'at', typeName: 'TIME', length: 6 })
  await s.step(c(1, { id: 1, at: -3_020_399_000_000 }), c(2, { id: 2, at: 90_000_000_000 }), c(3, { id: 3, at: -1 }))
  expect(await s.silver()).toEqual([
    ['1', '-3020399000000'],
    ['2', '90000000000'],
    ['3', '-1'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 35: a DATETIME is of one scale whether its events say that they count milliseconds or microseconds', async () => {
  await using s = await open({ name: 'at', typeName: 'DATETIME', length: 3 })
  const unit = (name: string) => ({ id: { type: 'int32' }, at: { type: 'int64', name: `io.debezium.time.${name}` } })
  const micros = Date.parse('2026-11-21T10:00:00.123Z') * 1_000
  await s.step(
    wrapped({ id: 1, at: micros / 1_000 }, unit('Timestamp'), { pos: 10 }),
    wrapped({ id: 2, at: micros + 456 }, unit('MicroTimestamp'), { pos: 20 }),
    c(3, { id: 3, at: micros }, { pos: 30 }),
  )
  expect(await s.silver()).toEqual([
    ['1', '2026-11-21 10:00:00.123+00'],
    ['2', '2026-11-21 10:00:00.123456+00'],
    ['3', '2026-11-21 10:00:00.123+00'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 36: TIMESTAMP keeps microseconds, and DATETIME is the same whatever the process takes for its zone', async () => {
  for (const tz of ['UTC', 'America/New_York', 'Asia/Kolkata']) {
    process.env.TZ = tz
    await using s = await open({ name: 'ts', typeName: 'TIMESTAMP', length: 6 }, { name: 'dt', typeName: 'DATETIME', length: 6 })
    const dt = Date.parse('2024-03-10T02:30:00.000Z') * 1_000 + 123_456
    await s.step(c(1, { id: 1, ts: '2018-06-20T13:37:03.123456Z', dt }))
    expect(await s.silver()).toEqual([['1', '2018-06-20 13:37:03.123456+00', '2024-03-10 02:30:00.123456+00']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 37: a zero date is NULL where NULL may be, and a real 1970-01-01 stays', async () => {
  await using s = await open(
    { name: 'da', typeName: 'DATE' },
    { name: 'nn', typeName: 'DATE', optional: false },
    { name: 'ts', typeName: 'TIMESTAMP' },
  )
  // What Debezium makes of zero dates: NULL, the epoch where NULL may not be; and the epoch for TIMESTAMPs of MariaDB's binlog.
  await s.step(
    c(1, { id: 1, da: null, nn: 0, ts: '1970-01-01T00:00:00Z' }),
    c(2, { id: 2, da: 0, nn: 1, ts: '1970-01-01T00:00:01Z' }),
  )
  expect(await s.silver()).toEqual([
    ['1', null, '1970-01-01', null],
    ['2', '1970-01-01', '1970-01-02', '1970-01-01 00:00:01+00'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 38: NULL in a column with a default is NULL; a connector that would send the default is found unsafe', async () => {
  await using s = await open({ name: 'n', typeName: 'INT' })
  await s.step(c(1, { id: 1, n: null }), c(2, { id: 2, n: 5 }))
  expect(await s.silver()).toEqual([
    ['1', null],
    ['2', '5'],
  ])
  expect(await s.identical()).toBe('identical')
  const places = { host: 'db', port: 3306, user: 'u', password: 'p', ssl: 'required', prefix: 'shop', database: 'shop' }
  const { 'value.converter.replace.null.with.default': _, ...config } = await connectorConfig({
    ...places,
    brokers: 'k:9092',
    replication: 3,
  })
  expect(connectorFindings(config).map(({ setting }) => setting)).toEqual(['value.converter.replace.null.with.default'])
})

it('scenario 39: BOOL is the same as 1 from a snapshot and as true from the binlog, and no version of its own', async () => {
  await using s = await open({ name: 'b', typeName: 'BOOL' })
  await s.step(c(1, { id: 1, b: true }, { pos: 10 }), c(2, { id: 2, b: false }, { pos: 20 }))
  await s.step(
    r(1, { id: 1, b: 1 }, { pos: 30, snapshot: 'incremental' }),
    r(2, { id: 2, b: 0 }, { pos: 30, snapshot: 'incremental' }),
  )
  expect(await s.silver()).toEqual([
    ['1', '1'],
    ['2', '0'],
  ])
  expect((await s.history('t', 'id', 'b')).map(version => version.slice(1))).toEqual([
    ['1', '1'],
    ['2', '0'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 40: a JSON document is the same however it was printed, and its numbers are intact', async () => {
  await using s = await open({ name: 'j', typeName: 'JSON' })
  const big = '[1e400,18446744073709551615,-12345678901234567890123456789]'
  await s.step(
    r(1, { id: 1, j: '{"a": 1, "b": [1.0, 2]}' }, { pos: 10 }),
    r(2, { id: 2, j: big.replaceAll(',', ', ') }, { pos: 10 }),
  )
  await s.step(r(1, { id: 1, j: '{"a":1,"b":[1,2]}' }, { pos: 20 }), r(2, { id: 2, j: big }, { pos: 20 }))
  expect(await s.silver()).toEqual([
    ['1', '{"a":1,"b":[1,2]}'],
    ['2', '[1e400,18446744073709551615,-1.2345678901234567890123456789e28]'],
  ])
  expect(await s.history('t', 'id')).toHaveLength(2)
  expect(await s.identical()).toBe('identical')
})
