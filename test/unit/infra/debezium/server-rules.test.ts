import { expect, test } from 'vitest'
import { serverFindings } from '../../../../infra/debezium/server-rules.ts'

const broken = (variables: Record<string, string>, flavour: 'mysql' | 'mariadb') =>
  serverFindings(new Map(Object.entries(variables)), flavour).map(({ setting, found }) => `${setting}=${found}`)

test('a server as cdc-spec §7 asks for breaks nothing, and a variable that it has not is not asked for', () => {
  const shared = { log_bin: 'ON', binlog_format: 'ROW', binlog_row_image: 'FULL', binlog_expire_logs_seconds: '2592000' }
  expect(
    broken({ ...shared, gtid_mode: 'ON', binlog_row_value_options: '', binlog_transaction_compression: 'OFF' }, 'mysql'),
  ).toEqual([])
  expect(broken({ ...shared, log_bin_compress: 'OFF', gtid_strict_mode: 'ON' }, 'mariadb')).toEqual([])
})

test('what is unsafe is named, by the server’s own kind', () => {
  const variables = { binlog_format: 'MIXED', binlog_expire_logs_seconds: '3600', gtid_mode: 'OFF', gtid_strict_mode: 'OFF' }
  expect(broken(variables, 'mysql')).toEqual(['binlog_format=MIXED', 'binlog_expire_logs_seconds=3600', 'gtid_mode=OFF'])
  expect(broken(variables, 'mariadb')).toEqual(['binlog_format=MIXED', 'binlog_expire_logs_seconds=3600', 'gtid_strict_mode=OFF'])
  expect(broken({ binlog_row_value_options: 'PARTIAL_JSON', binlog_expire_logs_seconds: '0' }, 'mysql')).toEqual([
    'binlog_row_value_options=PARTIAL_JSON',
  ])
})
