// Verifies the configured lake against the configured MySQL: opens both, compares, closes everything and removes the scratch folder.
import { tmpdir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeOwnFolder, removeOwnFolder } from '../connectors/own-folder.ts'
import type { DuckOptions } from '../lake/duckdb.ts'
import type { LakeVerdict } from '../processors/verify/verify-lake.ts'
import { askForRows } from './ask-for-rows.ts'
import { need } from './config.ts'
import { duckOptions } from './open-duck.ts'
import { openLake } from './open-lake.ts'
import { openPolicy } from './open-policy.ts'
import { embeddedFolder, openSourceRows } from './open-source.ts'
import type { Session } from './session.ts'
import { sourcePassed } from './source-passed.ts'
import { uncaptured } from './uncaptured.ts'

export type VerifyOutcome = LakeVerdict

export interface VerifySessionOptions {
  table?: string[]
  /** Seconds; default: 30, or none where nothing can be on its way. */
  patience?: number
  examples?: number
  repair?: boolean
  /** Limits of DuckDB's own, where other work goes on beside; then there is no progress bar either. */
  limits?: DuckOptions
}

/** There is no table to compare: that must not pass for equality. */
export class VerifyNothing extends Error {
  readonly code = 'VERIFY_NOTHING'
  readonly retryable = false
}

const defaultPatience = 30
/** A snapshot takes a few seconds to arrive. Milliseconds. */
const repairPatience = 60_000
/** A smaller table is read before anyone looks. */
const worthShowing = 100_000

/** Throws ConfigError, MysqlError, VerifyError, VerifyNothing, and what the lake throws. */
export async function verifySession(session: Session, options: VerifySessionOptions): Promise<VerifyOutcome> {
  const { config, signal, log } = session
  const [{ Duck }, { Lakehouse }, { verifyLake }, { repairTable }, { recordVerification }] = await Promise.all([
    import('../lake/duckdb.ts'),
    import('../lake/lakehouse.ts'),
    import('../processors/verify/verify-lake.ts'),
    import('../processors/verify/repair.ts'),
    import('../processors/verify/verifications.ts'),
  ])
  const url = need(config.mysql.url, 'mysql.url')
  const { policy, keys } = await openPolicy(config)
  const until = Date.now() + (options.patience ?? (embeddedFolder(url) ? 0 : defaultPatience)) * 1_000
  const limits = options.limits ?? duckOptions(config)
  const store = await openLake(config)
  const scratch = await makeOwnFolder(tmpdir(), 'binlake-verify')
  try {
    await using duck = await Duck.open(limits)
    const lake = new Lakehouse(store)
    const leftOut = await uncaptured(session)
    for (;;) {
      const shared = { duck, lake, keys, scratch, signal, log, openSource: () => openSourceRows(config) }
      const outcome = await verifyLake({
        ...shared,
        duckOptions: limits,
        policy,
        schemaModes: config.schema.modes,
        tables: options.table,
        patience: Math.max(0, until - Date.now()),
        examples: options.examples,
        uncaptured: leftOut,
        passed: sourcePassed(session, lake),
        onTable: async (table, rows) => {
          if (options.limits || (rows !== undefined && rows < worthShowing)) return undefined
          const progress = await session.progress(table, {
            unit: 'rows of MySQL',
            ...(rows === undefined ? {} : { total: rows }),
          })
          return { rows: read => progress.set(read, Math.max(read, rows ?? 0)), done: () => progress.stop() }
        },
        ...(options.repair
          ? {
              onDifferent: (table, verdict) =>
                repairTable(
                  {
                    ...table,
                    ...shared,
                    askForRows: askForRows(session),
                    patience: Math.max((options.patience ?? defaultPatience) * 1_000, repairPatience),
                    examples: options.examples ?? 10,
                    maxRows: config.merge.rows,
                  },
                  verdict,
                ),
            }
          : {}),
      })
      if (outcome.tables.some(({ compared, failed }) => compared !== 'not' || (failed && failed.code !== 'VERIFY_NOT_IN_LAKE'))) {
        // What the schedule found before may be mended now.
        if (options.repair && !options.table) await recordVerification({ duck, lake }, outcome)
        return outcome
      }
      if (Date.now() >= until) throw nothing(outcome)
      await sleep(2_000, undefined, { signal })
    }
  } finally {
    await store.close()
    await removeOwnFolder(scratch)
  }
}

function nothing({ tables }: VerifyOutcome): VerifyNothing {
  const reasons = tables.map(({ table, skipped, failed }) => failed?.reason ?? `${table}: ${skipped}`)
  return new VerifyNothing(
    `there is nothing to compare: ${reasons.join('; ') || 'no such table has reached the lake; has `binlake run` run?'}`,
  )
}
