// How far back each zone's tables can be read: what `retention.*` says, as Delta's table properties (lake-spec §3.8, §5).
// Guarantee: pure; the properties stand in the table's own log, so that every engine that cleans up keeps to them.
import type { Zone } from '../../lake/layout.ts'

/** Milliseconds. */
export interface Retention {
  /** Commits stay this long, and up to a day more. */
  log: number
  /** Files that left the table stay this long. */
  files: number
}

export type Retentions = Readonly<Record<Zone, Retention>>

const day = 86_400_000

/** Five-second commits make 17,280 versions a day, and copy-on-write keeps the table once more for each merge: a day is dear enough. */
export const defaultRetentions: Retentions = {
  bronze: { log: day, files: day },
  silver: { log: day, files: day },
  gold: { log: day, files: day },
  quarantine: { log: 7 * day, files: 7 * day },
}

/** Delta's two properties. */
export function retentionProperties({ log, files }: Retention): Record<string, string> {
  return { 'delta.logRetentionDuration': interval(log), 'delta.deletedFileRetentionDuration': interval(files) }
}

/** In the largest unit that is exact. */
function interval(ms: number): string {
  const units = [
    ['day', day],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
  ] as const
  const [unit, factor] = units.find(([, size]) => ms % size === 0 && ms >= size) ?? ['millisecond', 1]
  const count = Math.round(ms / factor)
  return `interval ${count} ${unit}${count === 1 ? '' : 's'}`
}
