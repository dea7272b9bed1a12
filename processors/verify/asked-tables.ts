// Which tables a verification is about: all that the lake follows, or those that are named, and those that should be there and are not.
// Guarantee: a table that did not come is told, and never passed over.
import { setTimeout as sleep } from 'node:timers/promises'
import { isSelfTest } from '../../connectors/self-test-name.ts'
import type { SourceColumnName } from '../../connectors/source-rows.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import type { Keys } from '../../privacy/keys.ts'
import { compileMask } from '../../privacy/mask.ts'
import type { Policy } from '../../privacy/policy.ts'
import { isDebeziums } from '../bronze-names.ts'
import { isPlumbing } from '../plumbing.ts'
import type { SourceTable, TableName } from '../source-schema.ts'
import type { SourceSchemas } from '../source-schemas.ts'
import { nameOf } from '../table-name.ts'
import { unheardTables } from './unheard.ts'

export interface AskedOptions {
  lake: Lakehouse
  policy: Policy
  keys: Keys
  /** Only these tables (`database.table` or the table's name alone). */
  tables?: readonly string[] | undefined
  /** Why a table is not captured; undefined: it is. */
  uncaptured?: ((table: TableName) => string | undefined) | undefined
  signal?: AbortSignal | undefined
}

/**
 * The source's tables. Unless asked for by name, without those that carry Debezium's own signals and heartbeats, and without other databases of the
 * server: Debezium tells of their schemas too, but they send nothing. Names of which the lake has not heard by `until` are missing.
 */
export async function askedTables(
  { lake, tables: only, policy, keys, signal }: AskedOptions,
  { schemas, until }: { schemas: SourceSchemas; until: number },
): Promise<{ tables: SourceTable[]; missing: string[] }> {
  const names = ({ database, table }: TableName) => [table, `${database}.${table}`]
  for (;;) {
    const databases = new Set((await lake.bronzeTables()).map(({ name }) => name.database))
    const all = (await schemas.all()).filter(schema => !isDebeziums(schema) && !isSelfTest(schema.table))
    const isOfBusiness = (schema: SourceTable) =>
      databases.has(schema.database) && !(isPlumbing(schema) && compileMask(policy, schema, keys).omitted !== undefined)
    const tables = all.filter(schema => (only ? names(schema).some(name => only.includes(name)) : isOfBusiness(schema)))
    const missing = (only ?? []).filter(name => !tables.some(schema => names(schema).includes(name)))
    if (missing.length === 0 || Date.now() >= until) return { tables, missing }
    await sleep(Math.min(1_000, until - Date.now()), undefined, { signal })
  }
}

/** Tables of MySQL that have not come by `until`. */
export async function missedTables(
  { lake, policy, keys, uncaptured, signal }: AskedOptions,
  { columns, schemas, until }: { columns: readonly SourceColumnName[]; schemas: SourceSchemas; until: number },
): Promise<string[]> {
  for (;;) {
    const bronze = (await lake.bronzeTables()).filter(({ name }) => !isDebeziums(name))
    const known = [...(await schemas.all()), ...bronze.map(({ name }) => name)]
    const found = unheardTables(columns, { known, policy, keys })
    const missed = found.filter(name => uncaptured?.(name) === undefined && !isSelfTest(name.table))
    if (missed.length === 0 || Date.now() >= until) return missed.map(nameOf)
    await sleep(Math.min(1_000, until - Date.now()), undefined, { signal })
  }
}
