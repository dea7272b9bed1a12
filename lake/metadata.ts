// Decides whether a commit must write a metaData action, and refuses schema changes readers could not follow (lake-spec §3.10).
// Guarantee: pure; an append or a merge only ever adds columns, so that every older file still reads as the new schema.
import { randomUUID } from 'node:crypto'
import type { MetaData } from './actions.ts'
import type { CommitMode } from './conflict.ts'
import { ConflictError } from './conflict.ts'
import { LakeError } from './lake-error.ts'
import { type Field, sameType, schemaString } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import type { Table } from './table.ts'

export interface MetaDataChange {
  fields: readonly Field[]
  /** Only a new table or an overwrite may choose them. */
  partitionColumns?: readonly string[]
  /** Table properties; replaces the table's own where given. */
  configuration?: Record<string, string>
  name?: string
}

/** What other writers of the same table should know: how often it is checkpointed, and that checkpoints hold statistics as text. */
const ownProperties = { 'delta.checkpointInterval': '50', 'delta.checkpoint.writeStatsAsStruct': 'false' }

/** Characters Spark refuses in a Parquet column's name, and the NUL that SQL text cannot hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is one of the refused characters
const forbidden = /[ ,;{}()\n\t=\x00]/

/** The metaData action to write, or undefined if the table has all that is asked for. */
export function planMetaData(
  table: Table,
  options: { mode: CommitMode; metaData?: MetaDataChange; base: Snapshot | undefined },
  base: Snapshot | undefined,
): MetaData | undefined {
  const wanted = options.metaData
  if (!wanted) {
    if (!base)
      throw new LakeError('LAKE_SCHEMA_INVALID', `${table.path}: there is no table yet, and no columns were given to make it`)
    if (base.metaData !== options.base?.metaData) requireColumns(table, options.base!.fields, base)
    return undefined
  }
  if (!base) return newMetaData(table, wanted)
  // The race was lost to a change of schema: the files we wrote must still fit the table as it is now.
  if (base.metaData !== options.base?.metaData) {
    requireColumns(table, wanted.fields, base)
    return undefined
  }
  const change: MetaData = {
    ...base.metaData,
    ...(wanted.name === undefined ? {} : { name: wanted.name }),
    schemaString: sameFields(base.fields, wanted.fields) ? base.metaData.schemaString : schemaString(wanted.fields),
    partitionColumns: [...(wanted.partitionColumns ?? base.metaData.partitionColumns)],
    configuration: { ...base.metaData.configuration, ...wanted.configuration },
  }
  if (same(change, base.metaData)) return undefined
  checkNames(table, change, wanted.fields)
  if (options.mode !== 'overwrite') checkEvolution(table, base, { change, fields: wanted.fields })
  return change
}

function newMetaData(table: Table, wanted: MetaDataChange): MetaData {
  const metaData: MetaData = {
    id: randomUUID(),
    name: wanted.name ?? table.path,
    format: { provider: 'parquet', options: {} },
    schemaString: schemaString(wanted.fields),
    partitionColumns: [...(wanted.partitionColumns ?? [])],
    configuration: { ...ownProperties, ...wanted.configuration },
    createdTime: Date.now(),
  }
  checkNames(table, metaData, wanted.fields)
  return metaData
}

function checkNames(table: Table, metaData: MetaData, fields: readonly Field[]): void {
  const seen = new Set<string>()
  for (const { name } of fields) {
    if (name === '' || forbidden.test(name)) {
      throw new LakeError(
        'LAKE_SCHEMA_INVALID',
        `${table.path}: column name ${JSON.stringify(name)} holds a character that Delta readers refuse`,
      )
    }
    if (seen.has(name.toLowerCase())) {
      throw new LakeError(
        'LAKE_SCHEMA_INVALID',
        `${table.path}: two columns are named ${name} when upper and lower case count as one`,
      )
    }
    seen.add(name.toLowerCase())
  }
  for (const column of metaData.partitionColumns) {
    const type = fields.find(f => f.name === column)?.type
    if (typeof type !== 'string')
      throw new LakeError('LAKE_SCHEMA_INVALID', `${table.path}: partition column ${column} is not a plain column of the table`)
  }
}

function checkEvolution(table: Table, base: Snapshot, { change, fields }: { change: MetaData; fields: readonly Field[] }): void {
  if (!same(change.partitionColumns, base.metaData.partitionColumns)) {
    throw new LakeError('LAKE_SCHEMA_CHANGE', `${table.path}: its partition columns cannot change without rewriting the table`)
  }
  const now = new Map(fields.map(f => [f.name, f.type]))
  for (const { name, type } of base.fields) {
    const wanted = now.get(name)
    if (wanted !== undefined && sameType(wanted, type)) continue
    const what = wanted === undefined ? 'cannot be dropped' : 'cannot change its type'
    throw new LakeError('LAKE_SCHEMA_CHANGE', `${table.path}: column ${name} ${what} without rewriting the table (an overwrite)`)
  }
}

function requireColumns(table: Table, written: readonly Field[], now: Snapshot): void {
  for (const { name, type } of written) {
    const column = now.fields.find(f => f.name === name)
    if (column && sameType(column.type, type)) continue
    throw new ConflictError(
      `${table.path}: version ${now.version} changed the schema, and column ${name} no longer fits it`,
      true,
    )
  }
}

function sameFields(a: readonly Field[], b: readonly Field[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      (column, i) => column.name === b[i]!.name && sameType(column.type, b[i]!.type) && same(column.metadata, b[i]!.metadata),
    )
  )
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
