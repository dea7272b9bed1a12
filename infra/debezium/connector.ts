// Debezium's connector on a Kafka Connect, ours or the user's own.
// Guarantee: returns only when the live configuration is the wanted one and the connector and its task run.

import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { StackError } from '../stack-error.ts'
import { type ConnectorStatus, connectRequest } from './connect-api.ts'

export interface ConnectorSettings {
  name: string
  config: Record<string, string>
}

interface Options {
  signal?: AbortSignal
  /** How long to wait for RUNNING, milliseconds. */
  withinMs?: number
}

/**
 * Creates the connector, or updates it if its configuration differs, and waits until it runs. A failed task is restarted once.
 * Throws CONNECT_UNREACHABLE, CONNECT_REFUSED (the configuration is not valid), CONNECTOR_FAILED.
 */
export async function ensureConnector(
  connectUrl: string,
  settings: ConnectorSettings,
  options: Options = {},
): Promise<'created' | 'updated' | 'unchanged'> {
  const { signal, withinMs = 120_000 } = options
  const rest = signal ? { signal } : {}
  const path = `/connectors/${encodeURIComponent(settings.name)}`
  const wanted = { ...settings.config, name: settings.name }
  const live = await connectRequest<Record<string, string>>(connectUrl, `${path}/config`, rest)
  const change = live === undefined ? 'created' : isDeepStrictEqual(live, wanted) ? 'unchanged' : 'updated'
  if (change !== 'unchanged') await connectRequest(connectUrl, `${path}/config`, { method: 'PUT', body: wanted, ...rest })
  let restarted = false
  const deadline = performance.now() + withinMs
  for (;;) {
    const status = await connectRequest<ConnectorStatus>(connectUrl, `${path}/status`, rest)
    const failed = failedPart(status)
    if (failed && (restarted || change === 'created'))
      throw new StackError('CONNECTOR_FAILED', failureMessage(settings.name, failed))
    if (failed) {
      restarted = true
      await connectRequest(connectUrl, `${path}/restart?includeTasks=true&onlyFailed=true`, { method: 'POST', ...rest })
    } else if (isRunning(status)) {
      return change
    }
    if (performance.now() > deadline) {
      const states = status ? [status.connector, ...status.tasks].map(part => part.state).join(', ') : 'unknown to Connect'
      throw new StackError(
        'CONNECTOR_FAILED',
        `connector ${settings.name} does not run after ${withinMs / 1000} s (${states}): look into Kafka Connect's log`,
        {
          retryable: true,
        },
      )
    }
    await delay(200, undefined, rest)
  }
}

/** The connector and at least one task, and every task. */
export function isRunning(status: ConnectorStatus | undefined): boolean {
  return (
    status !== undefined && status.tasks.length > 0 && [status.connector, ...status.tasks].every(part => part.state === 'RUNNING')
  )
}

function failedPart(status: ConnectorStatus | undefined) {
  return status && [status.connector, ...status.tasks].find(part => part.state === 'FAILED')
}

/** The first line of the trace, its innermost cause, and what to do. */
export function failureMessage(name: string, failed: { trace?: string }): string {
  const lines = (failed.trace ?? 'no trace').split('\n')
  const cause = lines.filter(line => line.startsWith('Caused by: ')).at(-1)
  return `connector ${name} failed: ${lines[0]}${cause ? ` (${cause.trim()})` : ''}. ${advice(failed.trace ?? '')}`
}

function advice(trace: string): string {
  const known: [RegExp, string][] = [
    [/Access denied/i, "Check the password and the grants of Debezium's MySQL user (docs/stack.md)."],
    [/Communications link failure|Connection refused|Unable to connect/i, 'Check that MySQL runs and that Connect can reach it.'],
    [
      /no longer available on the server|binlog.*purged|GTIDs? .*purged/i,
      'The binary log it needs is gone: the tables must be snapshotted again.',
    ],
    [/history topic is missing|db history topic/i, 'The schema history topic is gone: start once with snapshot.mode=recovery.'],
    [/exactly.once/i, 'The worker needs exactly.once.source.support=enabled.'],
  ]
  return (
    known.find(([pattern]) => pattern.test(trace))?.[1] ??
    "The whole trace is in the connector's status and in Kafka Connect's log."
  )
}
