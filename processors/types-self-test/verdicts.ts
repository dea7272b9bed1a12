// What the self-test says of each value: how it fared from a snapshot and from the stream.
// Guarantee: a value that Debezium is known to lose is named so, and never passes for equal.
import type { MysqlSession } from '../../connectors/mysql-session.ts'
import { columnType } from '../column-types.ts'
import type { SourceTable } from '../source-schema.ts'
import type { CellVerdict } from './compare-cells.ts'
import type { SelfTestRow } from './self-test-table.ts'

/** How a value fared on one way. `lost`: Debezium is known to lose it; `not run`: there was no such way. */
export type WayVerdict = CellVerdict | 'lost' | 'not run'

export interface TypeVerdict {
  type: string
  limit: string
  snapshot: WayVerdict
  stream: WayVerdict
  /** Why a value is lost. */
  why?: string
}

type Verdicts = ReadonlyMap<number, CellVerdict> | undefined

export function verdictOf({ id, column, limit }: SelfTestRow, ways: { snapshot: Verdicts; stream: Verdicts }): TypeVerdict {
  const verdict = (way: 'snapshot' | 'stream'): WayVerdict => {
    const found = ways[way] ? (ways[way].get(id) ?? 'missing') : 'not run'
    return found === 'different' && limit.lost?.[way] ? 'lost' : found
  }
  const [snapshot, stream] = [verdict('snapshot'), verdict('stream')]
  const why = (snapshot === 'lost' ? limit.lost?.snapshot : undefined) ?? (stream === 'lost' ? limit.lost?.stream : undefined)
  return { type: shown(column.declared), limit: limit.name, snapshot, stream, ...(why ? { why } : {}) }
}

/** Neither different nor missing. */
export function passes({ snapshot, stream }: TypeVerdict): boolean {
  return [snapshot, stream].every(way => way === 'equal' || way === 'lost' || way === 'not run')
}

function shown(declared: string): string {
  return declared.length > 40 ? `${declared.slice(0, 38)} …` : declared
}

/** What MySQL prints of each row's own column. `table` is quoted already. Throws MysqlError. */
export async function truthOf(
  mysql: MysqlSession,
  table: string,
  { rows, schema }: { rows: readonly SelfTestRow[]; schema: SourceTable },
): Promise<Map<number, string | null>> {
  const truth = new Map<number, string | null>()
  for (const [column, own] of Map.groupBy(rows, row => row.column)) {
    const source = schema.columns.find(({ name }) => name === column.name)
    if (!source) continue
    const ids = own.map(({ id }) => id).join(', ')
    const found = await mysql.query(`SELECT id, ${columnType(source, schema).selectMysql} FROM ${table} WHERE id IN (${ids})`)
    for (const [id, text] of found) truth.set(Number(id), text ?? null)
  }
  return truth
}
