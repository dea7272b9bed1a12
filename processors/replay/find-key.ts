// Looks up the key that a token stands for, as `verify` and `replay` name rows that differ.
// Guarantee: shows what silver shows and no more: a key that the policy masks stays masked.
import type { Duck } from '../../lake/duckdb.ts'
import { scan } from '../../lake/scan.ts'
import { id, join, sql } from '../../lake/sql.ts'
import type { Keys } from '../../privacy/keys.ts'
import { bindKey, tokenSql } from '../../privacy/token.ts'
import type { Way } from '../apply.ts'
import { openBronze } from '../open-table.ts'
import { paths } from '../silver-parts.ts'
import { partNames } from './build-aside.ts'
import { keyText } from './compare-rows.ts'
import { tokenKey } from './key-token.ts'

export interface FoundKey {
  table: string
  /** The key's columns, as text. */
  key: Record<string, string>
  /** Which of silver's tables hold it. */
  in: string[]
}

/** The keys of one table whose token is `token`; as a rule one or none. */
export async function findKey(duck: Duck, way: Way & { keys: Keys }, token: string): Promise<FoundKey[]> {
  const { lake, schema, mask, keys } = way
  const bronze = await openBronze(way)
  if (!bronze) return []
  const key = tokenKey(keys, bronze.metaData.id)
  await bindKey(duck, key)
  const at = paths(schema)
  const found = new Map<string, FoundKey>()
  for (const part of [...partNames].reverse()) {
    const snapshot = await lake.current(at[part])
    if (!snapshot) continue
    const columns = mask.primaryKey.filter(name => snapshot.fields.some(field => field.name === name))
    if (columns.length < mask.primaryKey.length) continue
    const rows = await duck.rows<{ key: string[] }>(sql`
      SELECT DISTINCT [${join(columns.map(name => sql`${id(name)}::VARCHAR`))}] AS key FROM ${await scan(lake.table(at[part]), snapshot, { columns })}
      WHERE ${tokenSql(keyText(columns), key, 'exact')} = ${token}`)
    for (const { key: values } of rows) {
      const named = JSON.stringify(values)
      const entry = found.get(named) ?? {
        table: `${schema.database}.${schema.table}`,
        key: Object.fromEntries(columns.map((name, i) => [name, values[i]!])),
        in: [],
      }
      entry.in.push(at[part])
      found.set(named, entry)
    }
  }
  return [...found.values()]
}
