import { expect, test } from 'vitest'
import { failureMessage, isRunning } from '../../../../infra/debezium/connector.ts'

const running = { state: 'RUNNING' }

test('it runs only with a running connector and running tasks', () => {
  expect(isRunning(undefined)).toBe(false)
  expect(isRunning({ connector: running, tasks: [] })).toBe(false)
  expect(isRunning({ connector: running, tasks: [{ id: 0, state: 'UNASSIGNED' }] })).toBe(false)
  expect(isRunning({ connector: { state: 'PAUSED' }, tasks: [{ id: 0, ...running }] })).toBe(false)
  expect(isRunning({ connector: running, tasks: [{ id: 0, ...running }] })).toBe(true)
})

test('a failure shows the first line, the kind of the innermost cause and what to do', () => {
  const trace = `org.apache.kafka.connect.errors.ConnectException: Error while starting
\tat io.debezium.A.b(A.java:1)
Caused by: java.lang.RuntimeException: outer
\t... 9 more
Caused by: java.sql.SQLException: Access denied for user 'debezium'@'127.0.0.1' (using password: YES)
\t... 12 more`
  const message = failureMessage('shop-cdc', { trace })
  expect(message).toContain('connector shop-cdc failed: org.apache.kafka.connect.errors.ConnectException: Error while starting')
  expect(message).toContain('(cause: java.sql.SQLException)')
  expect(message).toContain('check its password and grants')
  expect(message).not.toContain('\n')
})

test('what a cause says is not repeated: it may hold values of rows', () => {
  const trace = 'E: An exception occurred\nCaused by: a.b.DataException: cannot convert jane@example.org\n\tat a.b'
  expect(failureMessage('shop-cdc', { trace })).not.toContain('jane')
  expect(failureMessage('shop-cdc', { trace })).toContain('(cause: a.b.DataException)')
})

test('an unknown failure still says where to look', () => {
  expect(failureMessage('shop-cdc', {})).toContain("Kafka Connect's log")
})
