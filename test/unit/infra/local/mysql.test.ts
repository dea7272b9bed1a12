import { expect, test } from 'vitest'
import { accountFile } from '../../../../infra/local/database.ts'
import { serverSettings } from '../../../../infra/local/mysql.ts'

const secrets = { 'mysql-root': 'R-1', debezium: 'D_2', binlake: 'B3' }

test('the binary log is as Debezium needs it', () => {
  expect(serverSettings).toMatchObject({
    'log-bin': 'binlog',
    'loose-binlog-format': 'ROW',
    'binlog-row-image': 'FULL',
    'binlog-row-value-options': '',
    'loose-binlog-transaction-compression': 'OFF',
    'gtid-mode': 'ON',
    'enforce-gtid-consistency': 'ON',
    'bind-address': '127.0.0.1',
  })
  expect(Number(serverSettings['binlog-expire-logs-seconds'])).toBeGreaterThanOrEqual(604_800)
})

test('accounts stay out of the binary log, one statement a line', () => {
  const lines = accountFile(secrets).trimEnd().split('\n')
  expect(lines[0]).toBe('SET sql_log_bin = 0;')
  expect(lines.every(line => line.endsWith(';'))).toBe(true)
  expect(lines).toContain("ALTER USER 'debezium'@'%' IDENTIFIED BY 'D_2';")
  expect(lines.filter(line => line.includes("'root'")).every(line => /'(localhost|127\.0\.0\.1)'/.test(line))).toBe(true)
})

test('debezium may write nothing but its signals', () => {
  const grants = accountFile(secrets)
    .split('\n')
    .filter(line => line.startsWith('GRANT') && line.includes("'debezium'"))
  expect(grants).toEqual([
    "GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* TO 'debezium'@'%';",
    "GRANT CREATE, INSERT, UPDATE, DELETE ON `shop`.`dbz_signal` TO 'debezium'@'%';",
  ])
})

test('a password that could end its literal is refused, and not repeated in the message', () => {
  const call = () => accountFile({ ...secrets, binlake: "x' OR '1" })
  expect(call).toThrow('the password of binlake may hold letters, digits, - and _ only')
})
