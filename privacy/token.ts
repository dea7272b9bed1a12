// Tokens: keyed HMAC-SHA256 of a value, computed by DuckDB over whole columns.
// Guarantee: equal to node:crypto's HMAC; the key is bound as a variable of the connection and never stands in SQL text.
import { BLOB, blobValue } from '@duckdb/node-api'
import type { Duck } from '../lake/duckdb.ts'
import { id, type Sql, sql } from '../lake/sql.ts'
import type { MaskKey } from './keys.ts'
import type { KeyDomain } from './policy.ts'

/**
 * SQL from a text expression to `tok_<key version>_` and 26 characters: the first 128 bits of HMAC(key, domain ‖ 0x00 ‖ canonical value) in
 * lower-case base32 (the hex alphabet 0–9 a–v of RFC 4648 §7). NULL stays NULL. Needs `bindKey` on the connection, else the statement fails.
 */
export function tokenSql(value: Sql, key: MaskKey, canonical: KeyDomain['canonical']): Sql {
  const written = canonical === 'trim-lower' ? sql`lower(trim(${value}, e' \t\r\n'))` : value
  const [inner, outer] = [bound(key, 'inner'), bound(key, 'outer')]
  const hash = sql`sha256(${outer} || unhex(sha256(${inner} || encode(${written}))))`
  const digits = (from: number, count: number) => sql`('0x' || substr(${hash}, ${from}, ${count}))::BIGINT`
  // 60 + 60 + 8 bits; the last group is filled up to 10 bits, as RFC 4648 does.
  const base32 = sql`to_base(${digits(1, 15)}, 32, 12) || to_base(${digits(16, 15)}, 32, 12) || to_base(${digits(31, 2)} * 4, 32, 2)`
  // The check stands beside the hash, not in it: DuckDB computes a part that may fail anew at each of the places it is used.
  const prefix = sql`CASE WHEN octet_length(${inner}) = 0 OR octet_length(${outer}) = 0
    THEN error('binlake: mask keys are not bound on this connection')::VARCHAR
    ELSE ${`tok_${key.version}_`} END`
  return sql`${prefix} || lower(${base32})`
}

/** Makes a key known to one connection; a forked connection needs its own call. */
export async function bindKey(duck: Duck, key: MaskKey): Promise<void> {
  const { inner, outer } = key.blocks()
  // The domain and its 0x00 are constant too: they go with the inner block.
  await bindBlob(duck, variable(key, 'inner'), Buffer.concat([inner, Buffer.from(`${key.domain}\0`)]))
  await bindBlob(duck, variable(key, 'outer'), outer)
}

async function bindBlob(duck: Duck, name: string, bytes: Buffer): Promise<void> {
  await duck.connection.run(sql`SET VARIABLE ${id(name)} = $1`.text, [blobValue(bytes)], [BLOB])
}

/** A block as bound; empty if it is not, as a NULL would make every token NULL before the check is seen. */
function bound(key: MaskKey, part: 'inner' | 'outer'): Sql {
  return sql`coalesce(getvariable(${variable(key, part)})::BLOB, ''::BLOB)`
}

function variable({ domain, version }: MaskKey, part: 'inner' | 'outer'): string {
  return `binlake key ${domain}.${version} ${part}`
}
