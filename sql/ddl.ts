// What to paste into another engine so that it reads the lake's tables where they are.
// Guarantee: whatever a table is called, each statement is one statement; no secret is in any of them.
import { clickhouseDdl } from './ddl/clickhouse.ts'
import { databricksDdl } from './ddl/databricks.ts'
import { inComment } from './ddl/dialect.ts'
import { duckdbDdl } from './ddl/duckdb.ts'
import { fabricDdl } from './ddl/fabric.ts'
import { snowflakeDdl } from './ddl/snowflake.ts'
import { sparkDdl } from './ddl/spark.ts'
import type { Ddl, DdlTable, Location } from './ddl/table.ts'
import { trinoDdl } from './ddl/trino.ts'

interface Engine {
  make: (tables: readonly DdlTable[]) => Ddl
  /** Where its tables may lie. */
  reads: readonly Location['kind'][]
  /** Shell, not SQL. */
  shell?: true
}

const engines = {
  spark: { make: sparkDdl, reads: ['local', 'azure'] },
  databricks: { make: databricksDdl, reads: ['azure'] },
  fabric: { make: fabricDdl, reads: ['azure'], shell: true },
  trino: { make: trinoDdl, reads: ['local', 'azure'] },
  duckdb: { make: duckdbDdl, reads: ['local', 'azure'] },
  clickhouse: { make: clickhouseDdl, reads: ['local', 'azure', 'emulator'] },
  snowflake: { make: snowflakeDdl, reads: ['azure'] },
} as const satisfies Record<string, Engine>

export type { Ddl }
export type DdlEngine = keyof typeof engines
export const ddlEngines = Object.keys(engines) as DdlEngine[]

/** An engine that cannot read where the lake lies. */
export class DdlUnsupported extends Error {
  readonly code = 'DDL_UNSUPPORTED'
  readonly retryable = false
}

/** Notes and statements for an engine; the statements may be run one by one. Throws DdlUnsupported. */
export function ddl(engine: DdlEngine, tables: readonly DdlTable[]): Ddl {
  const { make, reads }: Engine = engines[engine]
  const kinds = { local: 'a folder of one machine', azure: 'Azure', emulator: 'an emulator (Azurite)' }
  for (const { location } of tables) {
    if (reads.includes(location.kind)) continue
    const can = reads.map(kind => kinds[kind]).join(' or ')
    throw new DdlUnsupported(
      `${engine} cannot read a lake in ${kinds[location.kind]}, only on ${can}; keep the lake there, or choose another engine`,
    )
  }
  return make(tables)
}

/** The same as text: notes as comments, one statement after the other. */
export function ddlText(engine: DdlEngine, tables: readonly DdlTable[]): string {
  const { notes, statements } = ddl(engine, tables)
  const { shell }: Engine = engines[engine]
  const comments = notes.map(note => `${shell ? '#' : '--'} ${inComment(note)}`)
  return `${[...comments, ...statements.map(text => `${text}${shell ? '' : ';'}`)].join('\n')}\n`
}
