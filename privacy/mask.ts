// Typed rows become silver's rows: the policy, compiled to SQL once for each schema of a table.
// Guarantee: fails closed; a column reaches silver only by a rule that names it and fits it, and whatever is left out is reported.
import { createHash } from 'node:crypto'
import type { Duck } from '../lake/duckdb.ts'
import type { DeltaType } from '../lake/schema.ts'
import type { Sql } from '../lake/sql.ts'
import { ColumnTypeUnknown, columnType } from '../processors/column-types.ts'
import { copyKey } from '../processors/multiset/copies.ts'
import { ownNames } from '../processors/own-columns.ts'
import type { SourceColumn, SourceTable } from '../processors/source-schema.ts'
import { mayBeInLog } from './in-log.ts'
import type { Keys, MaskKey } from './keys.ts'
import { maskedValue } from './masked-value.ts'
import type { ColumnRule, Policy, Rule } from './policy.ts'
import { bindKey } from './token.ts'
import { fitsType } from './type-fit.ts'

export interface MaskedColumn {
  /** Its name in silver. */
  name: string
  /** The source column it is made of. */
  source: string
  delta: DeltaType
  /** SQL over the typed row, whose columns stand under their own names. */
  expr: Sql
  /** Whether its bounds may stand in the table's log. */
  inLog: boolean
}

export interface MaskPlan {
  /** In source order, further columns behind the one they are made of. Empty if the table is left out. */
  columns: MaskedColumn[]
  /** Columns that no rule lets through; `drop` is a rule, so dropped columns are not here. */
  quarantined: { column: string; reason: string }[]
  /** Why the whole table is left out of silver. */
  omitted?: string
  /** Rules that name no column of the table. */
  warnings: string[]
  /** The key's columns by their names in silver; of a table without a key, what tells its rows apart there (multiset/copies.ts). */
  primaryKey: string[]
  /** Source columns that the expressions read. */
  reads: string[]
  /** Makes the keys known to a connection; needed once for each connection before the expressions run. */
  bind(duck: Duck): Promise<void>
  /** Policy version, versions of the keys used, hash of the plan: equal if and only if equal rows are masked equally. */
  fingerprint: string
}

/** Compiles the policy for one table (privacy-spec B2, B3). Nothing here throws for a column that may not pass: it is quarantined. */
export function compileMask(policy: Policy, table: SourceTable, keys: Keys): MaskPlan {
  const rules = tableRules(policy, table)
  const quarantined: MaskPlan['quarantined'] = []
  const columns: MaskedColumn[] = []
  const context: Context = { policy, table, keys }
  for (const column of table.columns) {
    const rule = rules?.get(column.name.toLowerCase())
    const made = rule
      ? (madeClear(rule, column, rules!) ?? maskColumn(rule, column, context))
      : `${policy.file} has no rule for it`
    if (typeof made === 'string') quarantined.push({ column: column.name, reason: made })
    else columns.push(...made)
  }
  takeOutClashes(columns, quarantined)
  const primaryKey = table.primaryKey.map(
    key => columns.find(({ name, source }) => source === key && name === silverName(key))?.name,
  )
  const lost = table.primaryKey.find((_, i) => primaryKey[i] === undefined)
  const omitted = rules ? lost && `key column ${lost} does not pass the policy` : `${policy.file} does not name the table`
  if (omitted) columns.length = 0
  const used = usedKeys(columns.length ? rules : undefined, keys)
  return {
    columns,
    quarantined,
    ...(omitted ? { omitted } : {}),
    warnings: unusedRules(rules, table),
    primaryKey: omitted ? [] : table.primaryKey.length > 0 ? (primaryKey as string[]) : [...copyKey],
    reads: readColumns(columns, rules, table),
    bind: async duck => {
      for (const key of used) await bindKey(duck, key)
    },
    fingerprint: fingerprint(policy, columns, used),
  }
}

type Context = { policy: Policy; table: SourceTable; keys: Keys }

function tableRules(policy: Policy, { database, table }: SourceTable): ReadonlyMap<string, ColumnRule> | undefined {
  return policy.tables.get(`${database}.${table}`.toLowerCase()) ?? policy.tables.get(table.toLowerCase())
}

/** Why a column that has another name since must not pass: under the name that it had, the policy masks it. */
function madeClear(
  rule: ColumnRule,
  { formerly = [] }: SourceColumn,
  rules: ReadonlyMap<string, ColumnRule>,
): string | undefined {
  if (rule.strategy !== 'keep') return undefined
  const masked = formerly.find(name => (rules.get(name.toLowerCase())?.strategy ?? 'keep') !== 'keep')
  return (
    masked &&
    `it was called ${masked}, which the policy masks, and its own rule would show its values; mask it too, or take the rule of ${masked} out of the policy if they may be seen`
  )
}

/** The columns made of one, or the reason why it is quarantined. */
function maskColumn(rule: ColumnRule, column: SourceColumn, context: Context): MaskedColumn[] | string {
  const isKey = context.table.primaryKey.includes(column.name)
  if (rule.strategy === 'drop' && rule.also.size === 0) return isKey ? 'a key column cannot be dropped' : []
  let delta: DeltaType
  try {
    delta = columnType(column, context.table).delta
  } catch (error) {
    if (error instanceof ColumnTypeUnknown) return `type ${column.typeName} is not known`
    throw error
  }
  if (rule.type && !fitsType(delta, rule.type, context.policy.defaults.widening)) return `its type is no longer ${rule.type}`
  const refusal = isKey ? keyRefusal(rule, context.policy) : undefined
  if (refusal) return refusal
  const made: MaskedColumn[] = []
  for (const [name, each] of [[silverName(column.name), rule] as [string, Rule], ...rule.also]) {
    if (each.strategy === 'drop') continue
    const value = maskedValue(each, { column, delta, ...context })
    if (typeof value === 'string') return value
    made.push({ name, source: column.name, ...value, inLog: mayBeInLog(each, rule.class, value.delta) })
  }
  return made
}

/** A masked key must still tell rows apart. */
function keyRefusal(rule: ColumnRule, policy: Policy): string | undefined {
  if (rule.strategy === 'keep') return undefined
  if (!rule.allowKey) return 'masking a key column needs allow_key: true'
  if (rule.strategy !== 'token') return `${rule.strategy} would make different keys equal; use token`
  if (policy.keys.get(rule.domain!)?.canonical !== 'exact')
    return `domain ${rule.domain} would make different keys equal; use one with canonical: exact`
  return undefined
}

/** Names that Delta readers take: the characters that Parquet schemas refuse become `_`. */
function silverName(name: string): string {
  return name.replace(/[ ,;{}()\n\t=]/g, '_')
}

function takeOutClashes(columns: MaskedColumn[], quarantined: MaskPlan['quarantined']): void {
  const taken = new Set(ownNames)
  for (const column of [...columns]) {
    const name = column.name.toLowerCase()
    if (taken.has(name)) {
      columns.splice(columns.indexOf(column), 1)
      quarantined.push({ column: column.source, reason: `the name ${column.name} is taken in silver` })
    }
    taken.add(name)
  }
}

function usedKeys(rules: ReadonlyMap<string, ColumnRule> | undefined, keys: Keys): MaskKey[] {
  const domains = new Set<string>()
  for (const rule of rules?.values() ?? [])
    for (const each of [rule, ...rule.also.values()]) if (each.domain) domains.add(each.domain)
  return [...domains].sort().flatMap(domain => keys.get(domain) ?? [])
}

function unusedRules(rules: ReadonlyMap<string, ColumnRule> | undefined, table: SourceTable): string[] {
  const present = new Set(table.columns.map(({ name }) => name.toLowerCase()))
  return [...(rules?.keys() ?? [])]
    .filter(name => !present.has(name))
    .map(name => `the policy names column ${name}, which ${table.table} does not have`)
}

function readColumns(columns: MaskedColumn[], rules: ReadonlyMap<string, ColumnRule> | undefined, table: SourceTable): string[] {
  const wanted = new Set(columns.map(({ source }) => source.toLowerCase()))
  for (const source of [...wanted]) {
    const rule = rules?.get(source)
    for (const { from } of rule ? [rule, ...rule.also.values()] : []) if (from) wanted.add(from.country).add(from.postcode)
  }
  return table.columns.map(({ name }) => name).filter(name => wanted.has(name.toLowerCase()))
}

function fingerprint(policy: Policy, columns: readonly MaskedColumn[], used: readonly MaskKey[]): string {
  const keys = used.map(key => `${key.domain}.${key.version}-${key.fingerprint()}`)
  const plan = columns.map(({ name, source, delta, expr }) => [name, source, delta, expr.text])
  const hash = createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 16)
  return [`policy ${policy.version}`, ...keys, hash].join(' / ')
}
