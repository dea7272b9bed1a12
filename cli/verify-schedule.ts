// Verifies every so often beside the line, as long as `run` runs (verify.every).
// Guarantee: within limits of its own; whatever it finds or fails at, the line goes on.
import { setTimeout as sleep } from 'node:timers/promises'
import { differs } from '../processors/verify/verdict.ts'
import type { LakeVerdict } from '../processors/verify/verify-lake.ts'
import { isCoded, safeMessage } from './exit.ts'
import { openStoreOf } from './open-lake.ts'
import type { Session } from './session.ts'
import { verifySession } from './verify-session.ts'

export interface VerifySchedule extends AsyncDisposable {
  /** What the last round of this process found. */
  readonly last: LakeVerdict | undefined
}

/** Seconds that a round waits for silver. */
const patience = 120

/** Undefined: nothing is scheduled. */
export function scheduleVerify(session: Session): VerifySchedule | undefined {
  const { config, log } = session
  const { every } = config.verify
  if (every === undefined || config.mysql.url === undefined) return undefined
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, session.signal])
  let last: LakeVerdict | undefined
  const round = async () => {
    try {
      const outcome = await verifyAndRecord({ ...session, signal }, every)
      if (!outcome) return
      last = outcome
      const differing = outcome.tables.filter(({ equal, compared }) => compared !== 'not' && !equal).map(({ table }) => table)
      const failed = outcome.tables.flatMap(({ table, failed: why }) => (why ? [`${table} (${why.code})`] : []))
      if (outcome.equal) log.info({ position: outcome.position, tables: outcome.tables.length }, 'verified: silver equals MySQL')
      else if (outcome.behind) log.info({ tables: differing }, 'not verified: silver has not reached MySQL yet')
      else if (!outcome.tables.some(differs))
        log.warn({ tables: failed }, 'not verified: some tables could not be compared; `binlake status` says why')
      else
        log.warn({ tables: differing }, 'silver differs from MySQL; `binlake verify` names the rows, with --repair it mends them')
    } catch (error) {
      if (signal.aborted) return
      const code = isCoded(error) ? error.code : undefined
      log.warn({ ...(code ? { code } : {}) }, `not verified: ${safeMessage(error)}`)
    }
  }
  const loop = (async () => {
    while (!signal.aborted) {
      await sleep(every, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) await round()
    }
  })()
  return {
    get last() {
      return last
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await loop
    },
  }
}

/** Undefined: another worker of the group has just done it. */
async function verifyAndRecord(session: Session, every: number): Promise<LakeVerdict | undefined> {
  const [{ Duck }, { Lakehouse }, { lastVerification, recordVerification }] = await Promise.all([
    import('../lake/duckdb.ts'),
    import('../lake/lakehouse.ts'),
    import('../processors/verify/verifications.ts'),
  ])
  const limits = { memoryLimit: `${session.config.verify.memory}B`, threads: 1 }
  const store = await openStoreOf(session.config)
  try {
    await using duck = await Duck.open(limits)
    const lake = new Lakehouse(store)
    const before = await lastVerification({ duck, lake })
    if (before && Date.now() - before.at.getTime() < every * 0.9) return undefined
    const outcome = await verifySession(session, { patience, limits })
    await recordVerification({ duck, lake: new Lakehouse(store) }, outcome)
    return outcome
  } finally {
    await store.close()
  }
}
