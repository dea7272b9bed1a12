// How long one request to Azure Storage is tried: in place of the SDK's own retries, whose tries have no end of their own.
// Guarantee: an answer, or an error, comes within `total` and one delay.
import { setTimeout as sleep } from 'node:timers/promises'
import { type RequestPolicy, type RequestPolicyFactory, RestError } from '@azure/storage-blob'

/** Times in milliseconds. */
export interface Patience {
  /** Tries of one request, the first included. */
  tries: number
  /** Before the second try; doubles from try to try. */
  delay: number
  /** For one try, until its answer begins. */
  timeout: number
  /** For all tries of a request together. */
  total: number
}

export const usualPatience: Patience = { tries: 4, delay: 200, timeout: 30_000, total: 60_000 }
const longestDelay = 5_000

type Request = Parameters<RequestPolicy['sendRequest']>[0]
type Response = Awaited<ReturnType<RequestPolicy['sendRequest']>>

/** A pipeline step that repeats what failed for a passing reason. The caller resolves what a lost reply leaves open (lake/commit.ts). */
export function patient(patience: Patience): RequestPolicyFactory {
  return { create: next => ({ sendRequest: request => send(next, request, patience) }) }
}

async function send(next: RequestPolicy, request: Request, { tries, delay, timeout, total }: Patience): Promise<Response> {
  const end = performance.now() + total
  for (let tried = 1; ; tried++) {
    try {
      return await within(Math.min(timeout, end - performance.now()), next, request)
    } catch (error) {
      const wait = askedFor(error) ?? Math.min(delay * 2 ** (tried - 1), longestDelay) * (0.5 + Math.random() / 2)
      const over = tried >= tries || performance.now() + wait >= end || request.abortSignal?.aborted
      if (over || !passing(error)) throw error
      await sleep(wait)
    }
  }
}

/** One try. A body that streams in may take longer: the time ends with the answer's first line. */
async function within(ms: number, next: RequestPolicy, request: Request): Promise<Response> {
  const outer = request.abortSignal
  const timer = new AbortController()
  const timeout = setTimeout(() => timer.abort(), ms)
  request.abortSignal = outer ? AbortSignal.any([outer as AbortSignal, timer.signal]) : timer.signal
  try {
    return await next.sendRequest(request)
  } catch (error) {
    if (timer.signal.aborted && !outer?.aborted)
      throw new RestError(`no answer within ${Math.round(ms)} ms`, { code: 'ETIMEDOUT' })
    throw error
  } finally {
    clearTimeout(timeout)
    if (outer) request.abortSignal = outer
    else delete request.abortSignal
  }
}

const networkFailures = new Set([
  'ETIMEDOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'REQUEST_SEND_ERROR',
  'PARSE_ERROR',
])

/** Failures that may be gone at the next try. */
function passing(error: unknown): boolean {
  const { statusCode, code = '' } = error as { statusCode?: number; code?: string }
  if (statusCode === undefined) return networkFailures.has(code)
  return [408, 429, 500, 502, 503, 504].includes(statusCode)
}

/** What a throttling account asks for (`Retry-After`, in seconds), in milliseconds. */
function askedFor(error: unknown): number | undefined {
  const { response } = error as { response?: { headers?: { get(name: string): string | undefined } } }
  const seconds = Number(response?.headers?.get('retry-after'))
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined
}
