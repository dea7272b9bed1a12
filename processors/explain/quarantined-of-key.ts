// Records of one key that could not even be read as events: they wait in quarantine and are not in bronze.
import type { Duck } from '../../lake/duckdb.ts'
import { tablePath } from '../../lake/layout.ts'
import { id, join, sql } from '../../lake/sql.ts'
import type { Way } from '../apply.ts'
import { maskedKeys } from '../order/events-of-keys.ts'
import { quarantined } from '../quarantine/records.ts'

export interface QuarantinedOfKey {
  partition: number
  offset: bigint
  reason: string
  /** A record that was given up has lost its key: it is not found any more. */
  settled: 'mended' | null
}

/** Of the key in temp table `asked_keys`; only records whose own key can be read. */
export async function quarantinedOfKey(duck: Duck, way: Way): Promise<QuarantinedOfKey[]> {
  const { lake, schema, mask } = way
  const snapshot = await lake.current(tablePath('quarantine', schema))
  if (!snapshot?.fields.some(({ name }) => name === '_reason')) return []
  const rows = await quarantined(lake, schema, { snapshot })
  const keyed = sql`(SELECT NULL AS _path, NULL AS _op, * EXCLUDE (_key), CASE WHEN octet_length(_key) > 0 THEN TRY(decode(_key)) END AS _key
    FROM ${rows} WHERE _step <> 'silver')`
  const key = join(mask.primaryKey.map(name => id(name)))
  return duck.rows(sql`
    SELECT record._partition AS partition, record._offset AS "offset", record._reason AS reason, record._settled AS settled
    FROM (SELECT DISTINCT "the partition" AS _partition, "the offset" AS _offset FROM (${maskedKeys(keyed, { schema, mask })}) WHERE (${key}) IN (SELECT (${key}) FROM asked_keys))
      JOIN ${rows} AS record USING (_partition, _offset)
    WHERE record._step <> 'silver' ORDER BY partition, "offset"`)
}
