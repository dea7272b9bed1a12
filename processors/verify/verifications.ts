// What verifications on a schedule found, kept in bronze beside the decisions, so that `status` can tell it from another machine.
// Guarantee: counts and reasons as the report has them; neither keys nor their tokens are kept.
import { commit } from '../../lake/commit.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { type Field, field } from '../../lake/schema.ts'
import { sql } from '../../lake/sql.ts'
import { boundsProperties } from '../../lake/stats.ts'
import { writeFile } from '../../lake/write.ts'
import { verificationsTable } from '../bronze-names.ts'
import { tableCodes } from '../halts.ts'
import type { TableVerdict } from './verdict.ts'
import type { LakeVerdict } from './verify-lake.ts'

const fields: Field[] = [
  field('_verified_at', 'timestamp'),
  field('_equal', 'boolean'),
  field('_position', 'string'),
  field('_verdicts', 'string'),
]

export interface Verification {
  at: Date
  equal: boolean
  /** Where MySQL stood. */
  position: string
  tables: Omit<TableVerdict, 'examples'>[]
}

export async function recordVerification({ duck, lake }: { duck: Duck; lake: Lakehouse }, verdict: LakeVerdict): Promise<void> {
  const path = tablePath('bronze', verificationsTable)
  const base = await lake.current(path)
  const tables = verdict.tables.map(({ examples: _, ...rest }) => rest)
  const select = sql`SELECT ${new Date().toISOString()}::TIMESTAMPTZ AS _verified_at, ${verdict.equal} AS _equal, ${verdict.position} AS _position, ${JSON.stringify(tables)} AS _verdicts`
  const add = await writeFile(duck, lake.table(path), { select, fields })
  const committed = await commit(lake.table(path), {
    base,
    mode: 'append',
    operation: 'STREAMING UPDATE',
    metaData: { fields, name: verificationsTable.table, configuration: boundsProperties([]) },
    adds: [add!],
  })
  lake.committed(path, committed)
}

/** The newest; undefined: there was none. */
export async function lastVerification({ duck, lake }: { duck: Duck; lake: Lakehouse }): Promise<Verification | undefined> {
  const path = tablePath('bronze', verificationsTable)
  const snapshot = await lake.current(path)
  if (!snapshot) return undefined
  const row = await duck.row<{ at: bigint; equal: boolean; position: string; verdicts: string }>(
    sql`SELECT epoch_ms(_verified_at) AS at, _equal AS equal, _position AS position, _verdicts AS verdicts
      FROM ${await scan(lake.table(path), snapshot)} ORDER BY _verified_at DESC LIMIT 1`,
  )
  if (!row) return undefined
  return {
    at: new Date(Number(row.at)),
    equal: row.equal,
    position: row.position,
    tables: JSON.parse(row.verdicts) as Verification['tables'],
  }
}

/** What a person should know of it, as sentences. */
export function verificationProblems({ at, tables }: Verification): string[] {
  const when = at.toISOString().slice(0, 16).replace('T', ' ')
  return tables.flatMap(({ table, equal, behind, compared, differences, failed }) => {
    const count = Object.values(differences).reduce((sum, n) => sum + n, 0)
    // That it waits or has halted is told while it does.
    if (failed && (failed.code === 'SCHEMA_HELD' || tableCodes.has(failed.code))) return []
    if (failed) return [`${table}: it could not be verified at ${when} UTC (${failed.code}): ${failed.reason}`]
    if (equal || behind !== undefined || compared === 'not') return []
    return [
      `${table}: ${count} rows differed from MySQL at ${when} UTC; \`binlake verify --table ${table}\` names them, with --repair it mends them`,
    ]
  })
}
