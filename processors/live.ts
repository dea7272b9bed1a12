// What bronze holds of a table beyond its silver, as silver will have it: for `<table>_live` in queries.
// Guarantee: silver without these keys, and their rows here, are what the next merge will make of it; nothing is written to the lake.

import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import type { Logger } from 'pino'
import { makeOwnFolder, removeOwnFolder } from '../connectors/own-folder.ts'
import type { Add } from '../lake/actions.ts'
import { Duck, type DuckOptions } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { duckType } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, sql, trusted } from '../lake/sql.ts'
import type { Keys } from '../privacy/keys.ts'
import { compileMask } from '../privacy/mask.ts'
import type { Policy } from '../privacy/policy.ts'
import type { LiveTail, ReadTail } from '../sql/derived.ts'
import { apply } from './apply.ts'
import { isDebeziums } from './bronze-names.ts'
import { filesAfter } from './next-files.ts'
import { openTable } from './open-table.ts'
import { TableHalted } from './order/collapse.ts'
import { refuseOtherPolicy } from './refine.ts'
import { SchemaUnknown } from './refinement-plan.ts'
import { outgrown } from './schema/built.ts'
import { evolved } from './silver.ts'
import { paths, type SilverTables, silverParts } from './silver-parts.ts'
import { SourceSchemas } from './source-schemas.ts'

export interface LiveOptions {
  lake: Lakehouse
  policy: Policy
  keys: Keys
  log: Logger
  /** Of the database in which the tail is made: a query's own never sees a mask key. */
  duckOptions?: DuckOptions
}

/**
 * Gives the reader of tails. What a table cannot be merged for, its tail cannot be read for: TABLE_HALTED, TABLE_OMITTED, POLICY_CHANGED,
 * SCHEMA_BEHIND, SCHEMA_UNKNOWN. Rows whose values do not fit are left out, as they will be.
 */
export function readTails({ lake, policy, keys, log, duckOptions = {} }: LiveOptions): ReadTail {
  return async name => {
    // A lake may be a copy without bronze, and silver's companions and Debezium's own topics are no tables of the source.
    if (isDebeziums(name) || !(await lake.current(tablePath('bronze', name)))) return undefined
    await using duck = await Duck.open(duckOptions)
    const schema = await new SourceSchemas(duck, lake).get(name)
    if (!schema) throw new SchemaUnknown(`${name.database}.${name.table}: no schema change has told of this table yet`)
    const mask = compileMask(policy, schema, keys)
    const way = { lake, log, schema, mask }
    const open = await openTable(way)
    if (!open) return undefined
    const { bronze, tables } = open
    const why = outgrown(tables.current, schema, mask)
    if (why)
      throw new TableHalted(
        `${name.database}.${name.table}: its schema changed (${why}), and \`binlake run\` makes its rows anew; until then only silver as it stands can be read`,
      )
    refuseOtherPolicy(tables, way)
    const path = paths(schema).current
    const { wanted } = silverParts(tables, mask)[2]
    const fields = evolved(path, tables.current, wanted)
    const files = await filesBeyond(lake, bronze, tables)
    const tail = { path, silver: tables.current, key: mask.primaryKey, version: bronze.version }
    if (files.length === 0 && tables.current) {
      return { ...tail, fields, changes: undefined, [Symbol.asyncDispose]: async () => {} } satisfies LiveTail
    }
    await apply(duck, way, { bronze, tables, files, setAside: false })
    const own = new Set(wanted.map(field => field.name))
    const columns = fields
      .filter(field => own.has(field.name))
      .map(field => sql`CAST(${id(field.name)} AS ${trusted(duckType(field.type))}) AS ${id(field.name)}`)
    const folder = await makeOwnFolder(tmpdir(), 'binlake-live')
    const changes = joinPath(folder, 'tail.parquet')
    const dispose = () => removeOwnFolder(folder)
    try {
      await duck.run(sql`COPY (SELECT ${join(columns)} FROM applied WHERE _winner) TO ${changes} (FORMAT parquet)`)
    } catch (error) {
      await dispose()
      throw error
    }
    return { ...tail, fields, changes, [Symbol.asyncDispose]: dispose } satisfies LiveTail
  }
}

/** The bronze files that silver has not taken, whatever history may have. */
async function filesBeyond(lake: Lakehouse, bronze: Snapshot, tables: SilverTables): Promise<Add[]> {
  const { current } = tables.taken
  // The first commits may be gone from the log, and their rows in other files.
  if (current < 0) return [...bronze.files.values()]
  return filesAfter(lake, bronze, tables, current)
}
