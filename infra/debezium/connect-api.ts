// Kafka Connect's REST interface, as far as binlake needs it.
// Guarantee: every failure is a StackError that names the address and what Connect said.
import { setTimeout as delay } from 'node:timers/promises'
import { StackError } from '../stack-error.ts'

export interface ConnectorStatus {
  connector: { state: string; trace?: string }
  tasks: { id: number; state: string; trace?: string }[]
}

/** One request. 404 gives undefined; 409 (the workers are rebalancing) is tried again for up to a minute. */
export async function connectRequest<T>(
  connectUrl: string,
  path: string,
  options: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T | undefined> {
  const { origin, pathname, username, password } = new URL(connectUrl)
  const url = `${origin}${pathname.replace(/\/$/, '')}${path}`
  const headers: Record<string, string> = { accept: 'application/json', 'content-type': 'application/json' }
  if (username)
    headers.authorization = `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`
  const deadline = performance.now() + 60_000
  for (;;) {
    const response = await send(
      url,
      { method: options.method ?? 'GET', headers, ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }) },
      options.signal,
    )
    const text = await response.text()
    if (response.ok) return (text ? JSON.parse(text) : {}) as T
    if (response.status === 404) return undefined
    if (response.status !== 409 || performance.now() > deadline) {
      throw new StackError(
        'CONNECT_REFUSED',
        `Kafka Connect at ${origin} refused ${options.method ?? 'GET'} ${path} with ${response.status}: ${messageOf(text)}`,
      )
    }
    await delay(500, undefined, options.signal ? { signal: options.signal } : {})
  }
}

async function send(url: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
  const timeout = AbortSignal.timeout(60_000)
  try {
    return await fetch(url, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new StackError(
      'CONNECT_UNREACHABLE',
      `Kafka Connect at ${new URL(url).origin} does not answer: is it running, and is BINLAKE_CONNECT_URL right?`,
      {
        cause,
        retryable: true,
      },
    )
  }
}

function messageOf(text: string): string {
  try {
    return String((JSON.parse(text) as { message?: unknown }).message ?? text)
  } catch {
    return text.slice(0, 500)
  }
}
