// The latest steps of one silver table, as its history holds them: which of their changes are of which of the latest transactions.
// Guarantee: reads the files of the last few commits, not the history; every change of a transaction of interest is among them.
import type { Add, Commit } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { each } from '../../lake/each.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { readCommit } from '../../lake/log.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, type Sql, sql } from '../../lake/sql.ts'

export interface HistoryStep {
  /** The bronze version that the step took. */
  taken: number
  files: Add[]
}

export interface Tail {
  /** Newest last. Before them nothing is of interest. */
  steps: HistoryStep[]
  /** The version of the history at which the reading stopped: below, nothing will ever be of interest again. */
  floor: number
  /** Old rows were written anew within the tail (a rebuild, a mend): it is the whole history, and there is nothing before it. */
  whole: boolean
  /** Temp table `step, ord, _epoch, _partition, _offset`: changes of transactions of interest. */
  places: Sql
}

/** A change's place among `recent_transactions`: NULL before all of interest, or of no transaction; 2^62 if newer than all that are known. */
export const newer = 4_611_686_018_427_387_904n

const together = 4

export interface TailOptions {
  path: string
  history: Snapshot
  bronzeId: string
  /** The bronze version that silver itself has taken: after a crash history may be a step ahead. */
  taken: number
  /** The place from which on transactions are of interest. */
  since: bigint
  /** Where an earlier reading stopped. */
  floor: number
  /** Tells the temp tables of several tails apart. */
  nth: number
}

/** Undefined: the log does not reach back so far. */
export async function readTail(duck: Duck, lake: Lakehouse, options: TailOptions): Promise<Tail | undefined> {
  const { path, history, since, floor, nth } = options
  const places = id(`tail_places_${nth}`)
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE ${places} (step BIGINT, ord BIGINT, _epoch INTEGER, _partition INTEGER, _offset BIGINT)`,
  )
  const steps: HistoryStep[] = []
  for (let version = history.version; version >= floor; version -= together) {
    const versions = Array.from({ length: Math.min(together, version - floor + 1) }, (_, i) => version - i)
    const commits = await each(versions, together, one => readCommit(lake.table(path), one))
    for (const [i, commit] of commits.entries()) {
      if (!commit) return undefined
      if (commit.removes.some(({ dataChange }) => dataChange !== false))
        return wholeTail(duck, lake, options, { places, floor: versions[i]! })
      const step = stepOf(commit, options)
      if (!step) continue
      const found = await readStep(duck, lake, { step, path, history, places, since })
      // A table's changes come in the order of the transactions. A step of a snapshot's rows alone says nothing.
      if (found === 'older') return { steps, places, floor: versions[i]!, whole: false }
      steps.unshift(step)
    }
  }
  return { steps, places, floor, whole: false }
}

async function wholeTail(
  duck: Duck,
  lake: Lakehouse,
  { path, history, taken, since }: TailOptions,
  { places, floor }: { places: Sql; floor: number },
): Promise<Tail> {
  const step = { taken, files: [...history.files.values()] }
  await duck.run(sql`DELETE FROM ${places}`)
  await readStep(duck, lake, { step, path, history, places, since })
  return { steps: [step], places, floor, whole: true }
}

function stepOf(commit: Commit, { bronzeId, taken }: TailOptions): HistoryStep | undefined {
  const version = commit.txns.find(({ appId }) => appId === bronzeId)?.version
  const files = commit.adds.filter(add => add.dataChange)
  return version === undefined || Number(version) > taken || files.length === 0 ? undefined : { taken: Number(version), files }
}

async function readStep(
  duck: Duck,
  lake: Lakehouse,
  { step, path, history, places, since }: { step: HistoryStep; path: string; history: Snapshot; places: Sql; since: bigint },
): Promise<'of interest' | 'older' | 'no changes'> {
  const epoch = history.fields.some(({ name }) => name === '_epoch')
  const columns = ['_gtid', '_tx_order', '_source_ts', '_partition', '_offset', ...(epoch ? ['_epoch'] : [])]
  const rows = await scan(lake.table(path), history, { files: step.files, columns })
  const ofTransactions = sql`(SELECT * FROM ${rows} WHERE _gtid IS NOT NULL AND _tx_order IS NOT NULL)`
  // Each transaction is looked for once, not once a change.
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE step_transactions AS
    SELECT _gtid, changes, ${ordOf} AS ord
    FROM (SELECT _gtid, max(_source_ts) AS _source_ts, count(*) AS changes FROM ${ofTransactions} GROUP BY _gtid)
    LEFT JOIN recent_transactions ON lower(_gtid) = lower(recent_transactions.id)`)
  await duck.run(sql`INSERT INTO ${places}
    SELECT ${step.taken}, ord, ${epoch ? sql`coalesce(_epoch, 0)` : sql`0`}, _partition, _offset
    FROM ${ofTransactions} JOIN (SELECT _gtid, ord FROM step_transactions WHERE ord >= ${since}) USING (_gtid)`)
  const found = await duck.row<{ changes: bigint; newest: bigint | null }>(
    sql`SELECT coalesce(sum(changes), 0)::BIGINT AS changes, max(ord) AS newest FROM step_transactions`,
  )
  if (found!.changes === 0n) return 'no changes'
  return found!.newest !== null && found!.newest >= since ? 'of interest' : 'older'
}

/** A transaction that is not known is newer than all that are, or older: its GTID or its time tells. */
const ordOf = sql`coalesce(recent_transactions.ord, CASE
    WHEN TRY_CAST(regexp_extract(_gtid, '(\\d+)$', 1) AS BIGINT) > (SELECT max(sequence) FROM recent_transactions WHERE origin = regexp_extract(lower(_gtid), '^(.*[:-])(\\d+)$', 1))
      OR epoch_ms(_source_ts) > (SELECT coalesce(max(told_at), -1) FROM recent_transactions) THEN ${newer} END)`
