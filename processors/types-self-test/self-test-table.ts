// The table of the type self-test: its statements, and which row holds which case.
// Guarantee: a row holds one case of one column and NULL, or the column's default, in all others.
import { column, exists, type LimitCase, type TypeColumn } from './case.ts'
import { numberCases } from './number-cases.ts'
import { shapeCases } from './shape-cases.ts'
import { textCases } from './text-cases.ts'
import { timeCases } from './time-cases.ts'

export interface SelfTestRow {
  id: number
  column: TypeColumn
  limit: LimitCase
}

interface Server {
  flavour: 'mysql' | 'mariadb'
  version: readonly [number, number]
}

/** A column that everything can hold, so that no row is empty but for its key. */
const plain: TypeColumn = column('INT NOT NULL DEFAULT 7', { default: '7' }, { name: 'c_default' })

/** Every row of the test on that server, ids from 1. */
export function selfTestRows(server: Server): SelfTestRow[] {
  const columns = [plain, ...numberCases, ...textCases, ...timeCases, ...shapeCases].filter(({ where }) => exists(where, server))
  const pairs = columns.flatMap(column =>
    column.cases.filter(({ where }) => exists(where, server)).map(limit => ({ column, limit })),
  )
  return pairs.map((pair, i) => ({ id: i + 1, ...pair }))
}

/** `table` is quoted already. */
export function createStatement(table: string, rows: readonly SelfTestRow[]): string {
  const columns = [...new Set(rows.map(({ column }) => column))]
  const lines = columns.map(({ name, declared }) => `  ${name} ${declared}`)
  return `CREATE TABLE ${table} (\n  id INT NOT NULL PRIMARY KEY,\n${lines.join(',\n')}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`
}

export function insertStatement(table: string, { id, column, limit }: SelfTestRow): string {
  return `INSERT INTO ${table} (id, ${column.name}) VALUES (${id}, ${limit.value})`
}
