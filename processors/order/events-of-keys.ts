// All of bronze that concerns a few keys, found by the records' own keys: for a look at one key, and for keys that are made anew.
// Guarantee: no event of a key is left out; whatever cannot be told apart by its key is looked at too.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { duckType } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import { columnType } from '../column-types.ts'
import type { SourceTable } from '../source-schema.ts'
import { unwrapped } from '../stage.ts'

/** Narrows a step of silver to some keys (apply.ts). */
export interface EventsOfKeys {
  /** Bronze files that hold anything of them. */
  files: Add[]
  /** Of bronze rows with `_partition` and `_offset`, those that may concern the keys. */
  among(rows: Sql): Sql
  /** Takes all other keys out of temp table `changes`. */
  keep(duck: Duck): Promise<void>
}

export interface KeysOptions {
  bronze: Snapshot
  /** A query for the keys, as silver has them; runs several times. */
  keys: Sql
}

/**
 * Finds the places of the keys' events: temp table `key_places` (`_path, _life, _partition, _offset, _known`: the record's own key tells). Reads bronze's keys, not its values.
 */
export async function eventsOfKeys(
  duck: Duck,
  { lake, schema, mask }: { lake: Lakehouse; schema: SourceTable; mask: MaskPlan },
  { bronze, keys }: KeysOptions,
): Promise<EventsOfKeys> {
  const lives = bronze.fields.some(({ name }) => name === '_epoch') ? ['_epoch'] : []
  const scanned = await scan(lake.table(tablePath('bronze', schema)), bronze, {
    columns: ['_partition', '_offset', '_op', '_key', ...lives],
    fileColumn: '_path',
  })
  const rows = sql`(SELECT * REPLACE ({path: _path, life: ${lives.length > 0 ? sql`coalesce(_epoch, 0)` : sql`0`}} AS _path) FROM ${scanned})`
  await mask.bind(duck)
  const key = columns(mask.primaryKey)
  const known = join(
    mask.primaryKey.map(name => sql`${id(name)} IS NULL`),
    ' OR ',
  )
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE key_places AS
    SELECT "the path".path AS _path, "the path".life AS _life, "the partition" AS _partition, "the offset" AS _offset, NOT (${known}) AS _known
    FROM (${maskedKeys(rows, { schema, mask })})
    WHERE "the op" = 't' OR ${known} OR (${key}) IN (SELECT (${key}) FROM (${keys}))`)
  const paths = await duck.rows<{ path: string }>(sql`SELECT DISTINCT _path AS path FROM key_places`)
  return {
    files: paths.map(({ path }) => bronze.files.get(path)!),
    among: some => sql`(SELECT * FROM ${some} SEMI JOIN key_places USING (_partition, _offset))`,
    keep: async on => on.run(sql`DELETE FROM changes WHERE (${key}) NOT IN (SELECT (${key}) FROM (${keys}))`),
  }
}

/**
 * Rows `the path, the partition, the offset, the op` and the key's columns, typed and masked as silver has them; NULL where the record's own
 * key does not tell: it may be there for the order only (message.key.columns), or not be readable.
 */
export function maskedKeys(rows: Sql, { schema, mask }: { schema: SourceTable; mask: MaskPlan }): Sql {
  const plain = ['_path', '_partition', '_offset', '_op'].map(name => sql`${id(name)} AS ${id(`the ${name.slice(1)}`)}`)
  const carried = join(['the path', 'the partition', 'the offset', 'the op'].map(name => id(name)))
  const masked = mask.columns.filter(({ name }) => mask.primaryKey.includes(name))
  return sql`SELECT ${carried}, ${join(masked.map(({ name, expr }) => sql`${expr} AS ${id(name)}`))}
    FROM (SELECT ${carried}, ${join(typedKey(schema))} FROM (SELECT ${join(plain)}, ${parsedKey(schema)} AS "the key" FROM ${rows}))`
}

/** The record's own key as a structure; NULL if it is none. */
export function parsedKey(schema: SourceTable): Sql {
  const shape = Object.fromEntries(keyColumns(schema).map(column => [column.name, columnType(column, schema).jsonType]))
  return sql`TRY(json_transform(${unwrapped(sql`_key`)}, ${JSON.stringify(shape)}))`
}

/** The key's columns under their names in the source, typed, of a structure called `the key`. */
export function typedKey(schema: SourceTable): Sql[] {
  return keyColumns(schema).map(column => {
    const type = columnType(column, schema)
    const value = type.fromJson(sql`"the key".${id(column.name)}`)
    return sql`TRY(CAST(${value} AS ${trusted(duckType(type.delta))})) AS ${id(column.name)}`
  })
}

export function keyColumns({ primaryKey, columns: all }: SourceTable): SourceTable['columns'] {
  return primaryKey.map(name => all.find(column => column.name === name)!)
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
