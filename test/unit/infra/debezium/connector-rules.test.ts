import { expect, test } from 'vitest'
import { connectorRules, connectorFindings as findings } from '../../../../infra/debezium/connector-rules.ts'
import { describe as inWords } from '../../../../infra/debezium/rule.ts'
import { connectorConfig } from '../../../../infra/debezium/template.ts'

const safe = await connectorConfig({
  host: 'db',
  port: 3306,
  user: 'u',
  password: 'p',
  ssl: 'required',
  prefix: 'shop',
  database: 'shop',
  brokers: 'k:9092',
  replication: 3,
})

const unsafe: [setting: string, value: string][] = [
  ['driver.connectionTimeZone', 'SERVER'],
  ['driver.forceConnectionTimeZoneToSession', 'false'],
  ['value.converter.replace.null.with.default', 'true'],
  ['event.converting.failure.handling.mode', 'warn'],
  ['event.processing.failure.handling.mode', 'skip'],
  ['inconsistent.schema.handling.mode', 'warn'],
  ['schema.history.internal.skip.unparseable.ddl', 'true'],
  ['errors.tolerance', 'all'],
  ['skipped.operations', 't'],
  ['decimal.handling.mode', 'double'],
  ['time.precision.mode', 'adaptive'],
  ['binary.handling.mode', 'hex'],
  ['bigint.unsigned.handling.mode', 'precise'],
  ['enable.time.adjuster', 'true'],
  ['tombstones.on.delete', 'true'],
  ['provide.transaction.metadata', 'false'],
  ['include.schema.changes', 'false'],
  ['topic.creation.default.cleanup.policy', 'compact'],
  ['field.name.adjustment.mode', 'avro'],
  ['key.converter', 'io.confluent.connect.avro.AvroConverter'],
  ['value.converter', 'io.confluent.connect.avro.AvroConverter'],
  ['snapshot.select.statement.overrides', 'shop.orders'],
  ['snapshot.fetch.size', '10240'],
  ['transforms', 'unwrap'],
  ['producer.override.acks', '1'],
]

test.each(unsafe)('%s=%s is found, and nothing else', (setting, value) => {
  const list = findings({ ...safe, [setting]: value })
  expect(list).toMatchObject([{ setting, found: value }])
  expect(list[0]!.wanted).not.toBe('')
  expect(list[0]!.why).not.toBe('')
})

test('every rule is tried above, except the one that idempotence makes void and MariaDB’s own', () => {
  const tried = new Set(unsafe.map(([setting]) => setting))
  expect(connectorRules.map(rule => rule.setting).filter(setting => !tried.has(setting))).toEqual([
    'driver.yearIsDateType',
    'producer.override.max.in.flight.requests.per.connection',
  ])
})

test('several requests in flight are unsafe only without idempotence', () => {
  const setting = 'producer.override.max.in.flight.requests.per.connection'
  expect(findings({ ...safe, [setting]: '5' })).toEqual([])
  const without = {
    ...safe,
    [setting]: '5',
    'exactly.once.support': 'requested',
    'producer.override.enable.idempotence': 'false',
  }
  expect(findings(without)).toMatchObject([{ setting, found: '5' }])
})

test("an absent setting is judged by Debezium's default", () => {
  const bare = findings({ 'connector.class': 'io.debezium.connector.mysql.MySqlConnector' })
  expect(bare.map(finding => finding.setting).toSorted()).toEqual([
    'decimal.handling.mode',
    'driver.connectionTimeZone',
    'driver.forceConnectionTimeZoneToSession',
    'enable.time.adjuster',
    'event.converting.failure.handling.mode',
    'key.converter',
    'provide.transaction.metadata',
    'skipped.operations',
    'time.precision.mode',
    'tombstones.on.delete',
    'value.converter',
    'value.converter.replace.null.with.default',
  ])
  expect(bare.every(finding => finding.found.startsWith('(default) '))).toBe(true)
})

test('a finding reads as a sentence', () => {
  const list = findings({ ...safe, 'skipped.operations': 't' })
  expect(inWords(list)).toBe('skipped.operations is t, should be none: truncates (t) or other operations would be lost')
})
