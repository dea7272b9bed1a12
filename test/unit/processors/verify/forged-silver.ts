// A source held in lists and a silver table of its rows with chosen damage: what `verify` compares, without the way between.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { openStore } from '../../../../connectors/open-store.ts'
import type { SourceRows } from '../../../../connectors/source-rows.ts'
import { commit } from '../../../../lake/commit.ts'
import { Duck } from '../../../../lake/duckdb.ts'
import { Lakehouse } from '../../../../lake/lakehouse.ts'
import { duckType, field } from '../../../../lake/schema.ts'
import { id, join, sql, trusted } from '../../../../lake/sql.ts'
import { writeFile } from '../../../../lake/write.ts'
import { MaskKey } from '../../../../privacy/keys.ts'
import { compileMask, type MaskPlan } from '../../../../privacy/mask.ts'
import { parsePolicy } from '../../../../privacy/policy.ts'
import { columnType } from '../../../../processors/column-types.ts'
import { paths } from '../../../../processors/silver-parts.ts'
import type { SourceTable } from '../../../../processors/source-schema.ts'

export type Row = (string | null)[]

/** Key of two columns, one of them text; the address is masked. */
export const schema: SourceTable = {
  database: 'shop',
  table: 'people',
  primaryKey: ['id', 'kind'],
  columns: [
    { name: 'id', typeName: 'BIGINT', optional: false, position: 1 },
    { name: 'kind', typeName: 'VARCHAR', length: 20, optional: false, position: 2 },
    { name: 'email', typeName: 'VARCHAR', length: 200, optional: true, position: 3 },
    { name: 'amount', typeName: 'DECIMAL', length: 12, scale: 2, optional: true, position: 4 },
    { name: 'born', typeName: 'DATE', optional: true, position: 5 },
    { name: 'score', typeName: 'DOUBLE', optional: true, position: 6 },
  ],
}

const policyText = `version: 1
keys:
  email: {current: v1, canonical: trim-lower}
tables:
  people:
    id: {class: operational, strategy: keep}
    kind: {class: operational, strategy: keep}
    email: {class: personal, strategy: token, domain: email}
    amount: {class: operational, strategy: keep}
    born: {class: operational, strategy: keep}
    score: {class: operational, strategy: keep}
`
export const keys = new Map([['email', new MaskKey({ domain: 'email', version: 'v1' }, Buffer.alloc(32, 7))]])

export class ForgedSilver {
  readonly folder: string
  readonly duck: Duck
  readonly lake: Lakehouse
  readonly schema: SourceTable
  readonly mask: MaskPlan

  private constructor(folder: string, duck: Duck, lake: Lakehouse, table: SourceTable) {
    this.folder = folder
    this.duck = duck
    this.lake = lake
    this.schema = table
    this.mask = compileMask(parsePolicy(policyText, 'policy.yaml'), table, keys)
  }

  static async open(table: SourceTable = schema): Promise<ForgedSilver> {
    const folder = await mkdtemp(joinPath(tmpdir(), 'binlake-verify-test-'))
    const store = await openStore(`file://${folder}/lake`, { cacheDir: joinPath(folder, 'cache') })
    return new ForgedSilver(folder, await Duck.open({ threads: 1 }), new Lakehouse(store), table)
  }

  /** Silver holds these rows, given as the source prints them. */
  async put(rows: readonly Row[]): Promise<void> {
    const { duck, lake, mask } = this
    const path = paths(this.schema).current
    const texts = sql`SELECT r FROM (SELECT unnest(${JSON.stringify(rows)}::JSON::VARCHAR[][]) AS r)`
    const typed = this.schema.columns.map((column, i) => {
      const type = columnType(column, this.schema)
      return sql`CAST(${type.fromMysql(sql`r[${i + 1}]`)} AS ${trusted(duckType(type.delta))}) AS ${id(column.name)}`
    })
    await mask.bind(duck)
    const masked = mask.columns.map(({ expr, name }) => sql`${expr} AS ${id(name)}`)
    const fields = mask.columns.map(({ name, delta }) => field(name, delta))
    const select = sql`SELECT ${join(masked)} FROM (SELECT ${join(typed)} FROM (${texts}))`
    const base = await lake.current(path)
    const add = rows.length > 0 ? await writeFile(duck, lake.table(path), { select, fields }) : undefined
    lake.committed(
      path,
      await commit(lake.table(path), {
        base,
        mode: 'overwrite',
        operation: 'WRITE',
        metaData: { fields, configuration: { 'cdc.primaryKey': JSON.stringify(mask.primaryKey) } },
        removes: [...(base?.files.keys() ?? [])],
        adds: add ? [add] : [],
      }),
    )
  }

  async close(): Promise<void> {
    await this.duck.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A source that holds these rows and knows no binlog. */
export function sourceOf(rows: readonly Row[]): SourceRows {
  return {
    position: 'a list',
    async rows() {
      return (async function* () {
        yield* rows.map(row => [...row])
      })()
    },
    async [Symbol.asyncDispose]() {},
  }
}
