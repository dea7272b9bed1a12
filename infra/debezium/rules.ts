// The values of a connector's configuration that binlake's promises rest on (cdc-spec §7).
// Guarantee: an absent setting is judged by Debezium's own default, as it would take effect.

export interface Rule {
  setting: string
  /** What applies when the setting is absent. */
  byDefault: string
  /** For people: what it should be. */
  wanted: string
  safe: (value: string) => boolean
  why: string
}

function is(setting: string, wanted: string, byDefault: string, why: string): Rule {
  return { setting, wanted, byDefault, why, safe: value => value === wanted }
}

const json = 'org.apache.kafka.connect.json.JsonConverter'
const workers = '(the worker’s own, which cannot be read)'

const summer = 'in a server whose zone has summer time, a snapshot would move the TIMESTAMPs of summer by an hour'

export const rules: readonly Rule[] = [
  is(
    'value.converter.replace.null.with.default',
    'false',
    'true',
    'a NULL in a column with a default would arrive as that default',
  ),
  is('event.converting.failure.handling.mode', 'fail', 'warn', 'a value that cannot be converted would arrive as NULL'),
  is('event.processing.failure.handling.mode', 'fail', 'fail', 'an event that cannot be processed would be left out'),
  is('inconsistent.schema.handling.mode', 'fail', 'fail', 'events of a table with an unknown schema would be left out'),
  is('schema.history.internal.skip.unparseable.ddl', 'false', 'false', 'a schema change could be missed and rows be misread'),
  is('errors.tolerance', 'none', 'none', 'failed records would be left out, and order decides the result'),
  is('skipped.operations', 'none', 't', 'truncates (t) or other operations would be lost'),
  is('decimal.handling.mode', 'string', 'precise', 'binlake reads decimals as exact text'),
  is(
    'time.precision.mode',
    'microseconds',
    'adaptive_time_microseconds',
    'the unit of a time would depend on its column and be misread',
  ),
  is('binary.handling.mode', 'bytes', 'bytes', 'binlake decodes binary columns from base64'),
  is('bigint.unsigned.handling.mode', 'long', 'long', 'binlake restores unsigned numbers from mode long'),
  is('enable.time.adjuster', 'false', 'true', 'years below 100 would be rewritten'),
  is('tombstones.on.delete', 'false', 'true', 'tombstones carry no position; only compacted topics need them'),
  is('provide.transaction.metadata', 'true', 'false', 'replayed events are recognised by their place in the transaction'),
  is('include.schema.changes', 'true', 'true', 'column types are taken from the schema-change topic'),
  is('topic.creation.default.cleanup.policy', 'delete', 'delete', 'compaction removes history that replay and audit need'),
  is('field.name.adjustment.mode', 'none', 'none', 'columns would arrive under other names'),
  is('key.converter', json, workers, 'binlake reads JSON'),
  is('value.converter', json, workers, 'binlake reads JSON'),
  is('snapshot.fetch.size', '', '', 'with it the snapshot reads TIME columns wrongly (Debezium 3.6.1)'),
  is(
    'driver.yearIsDateType',
    'false',
    'true',
    'MariaDB’s driver fails on the year 0000, and an incremental snapshot then stands still with its table locked',
  ),
  is('driver.connectionTimeZone', 'UTC', 'SERVER', summer),
  is('driver.forceConnectionTimeZoneToSession', 'true', 'false', summer),
  is('transforms', '', '', 'a transformation may drop or reorder events, or change the envelope'),
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
  },
]

/** Rules that another setting makes void: with idempotence Kafka keeps the order of up to five requests; some are of one connector only. */
export function applies(rule: Rule, config: Record<string, string>): boolean {
  const idempotent = config['producer.override.enable.idempotence'] === 'true' || config['exactly.once.support'] === 'required'
  if (rule.setting.startsWith('driver.'))
    return (rule.setting === 'driver.yearIsDateType') === /mariadb/i.test(config['connector.class'] ?? '')
  return !(idempotent && rule.setting === 'producer.override.max.in.flight.requests.per.connection')
}
