// Rows that the source has no more though no event said so: a sweep of just these, each named by the place of the event that made it.
// Guarantee: no key is written down; a row that had another event before the sweep's place stays.
import { randomUUID } from 'node:crypto'
import { commit } from '../../lake/commit.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { livesBefore, offsetAppId, topicsOf } from '../bronze-names.ts'
import { decideFor } from '../decisions.ts'
import type { TableName } from '../source-schema.ts'
import { type GoneRow, type Sweep, sweepAppId, sweepsIn } from './sweep-decision.ts'

const tries = 5

/** Of live rows with `_epoch`, `_partition` and `_offset`, those that go. */
export function amongGone(live: Sql, rows: readonly GoneRow[], { epoch }: { epoch: boolean }): Sql {
  if (rows.length === 0) return sql`(SELECT * FROM ${live} WHERE false)`
  const places = join(rows.map(row => sql`(${row.epoch}, ${row.partition}, ${BigInt(row.offset)})`))
  const place = epoch ? sql`coalesce(_epoch, 0)` : sql`0`
  return sql`(SELECT * FROM ${live} WHERE (${place}, _partition::INTEGER, _offset::BIGINT) IN (SELECT (e::INTEGER, p::INTEGER, o::BIGINT) FROM (VALUES ${places}) AS gone(e, p, o)))`
}

/** Puts the sweep into bronze, behind all records that are there now. False: others kept writing bronze; try again. */
export async function sweepGoneRows(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  name: TableName,
  rows: readonly GoneRow[],
): Promise<boolean> {
  const path = tablePath('bronze', name)
  for (let tried = 0; tried < tries; tried++) {
    const bronze = (await lake.current(path))!
    const now = Date.now()
    const sweep: Sweep = {
      id: randomUUID(),
      generation: `repair-${randomUUID()}`,
      started: now,
      completed: now,
      places: topicsOf(bronze).map(({ topic, topicId, partition }) => ({
        topic,
        topicId,
        life: livesBefore(bronze, topic, topicId),
        partition,
        offset: String(bronze.txns.get(offsetAppId(topic, topicId, partition))!),
      })),
      rows: [...rows],
    }
    await decideFor({ duck, lake }, [{ table: name, kind: 'sweep', content: sweep }])
    try {
      // An overwrite that replaces nothing: it lands right behind the version that the places were read from, or not at all.
      const committed = await commit(lake.table(path), {
        base: bronze,
        mode: 'overwrite',
        operation: 'STREAMING UPDATE',
        txns: [{ appId: sweepAppId(sweep), version: BigInt(sweepsIn(bronze).length + 1) }],
        removes: [],
        userMetadata: JSON.stringify({ sweep: sweep.id }),
      })
      lake.committed(path, committed)
      return true
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error
    }
  }
  return false
}
