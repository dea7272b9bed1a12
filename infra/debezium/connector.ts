// Debezium's connector on a Kafka Connect, ours or the user's own.
// Guarantee: returns only when the live configuration is the wanted one, connector and task run, and every change made
// from now on is captured.
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
 * Creates the connector, or updates it if its configuration differs, and waits until it runs. A failed task is restarted
 * three times, two seconds apart.
 * Waits also until the connector has stored a position, for a snapshot misses tables that are created between its list of
 * tables and its lock (seen with Debezium 3.6.1: the rows are lost, and the table's next event fails the task).
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
  const begin = performance.now()
  let acted = begin
  let restarts = 0
  // For a moment after an update or a restart the status still tells of the task before it.
  let fresh = change !== 'updated'
  for (;;) {
    const status = await connectRequest<ConnectorStatus>(connectUrl, `${path}/status`, rest)
    const failed = failedPart(status)
    const now = performance.now()
    fresh ||= !isRunning(status) || now - begin > 3000
    if (failed && now - acted > 2000) {
      if (restarts++ === 3) throw new StackError('CONNECTOR_FAILED', failureMessage(settings.name, failed))
      await connectRequest(connectUrl, `${path}/restart?includeTasks=true&onlyFailed=true`, { method: 'POST', ...rest })
      acted = performance.now()
    } else if (fresh && isRunning(status) && (await hasPosition(connectUrl, path, rest))) {
      return change
    }
    if (now - begin > withinMs) {
      const states = status ? [status.connector, ...status.tasks].map(part => part.state).join(', ') : 'unknown to Connect'
      const message = `connector ${settings.name} does not read after ${withinMs / 1000} s (${states}): look into Kafka Connect's log`
      throw new StackError('CONNECTOR_FAILED', message, { retryable: true })
    }
    await delay(200, undefined, rest)
  }
}

/** Whether the connector has stored where it reads. Connect before 3.5 cannot tell, which counts as yes. */
async function hasPosition(connectUrl: string, path: string, options: { signal?: AbortSignal }): Promise<boolean> {
  const stored = await connectRequest<{ offsets: unknown[] }>(connectUrl, `${path}/offsets`, options)
  return stored === undefined || stored.offsets.length > 0
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

/** The first line of the trace, the kind of its innermost cause, and what to do. A cause's own words may hold values of rows. */
export function failureMessage(name: string, failed: { trace?: string }): string {
  const trace = failed.trace ?? 'no trace'
  const cause = [...trace.matchAll(/^Caused by: ([\w.$]+)/gm)].at(-1)?.[1]
  return `connector ${name} failed: ${trace.split('\n')[0]}${cause ? ` (cause: ${cause})` : ''}. ${advice(trace)}`
}

function advice(trace: string): string {
  const known: [RegExp, string][] = [
    [/Access denied|Account is locked/i, "MySQL refuses Debezium's user: check its password and grants (docs/stack.md)."],
    [/Communications link failure|Connection refused|Unable to connect/i, 'Check that MySQL runs and that Connect can reach it.'],
    [
      /no longer available on the server|binlog.*purged|GTIDs? .*purged/i,
      'The binary log it needs is gone: the tables must be snapshotted again.',
    ],
    [
      /schema isn't known to this connector/i,
      'It met a table it does not know, such as one created while its snapshot began (docs/stack.md).',
    ],
    [/history topic is missing|db history topic/i, 'The schema history topic is gone: start once with snapshot.mode=recovery.'],
    [/exactly.once/i, 'The worker needs exactly.once.source.support=enabled.'],
  ]
  return (
    known.find(([pattern]) => pattern.test(trace))?.[1] ??
    "The whole trace is in the connector's status and in Kafka Connect's log."
  )
}
