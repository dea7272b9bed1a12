// One check of the smoke test: what it found, or what to do.
import { isCoded, safeMessage } from '../exit.ts'

export interface Check {
  zone: string
  check: string
  /** `note`: nothing is broken, but someone should know. */
  result: 'ok' | 'note' | 'failed'
  /** What was seen; for a failure also what to do. */
  seen: string
}

/** Runs a check to its end, whatever happens. `work` says what it saw; an object says that it is more than ok. */
export async function checked(
  zone: string,
  check: string,
  work: () => Promise<string | Pick<Check, 'result' | 'seen'>>,
): Promise<Check> {
  try {
    const seen = await work()
    return { zone, check, ...(typeof seen === 'string' ? { result: 'ok', seen } : seen) }
  } catch (error) {
    const code = isCoded(error) ? ` (${error.code})` : ''
    return { zone, check, result: 'failed', seen: `${safeMessage(error)}${code}` }
  }
}

/** Throws what a person should read if something is not as it must be. */
export function must(truth: boolean, otherwise: string): asserts truth {
  if (!truth) throw new SmokeFailed(otherwise)
}

/** What was seen is not what the lake relies on. */
export class SmokeFailed extends Error {
  readonly code = 'SMOKE_FAILED'
  readonly retryable = false
}
