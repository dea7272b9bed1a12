// What a rebuilt table remembers of the version it replaced, so that a rollback finds it without reading the log.
import type { Snapshot } from '../../lake/snapshot.ts'

const property = 'binlake.beforeRebuild'

export interface BeforeRebuild {
  /** The table's version that was there before. */
  version: number
  /** The same for the three tables that were put in place together. */
  id: string
}

/** Table properties that say it; none for a table that was not there before. */
export function rememberBefore(before: { version: number | undefined; id: string }): Record<string, string> {
  return before.version === undefined ? {} : { [property]: JSON.stringify(before) }
}

/** Undefined: the table was never rebuilt. */
export function beforeRebuild(snapshot: Snapshot | undefined): BeforeRebuild | undefined {
  const text = snapshot?.metaData.configuration[property]
  return text === undefined ? undefined : (JSON.parse(text) as BeforeRebuild)
}
