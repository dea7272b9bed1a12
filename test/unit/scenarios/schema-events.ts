// Events of Debezium's schema-change topic, forged: what a statement leaves, at its place in the binlog.
import { type Forged, raw } from './forge.ts'

export interface ForgedColumn {
  name: string
  type: string
  length?: number
  scale?: number
  optional?: boolean
  enumValues?: string[]
}

export interface Ddl {
  pos: number
  ddl: string
  columns?: readonly ForgedColumn[]
  key?: readonly string[]
  type?: 'CREATE' | 'ALTER' | 'DROP'
  table?: string
  snapshot?: string
  gtid?: string
  file?: string
  wrapped?: boolean
}

const start = 1_800_000_000_000

/** One event; columns stand in table order, `id` is the key by default. */
export function ddl({
  pos,
  ddl: statement,
  columns,
  key = ['id'],
  type = 'ALTER',
  table = 't',
  snapshot = 'false',
  ...more
}: Ddl): Forged {
  const source = {
    ...{
      version: '3.6.1.Final',
      connector: 'mysql',
      name: 'shop',
      ts_ms: start + pos,
      ts_us: (start + pos) * 1_000,
      snapshot,
      db: 'shop',
      table,
    },
    ...{ server_id: 1, gtid: more.gtid ?? null, file: more.file ?? 'binlog.000001', pos, row: 0 },
  }
  const described = columns?.map(({ name, type: typeName, length, scale, optional = true, enumValues }, i) => ({
    ...{
      name,
      typeName,
      length: length ?? null,
      scale: scale ?? null,
      optional: optional && !key.includes(name),
      position: i + 1,
    },
    ...(enumValues ? { enumValues: enumValues.map(label => `'${label}'`) } : {}),
  }))
  const change = { type, id: `"shop"."${table}"`, table: described ? { primaryKeyColumnNames: key, columns: described } : null }
  const value = { source, ts_ms: start + pos, databaseName: 'shop', schemaName: null, ddl: statement, tableChanges: [change] }
  return raw(more.wrapped ? { schema: { type: 'struct' }, payload: value } : value, {
    topic: 'shop',
    key: { databaseName: 'shop' },
  })
}

/** A policy that keeps these columns of `t`, and of other tables given. */
export function keep(...columns: string[]): string {
  return `version: 1\ntables:\n  t:\n${columns.map(name => `    ${name}: {class: operational, strategy: keep}\n`).join('')}`
}
