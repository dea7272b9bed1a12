// A silver table of the merge benchmark: made, changed and measured through the pipeline's own steps.
// Guarantee: after each step the table holds every key once, with the newest value.
import { join as joinPath } from 'node:path'
import { openStore } from '../connectors/open-store.ts'
import { Duck } from '../lake/duckdb.ts'
import { Lakehouse } from '../lake/lakehouse.ts'
import { readCommit } from '../lake/log.ts'
import { scan } from '../lake/scan.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import { compileMask, type MaskPlan } from '../privacy/mask.ts'
import { parsePolicy } from '../privacy/policy.ts'
import { collapse } from '../processors/order/collapse.ts'
import { mergeSilver, openSilver, readState } from '../processors/silver.ts'
import { paths } from '../processors/silver-parts.ts'
import type { SourceTable } from '../processors/source-schema.ts'

export const keyKinds = ['bigint', 'composite', 'text', 'random text'] as const
export type KeyKind = (typeof keyKinds)[number]
export const works = ['build', 'hot 1 %', 'uniform', 'insert only'] as const
export type Work = (typeof works)[number]

export interface Measured {
  /** Of the current table, before the work; after it for `build`. */
  tableBytes: number
  tableFiles: number
  /** Old files that were replaced. */
  rewrittenBytes: number
  removedFiles: number
  writtenBytes: number
  addedFiles: number
  seconds: number
  /** Of all cores: on a busy machine the better figure. */
  cpuSeconds: number
  /** Largest resident set of the process so far. */
  peakBytes: number
}

/** Rows a step of the pipeline takes by default. */
const stepRows = 500_000
const bronzeId = 'bench'

const keys: Record<KeyKind, { columns: { name: string; typeName: string }[]; of: (n: Sql) => Sql[] }> = {
  bigint: { columns: [{ name: 'id', typeName: 'BIGINT' }], of: n => [n] },
  composite: {
    columns: [
      { name: 'shop', typeName: 'INT' },
      { name: 'id', typeName: 'BIGINT' },
    ],
    of: n => [sql`(${n} // 10000)::INTEGER`, sql`${n} % 10000`],
  },
  text: { columns: [{ name: 'id', typeName: 'VARCHAR' }], of: n => [sql`printf('order-%012d', ${n})`] },
  'random text': { columns: [{ name: 'id', typeName: 'VARCHAR' }], of: n => [sql`md5((${n})::VARCHAR)`] },
}

/** Twelve columns, of the kinds that orders have: some 45 bytes a row on disk, binlake's own columns included. */
const values: { name: string; typeName: string; of: Sql }[] = [
  { name: 'customer', typeName: 'BIGINT', of: sql`(hash(n) % 2000000000)::BIGINT` },
  { name: 'status', typeName: 'VARCHAR', of: sql`['new', 'paid', 'sent', 'done', 'returned'][1 + (hash(n + 1) % 5)::INTEGER]` },
  { name: 'amount', typeName: 'BIGINT', of: sql`(hash(n + 2) % 100000000)::BIGINT` },
  { name: 'quantity', typeName: 'INT', of: sql`1 + (hash(n + 3) % 9)::INTEGER` },
  { name: 'product', typeName: 'INT', of: sql`(hash(n + 4) % 50000)::INTEGER` },
  { name: 'created', typeName: 'BIGINT', of: sql`1760000000000 + n * 250` },
  { name: 'changed', typeName: 'BIGINT', of: sql`1760000000000 + n * 250 + (hash(n + 5) % 100000)::BIGINT` },
  { name: 'country', typeName: 'VARCHAR', of: sql`['DE', 'FR', 'IT', 'ES', 'PL', 'SE'][1 + (hash(n + 6) % 6)::INTEGER]` },
  { name: 'reference', typeName: 'VARCHAR', of: sql`md5((n + 7)::VARCHAR) || substr(md5((n + 8)::VARCHAR), 1, 12)` },
  {
    name: 'note',
    typeName: 'VARCHAR',
    of: sql`CASE WHEN hash(n + 8) % 10 = 0 THEN 'call before delivery ' || (hash(n) % 1000) END`,
  },
  { name: 'version', typeName: 'INT', of: sql`version` },
]

export class MergeTable {
  readonly #duck: Duck
  readonly #lake: Lakehouse
  readonly #schema: SourceTable
  readonly #kind: KeyKind
  readonly #rows: number
  readonly #mask: MaskPlan

  private constructor(duck: Duck, lake: Lakehouse, { kind, rows }: { kind: KeyKind; rows: number }) {
    const columns = [...keys[kind].columns, ...values]
    this.#duck = duck
    this.#lake = lake
    this.#kind = kind
    this.#rows = rows
    this.#schema = {
      database: 'shop',
      table: 'orders',
      primaryKey: keys[kind].columns.map(({ name }) => name),
      columns: columns.map(({ name, typeName }, i) => ({ name, typeName, optional: true, position: i + 1 })),
    }
    const pass = columns.map(({ name }) => `    ${name}: {class: pseudonymous, strategy: keep}`)
    const policy = parsePolicy(`version: 1\ntables:\n  orders:\n${pass.join('\n')}\n`, 'policy.yaml')
    this.#mask = compileMask(policy, this.#schema, new Map())
  }

  static async open(folder: string, options: { kind: KeyKind; rows: number; memory: string }): Promise<MergeTable> {
    const store = await openStore(`file://${folder}`, { cacheDir: joinPath(folder, '.cache') })
    return new MergeTable(await Duck.open({ memoryLimit: options.memory }), new Lakehouse(store), options)
  }

  async measure(work: Work, changes: number): Promise<Measured> {
    const before = await this.#size()
    const began = performance.now()
    const cpu = process.cpuUsage()
    if (work === 'build')
      for (let from = 0; from < this.#rows; from += stepRows) await this.#insert(from, Math.min(from + stepRows, this.#rows))
    else if (work === 'insert only') await this.#insert(this.#rows, this.#rows + changes)
    else await this.#update(work, changes)
    const seconds = (performance.now() - began) / 1_000
    const { user, system } = process.cpuUsage(cpu)
    const peakBytes = process.resourceUsage().maxRSS * 1_024
    await this.#check(work === 'insert only' ? this.#rows + changes : this.#rows, { work, changes })
    const { removes, adds } = (await readCommit(this.#lake.table(this.#path), (await this.#current())!.version))!
    const total = (files: readonly { size?: number }[]) => files.reduce((sum, { size = 0 }) => sum + size, 0)
    return {
      ...(work === 'build' ? await this.#size() : before),
      rewrittenBytes: work === 'build' ? 0 : total(removes),
      removedFiles: work === 'build' ? 0 : removes.length,
      writtenBytes: work === 'build' ? (await this.#size()).tableBytes : total(adds),
      addedFiles: work === 'build' ? (await this.#size()).tableFiles : adds.length,
      seconds,
      cpuSeconds: (user + system) / 1e6,
      peakBytes,
    }
  }

  async #insert(from: number, to: number): Promise<void> {
    await this.#merge({ keys: sql`SELECT range AS n, 1 AS version FROM range(${from}, ${to})`, op: 'c' })
  }

  /** `hot 1 %`: keys that lie together, from 40 % of the table on. */
  async #update(work: Work, changes: number): Promise<void> {
    const [from, room] = work === 'uniform' ? [0, this.#rows] : [Math.floor(this.#rows * 0.4), Math.floor(this.#rows * 0.01)]
    const step = room / Math.min(changes, room)
    await this.#merge({
      keys: sql`SELECT ${from} + floor(range * ${step})::BIGINT AS n, 2 AS version FROM range(${Math.min(changes, room)})`,
      op: 'u',
    })
  }

  /** Temp table `changes` as typing leaves it, then the steps of every merge. */
  async #merge(batch: { keys: Sql; op: string }): Promise<void> {
    const duck = this.#duck
    const tables = await openSilver(this.#lake, this.#schema, { key: this.#mask.primaryKey, bronzeId })
    const version = tables.taken.current + 1
    const offset = version * stepRows * 2
    const key = keys[this.#kind].of(sql`n`)
    const own = [
      ...keys[this.#kind].columns.map(({ name, typeName }, i) => sql`CAST(${key[i]!} AS ${trusted(typeName)}) AS ${id(name)}`),
      ...values.map(({ name, of }) => sql`${of} AS ${id(name)}`),
    ]
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE changes AS
      SELECT row_number() OVER () AS _row_id, *, false AS _bad FROM (
        SELECT ${join(own)}, ${batch.op} AS _op, make_timestamptz(1760000000000000 + ${offset} + i) AS _source_ts, 0 AS _partition, ${offset} + i AS _offset,
          'binlog.000001' AS _file, ${offset} + i AS _pos, 0 AS _row, NULL::VARCHAR AS _gtid, NULL::BIGINT AS _tx_order, 'false' AS _snapshot,
          0 AS _epoch, 0 AS _lineage
        FROM (SELECT *, row_number() OVER () AS i FROM (${batch.keys})))`)
    await readState(duck, this.#lake, tables)
    const findSeen = () => Promise.reject(new Error('every change is in order: none is looked up'))
    await collapse(duck, { table: 'shop.orders', key: this.#mask.primaryKey, findSeen })
    await mergeSilver(duck, this.#lake, { tables, mask: this.#mask, bronzeId, version, userMetadata: '{}' })
  }

  /** A benchmark of a wrong result is worth nothing. */
  async #check(rows: number, { work, changes }: { work: Work; changes: number }): Promise<void> {
    const table = await scan(this.#lake.table(this.#path), (await this.#current())!)
    const key = join(this.#schema.primaryKey.map(name => id(name)))
    const found = await this.#duck.row<{ n: bigint; keys: bigint; changed: bigint }>(
      sql`SELECT count(*) AS n, count(DISTINCT hash(${key})) AS keys, count(*) FILTER (version = 2) AS changed FROM ${table}`,
    )
    const changed = work === 'hot 1 %' ? Math.min(changes, Math.floor(rows * 0.01)) : undefined
    const wrong =
      Number(found!.n) !== rows || found!.keys !== found!.n || (changed !== undefined && Number(found!.changed) !== changed)
    if (wrong) throw new Error(`${work}: the table holds ${found!.n} rows, ${found!.keys} keys, ${found!.changed} changed`)
  }

  async #size(): Promise<{ tableBytes: number; tableFiles: number }> {
    const files = [...((await this.#current())?.files.values() ?? [])]
    return { tableBytes: files.reduce((sum, { size }) => sum + size, 0), tableFiles: files.length }
  }

  get #path(): string {
    return paths(this.#schema).current
  }

  #current() {
    return this.#lake.current(this.#path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#duck.close()
    await this.#lake.store.close()
  }
}
