import fc from 'fast-check'
import { expect, test } from 'vitest'
import { connectorFindings as findings } from '../../../../infra/debezium/connector-rules.ts'
import { connectorConfig, fill } from '../../../../infra/debezium/template.ts'

const slot = (name: string) => `\${${name}}`

const places = {
  host: 'db',
  port: 3306,
  user: 'debezium',
  password: 'pw',
  ssl: 'required',
  prefix: 'shop',
  database: 'shop',
  brokers: 'kafka:9092',
  replication: 1,
}

test('every placeholder is filled and the result is safe', async () => {
  const config = await connectorConfig(places)
  expect(JSON.stringify(config)).not.toMatch(/\$\{/)
  expect(findings(config)).toEqual([])
  expect(config).toMatchObject({
    'database.hostname': 'db',
    'database.port': '3306',
    'topic.prefix': 'shop',
    'database.include.list': 'shop',
    'signal.data.collection': 'shop.dbz_signal',
    'signal.kafka.topic': 'shop-signals',
    'schema.history.internal.kafka.topic': '_shop.schema-history',
    'schema.history.internal.kafka.bootstrap.servers': 'kafka:9092',
    'topic.creation.default.replication.factor': '1',
    'exactly.once.support': 'required',
  })
})

test('MariaDB has a connector of its own, as safe as MySQL’s, whose driver reads years as numbers', async () => {
  const [mysql, mariadb] = [await connectorConfig(places), await connectorConfig({ ...places, ssl: 'trust' }, 'mariadb')]
  expect(findings(mariadb)).toEqual([])
  const other = { 'connector.class': 'io.debezium.connector.mariadb.MariaDbConnector', 'driver.yearIsDateType': 'false' }
  const { 'driver.connectionTimeZone': _zone, 'driver.forceConnectionTimeZoneToSession': _force, ...shared } = mysql
  expect(mariadb).toEqual({ ...shared, ...other, 'database.ssl.mode': 'trust' })
  const { 'driver.yearIsDateType': _, ...without } = mariadb
  expect(findings(without).map(({ setting }) => setting)).toEqual(['driver.yearIsDateType'])
})

test('a value is taken as it stands, also when it looks like a placeholder or a pattern', () => {
  fc.assert(
    fc.property(fc.string(), password => {
      expect(fill({ a: `x${slot('password')}y` }, { password })).toEqual({ a: `x${password}y` })
    }),
  )
  const odd = `${slot('file:/secrets:pw')} $& ${slot('one')}`
  expect(fill({ a: slot('one') }, { one: odd })).toEqual({ a: odd })
})

test('a missing or an idle value is an error', () => {
  expect(() => fill({ 'database.port': slot('port') }, {})).toThrow('database.port needs a value for port')
  expect(() => fill({ a: 'x' }, { b: 1 })).toThrow('no setting takes b')
})
