// One table's replay: built aside at the bronze version of the live table, compared with it, and put in its place.
// Guarantee: proving changes nothing in the lake.

import type { Duck } from '../../lake/duckdb.ts'
import { goneFiles } from '../../lake/gone-files.ts'
import { LakeError } from '../../lake/lake-error.ts'
import { tablePath } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Keys } from '../../privacy/keys.ts'
import type { Way } from '../apply.ts'
import { isMultiset } from '../multiset/copies.ts'
import { openTable } from '../open-table.ts'
import { keyOf } from '../refine.ts'
import { paths } from '../silver-parts.ts'
import { asTaken } from '../taken.ts'
import { buildAside } from './build-aside.ts'
import { tokenKey } from './key-token.ts'
import { comparable, type Proof, prove } from './prove.ts'
import { swap } from './rebuild.ts'
import { scratchLake } from './scratch-lake.ts'

export interface Replayed {
  table: string
  /** Changes that make up the table and its history. */
  changes: number
  /** The bronze version it reflects. */
  bronzeVersion: number
  /** failed: the table could not be built at all. */
  verdict: 'identical' | 'different' | 'new' | 'not compared' | 'failed'
  /** Why it was not compared or built, or how it differs where rows cannot say it. */
  reason?: string
  proof?: Proof
}

export interface ReplayTableOptions extends Way {
  keys: Keys
  /** True: only compare; the files go to a scratch folder of this machine. */
  proveOnly: boolean
  /** How many differing rows to name. */
  examples: number
  /** Bronze rows of the tail taken in one step. */
  maxRows: number
  /** Hears how much of the work is done, 0 to 1. */
  onStep?: (part: number) => void
}

/** Undefined: there is no bronze. Throws what stops a single table, and ConflictError if others keep getting in between. */
export async function replayTable(duck: Duck, options: ReplayTableOptions): Promise<Replayed | undefined> {
  const { lake, schema, keys, proveOnly, examples, maxRows } = options
  const open = await openTable(options)
  if (!open) return undefined
  const { bronze: newest, tables } = open
  const bronzeId = newest.metaData.id
  const taken = tables.taken.current
  const history = await asTaken(lake, paths(schema).history, tables.history, { bronzeId, taken })
  const then = tables.current ? await bronzeAt(options, newest, taken) : undefined
  await using place = proveOnly ? await scratchLake() : { lake, [Symbol.asyncDispose]: async () => {} }
  const aside = await buildAside(duck, options, { bronze: then ?? newest, lake: place.lake, setAside: !proveOnly })
  options.onStep?.(0.7)
  const outcome = async (): Promise<Pick<Replayed, 'verdict' | 'reason' | 'proof'>> => {
    if (!tables.current) return { verdict: 'new' }
    if (!then) return { verdict: 'not compared', reason: `bronze no longer holds version ${taken}, which silver reflects` }
    if (keyOf(tables.current) !== keyOf(aside.tables.current)) {
      return {
        verdict: 'not compared',
        reason: `its primary key was ${keyOf(tables.current)} and is now ${keyOf(aside.tables.current)}`,
      }
    }
    const { changes } = comparable(tables.current, aside.tables.current!)
    if (isMultiset(options.mask.primaryKey) && changes.length > 0) {
      const told = 'a table without a key tells its rows apart by all of their columns, and these are others now'
      return { verdict: 'not compared', reason: `${told}: ${changes.join('; ')}` }
    }
    const live = { current: tables.current, history, deleted: tables.deleted }
    try {
      const proof = await prove(duck, { lake, live, aside, token: tokenKey(keys, bronzeId), examples })
      return { verdict: proof.equal ? 'identical' : 'different', proof }
    } catch (error) {
      // The files aside were written a moment ago: what cannot be read is the live table. DuckDB's own text may quote a value.
      if (!unreadable(error)) throw error
      return { verdict: 'different', reason: 'a data file of the live table is missing or cannot be read' }
    }
  }
  const found = await outcome()
  options.onStep?.(0.9)
  if (!proveOnly) await swap(duck, options, aside, { bronzeId, maxRows })
  options.onStep?.(1)
  return {
    table: `${schema.database}.${schema.table}`,
    changes: aside.changes,
    bronzeVersion: aside.tables.taken.current,
    ...found,
  }
}

/** A file that is gone from the store, or of whose bytes DuckDB makes nothing: its complaints are of many kinds. */
function unreadable(error: unknown): boolean {
  const { message, code } = error instanceof Error ? (error as Error & { code?: unknown }) : { message: '', code: undefined }
  if (code !== undefined) return code === 'STORE_MISSING' || code === 'LAKE_CORRUPT_LOG'
  return /^[A-Z][\w ]* Error: /.test(message) && !/^(Out of Memory|Interrupt|Binder|Parser|Catalog)|No space left/i.test(message)
}

/** Bronze as silver has taken it; undefined if its log or its files do not reach back so far. */
async function bronzeAt({ lake, schema }: Way, newest: Snapshot, version: number): Promise<Snapshot | undefined> {
  if (version === newest.version) return newest
  const path = tablePath('bronze', schema)
  try {
    const then = (await loadSnapshot(lake.table(path), { version }))!
    // What bronze's compaction replaced since may be vacuumed.
    const replaced = [...then.files.keys()].filter(file => !newest.files.has(file))
    return (await goneFiles(lake.table(path), replaced)).length > 0 ? undefined : then
  } catch (error) {
    if (error instanceof LakeError && error.code === 'LAKE_VERSION_GONE') return undefined
    throw error
  }
}
