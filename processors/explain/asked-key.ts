// Which row a person means: by its key's values as they are typed, in the source or in silver, by a finding's token, or by a place in Kafka.
// Guarantee: values compare as their column's type does, not as text: 1, 01 and 1.0 are one DECIMAL, 'a' and 'A' two texts.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { duckType } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import type { Keys } from '../../privacy/keys.ts'
import type { Way } from '../apply.ts'
import { columnType } from '../column-types.ts'
import { keyColumns, parsedKey, typedKey } from '../order/events-of-keys.ts'
import { findKey } from '../replay/find-key.ts'
import type { SourceTable } from '../source-schema.ts'

/** One of the three. */
export interface AskedKey {
  /** By column of the source. */
  values?: Record<string, string>
  /** In key order. */
  ordered?: readonly string[]
  /** The same as it was typed: of a table with one key column, the value. */
  whole?: string
  at?: { partition: number; offset: bigint }
}

/** The key was asked for in a way that cannot mean one. */
export class ExplainInvalid extends Error {
  readonly code = 'EXPLAIN_INVALID'
  readonly retryable = false
}

/** The values in key order. Throws ExplainInvalid, naming the columns. */
export function orderedValues({ values, ordered, whole }: AskedKey, { database, table, primaryKey }: SourceTable): string[] {
  const example = primaryKey.map(name => `--key ${name}=…`).join(' ')
  const fail = (what: string) => {
    throw new ExplainInvalid(
      `${database}.${table}: ${what}; its key is (${primaryKey.join(', ')}): give ${primaryKey.length === 1 ? 'its value' : 'the values in this order, with commas,'} or ${example}`,
    )
  }
  if (whole !== undefined && primaryKey.length === 1) return [whole]
  if (ordered) {
    if (ordered.length !== primaryKey.length)
      fail(
        `${ordered.length} value${ordered.length === 1 ? '' : 's'} for ${primaryKey.length} key column${primaryKey.length === 1 ? '' : 's'}`,
      )
    return [...ordered]
  }
  const given = new Map(Object.entries(values ?? {}).map(([name, value]) => [name.toLowerCase(), value]))
  const found = primaryKey.map(name => given.get(name.toLowerCase()))
  const unknown = [...given.keys()].filter(name => !primaryKey.some(column => column.toLowerCase() === name))
  if (unknown.length > 0) fail(`${unknown.join(', ')} is no key column`)
  if (found.includes(undefined)) fail(`${primaryKey.filter((_, i) => found[i] === undefined).join(', ')} is missing`)
  return found as string[]
}

/**
 * Makes temp table `asked_keys` (the key columns as silver has them) of the key that is meant; returns how many there are: none, or one.
 * Throws ExplainInvalid.
 */
export async function findAsked(
  duck: Duck,
  way: Way & { keys: Keys },
  { bronze, asked }: { bronze: Snapshot; asked: AskedKey },
): Promise<number> {
  const { schema, mask } = way
  await mask.bind(duck)
  const key = columns(mask.primaryKey)
  if (asked.at) {
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE asked_keys AS
      SELECT DISTINCT ${key} FROM (${await keysIn(way, bronze)}) WHERE "the partition" = ${asked.at.partition} AND "the offset" = ${asked.at.offset}`)
    return counted(duck)
  }
  const values = orderedValues(asked, schema)
  const source = keyColumns(schema).map((column, i) => {
    const type = trusted(duckType(columnType(column, schema).delta))
    return sql`${id(`its ${column.name}`)} = TRY_CAST(${values[i]!} AS ${type})`
  })
  const silver = mask.primaryKey.map((name, i) => sql`${id(name)}::VARCHAR = ${values[i]!}`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE asked_keys AS
    SELECT DISTINCT ${key} FROM (${await keysIn(way, bronze)}) WHERE (${join(source, ' AND ')}) OR (${join(silver, ' AND ')})`)
  const found = await counted(duck)
  const [only] = values
  if (found > 0 || values.length !== 1 || !/^tok_/.test(only!)) return found
  const [named] = await findKey(duck, way, only!)
  if (!named) return 0
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE asked_keys AS SELECT DISTINCT ${key} FROM (${await keysIn(way, bronze)})
    WHERE ${join(
      mask.primaryKey.map(name => sql`${id(name)}::VARCHAR = ${named.key[name]!}`),
      ' AND ',
    )}`)
  return counted(duck)
}

async function counted(duck: Duck): Promise<number> {
  return Number((await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM asked_keys`))!.n)
}

/** Of every record of bronze: `the partition, the offset`, the key in silver's columns and, as `its <column>`, in the source's. */
async function keysIn({ lake, schema, mask }: Way, bronze: Snapshot, files?: readonly Add[]): Promise<Sql> {
  const rows = await scan(lake.table(tablePath('bronze', schema)), bronze, {
    columns: ['_partition', '_offset', '_key'],
    ...(files ? { files } : {}),
  })
  const masked = mask.columns.filter(({ name }) => mask.primaryKey.includes(name))
  const own = keyColumns(schema).map(({ name }) => sql`${id(name)} AS ${id(`its ${name}`)}`)
  return sql`SELECT "the partition", "the offset", ${join(own)}, ${join(masked.map(({ name, expr }) => sql`${expr} AS ${id(name)}`))}
    FROM (SELECT "the partition", "the offset", ${join(typedKey(schema))}
      FROM (SELECT _partition AS "the partition", _offset AS "the offset", ${parsedKey(schema)} AS "the key" FROM ${rows} WHERE _key IS NOT NULL))`
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
