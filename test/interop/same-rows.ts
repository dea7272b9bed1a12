// Holds the other engines to what binlake reads itself: every row, every value.
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Duck } from '../../lake/duckdb.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql, trusted } from '../../lake/sql.ts'
import type { Table } from '../../lake/table.ts'
import { type EngineName, type Engines, engineNames } from './engines/engines.ts'

export interface SameRows {
  engines: Engines
  duck: Duck
  table: Table
  snapshot: Snapshot
  /** Default: all of them. */
  among?: readonly EngineName[]
  /** Ask for `snapshot.version`; default: the newest version, which it must be. */
  travel?: boolean
  /** Only rows that meet it, in binlake's reader, too. */
  where?: string
  /** The same condition as the engines spell it, where that differs. */
  asked?: string
}

/** Fails unless each engine gives the rows of `snapshot`; returns how many rows that are. */
export async function expectSameRows(asked: SameRows): Promise<number> {
  const { engines, table, snapshot, among = engineNames, where } = asked
  const own = await ownRows(asked)
  for (const engine of among) {
    const seen = await engines.read(engine, folderOf(table), {
      ...(asked.travel ? { version: snapshot.version } : {}),
      ...(where === undefined ? {} : { where: asked.asked ?? where }),
    })
    expect([engine, table.path, seen.columns]).toEqual([engine, table.path, snapshot.fields.map(({ name }) => name)])
    expect([engine, table.path, sorted(seen.rows)]).toEqual([engine, table.path, own])
  }
  return own.length
}

/** What binlake reads, a JSON text a row, sorted. */
export async function ownRows({
  duck,
  table,
  snapshot,
  where = 'true',
}: Pick<SameRows, 'duck' | 'table' | 'snapshot' | 'where'>): Promise<string[]> {
  return sorted(await duck.json(sql`SELECT * FROM ${await scan(table, snapshot)} WHERE ${trusted(where)}`))
}

/** Where a table of a local lake lies on this machine. */
export function folderOf({ store, path }: Table): string {
  return join(decodeURIComponent(new URL(store.url).pathname), path)
}

function sorted(rows: readonly object[]): string[] {
  return rows.map(row => JSON.stringify(row)).sort()
}
