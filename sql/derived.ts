// What the engine is given from outside, because only the processors know how bronze's events become rows.
// Guarantee: whatever is handed over is masked as silver is, and readable without a key.
import type { Duck } from '../lake/duckdb.ts'
import type { QualifiedName } from '../lake/layout.ts'
import type { Field } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Sql } from '../lake/sql.ts'
import type { GoldModel } from './gold-models.ts'
import type { BinlogPoint } from './point.ts'

/** What bronze holds of a table beyond its silver. Disposing it removes its file. */
export interface LiveTail extends AsyncDisposable {
  /** Silver as the tail goes on from it; undefined: there is none yet. */
  silver: Snapshot | undefined
  /** Silver's place in the store. */
  path: string
  /** The columns of the live view: silver's, and what the tail adds. */
  fields: readonly Field[]
  key: readonly string[]
  /** A local Parquet file with the newest change of every key that the tail touches; `_op` d or t: the key is gone. Undefined: silver holds all, or there is nothing. */
  changes: string | undefined
  /** The bronze version up to which the view sees. */
  version: number
}

/** Reads a table's tail; undefined: bronze has no such table. */
export type ReadTail = (name: QualifiedName) => Promise<LiveTail | undefined>

/** A binlog point found in the lake. */
export interface Cut {
  /** For people: what the point was taken for, and what they should know. */
  said: string[]
  /** Which rows of the table's history happened at or before the point: a condition over the history's columns. */
  happened(name: QualifiedName): Sql
}

/** Finds a point for some tables. Throws if it is not known, or not every table has reached it. */
export type FindCut = (point: BinlogPoint, tables: readonly QualifiedName[]) => Promise<Cut>

/** Gold as the processors make it, for queries as of a binlog point. */
export interface GoldSource {
  models(): Promise<readonly GoldModel[]>
  /** The model's query over views that are there, its columns in the types of its table. */
  rows(duck: Duck, model: GoldModel): Promise<Sql>
}
