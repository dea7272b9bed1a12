// What most interop tests have in common: a database for our own reader, and the other engines.

import { type CommitOptions, commit } from '../../lake/commit.ts'
import { Duck } from '../../lake/duckdb.ts'
import type { Field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Sql } from '../../lake/sql.ts'
import type { Table } from '../../lake/table.ts'
import { writeFile } from '../../lake/write.ts'
import { Engines } from './engines/engines.ts'
import { expectSameRows, type SameRows } from './same-rows.ts'

export interface AppendOptions {
  base?: Snapshot | undefined
  fields: readonly Field[]
  /** Default: all columns. */
  stats?: string[]
  partition?: Record<string, string | null>
  txns?: CommitOptions['txns']
}

/** Close it when the file's tests are done. */
export class Others {
  readonly duck: Duck
  readonly engines: Engines

  private constructor(duck: Duck, engines: Engines) {
    this.duck = duck
    this.engines = engines
  }

  static async open(): Promise<Others> {
    return new Others(await Duck.open({ threads: 1 }), await Engines.connect())
  }

  /** Appends the rows of a query as one file, in a commit of our own. */
  async append(table: Table, select: Sql, options: AppendOptions): Promise<Snapshot> {
    const { base, fields, partition = {}, txns } = options
    const stats = options.stats ?? fields.map(({ name }) => name)
    const add = await writeFile(this.duck, table, { select, fields, stats, partition })
    const metaData = { fields, partitionColumns: Object.keys(partition) }
    return commit(table, { base, mode: 'append', operation: 'WRITE', metaData, adds: [add!], ...(txns ? { txns } : {}) })
  }

  /** All engines must see what binlake's own scan sees. Returns the number of rows. */
  async same(
    table: Table,
    snapshot: Snapshot,
    options: Pick<SameRows, 'among' | 'travel' | 'where' | 'asked'> = {},
  ): Promise<number> {
    return expectSameRows({ engines: this.engines, duck: this.duck, table, snapshot, ...options })
  }

  async close(): Promise<void> {
    this.engines.close()
    await this.duck.close()
  }
}
