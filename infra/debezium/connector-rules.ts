// The values of a connector's configuration that binlake's promises rest on (cdc-spec §7).
// Guarantee: an absent setting is judged by Debezium's own default, as it would take effect.
import { broken, type Finding, is, type Rule } from './rule.ts'

const json = 'org.apache.kafka.connect.json.JsonConverter'
const workers = '(the worker’s own, which cannot be read)'

const summer = 'in a server whose zone has summer time, a snapshot would move the TIMESTAMPs of summer by an hour'

/** A rule with Debezium's default. */
function at(setting: string, wanted: string, byDefault: string, why: string, flavour?: Rule['flavour']): Rule {
  return is(setting, wanted, why, { byDefault, ...(flavour ? { flavour } : {}) })
}

export const connectorRules: readonly Rule[] = [
  at(
    'value.converter.replace.null.with.default',
    'false',
    'true',
    'a NULL in a column with a default would arrive as that default',
  ),
  at('event.converting.failure.handling.mode', 'fail', 'warn', 'a value that cannot be converted would arrive as NULL'),
  at('event.processing.failure.handling.mode', 'fail', 'fail', 'an event that cannot be processed would be left out'),
  at('inconsistent.schema.handling.mode', 'fail', 'fail', 'events of a table with an unknown schema would be left out'),
  at('schema.history.internal.skip.unparseable.ddl', 'false', 'false', 'a schema change could be missed and rows be misread'),
  at('errors.tolerance', 'none', 'none', 'failed records would be left out, and order decides the result'),
  at('skipped.operations', 'none', 't', 'truncates (t) or other operations would be lost'),
  at('decimal.handling.mode', 'string', 'precise', 'binlake reads decimals as exact text'),
  at(
    'time.precision.mode',
    'microseconds',
    'adaptive_time_microseconds',
    'the unit of a time would depend on its column and be misread',
  ),
  at('binary.handling.mode', 'bytes', 'bytes', 'binlake decodes binary columns from base64'),
  at('bigint.unsigned.handling.mode', 'long', 'long', 'binlake restores unsigned numbers from mode long'),
  at('enable.time.adjuster', 'false', 'true', 'years below 100 would be rewritten'),
  at('tombstones.on.delete', 'false', 'true', 'tombstones carry no position; only compacted topics need them'),
  at('provide.transaction.metadata', 'true', 'false', 'replayed events are recognised by their place in the transaction'),
  at('include.schema.changes', 'true', 'true', 'column types are taken from the schema-change topic'),
  at('topic.creation.default.cleanup.policy', 'delete', 'delete', 'compaction removes history that replay and audit need'),
  at('field.name.adjustment.mode', 'none', 'none', 'columns would arrive under other names'),
  at('key.converter', json, workers, 'binlake reads JSON'),
  at('value.converter', json, workers, 'binlake reads JSON'),
  at('snapshot.select.statement.overrides', '', '', 'rows that a snapshot leaves out would be taken for gone, and leave silver'),
  at('snapshot.fetch.size', '', '', 'with it the snapshot reads TIME columns wrongly (Debezium 3.6.1)'),
  at(
    'driver.yearIsDateType',
    'false',
    'true',
    'MariaDB’s driver fails on the year 0000, and an incremental snapshot then stands still with its table locked',
    'mariadb',
  ),
  at('driver.connectionTimeZone', 'UTC', 'SERVER', summer, 'mysql'),
  at('driver.forceConnectionTimeZoneToSession', 'true', 'false', summer, 'mysql'),
  at('transforms', '', '', 'a transformation may drop or reorder events, or change the envelope'),
  {
    setting: 'producer.override.acks',
    wanted: 'all',
    byDefault: 'all',
    safe: value => value === 'all' || value === '-1',
    why: 'an acknowledged change could be lost when a broker fails',
  },
  {
    setting: 'producer.override.max.in.flight.requests.per.connection',
    wanted: '1, or idempotence on',
    byDefault: '1',
    safe: value => value === '1',
    why: 'a retried request could change the order of events',
    // With idempotence Kafka keeps the order of up to five requests.
    unless: config =>
      config.get('producer.override.enable.idempotence') === 'true' || config.get('exactly.once.support') === 'required',
  },
]

/** The rules that a connector's configuration breaks. Pure. */
export function connectorFindings(config: Record<string, string>): Finding[] {
  const flavour = /mariadb/i.test(config['connector.class'] ?? '') ? 'mariadb' : 'mysql'
  return broken(connectorRules, new Map(Object.entries(config)), flavour)
}
