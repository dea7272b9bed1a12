// One rule applied to one column: the value silver holds instead.
// Guarantee: a rule that does not fit the column's type gives a reason, never a value.
import type { DeltaType } from '../lake/schema.ts'
import { id, type Sql, sql } from '../lake/sql.ts'
import { columnType } from '../processors/column-types.ts'
import type { SourceColumn, SourceTable } from '../processors/source-schema.ts'
import type { Keys } from './keys.ts'
import * as partial from './partial.ts'
import type { Policy, Rule } from './policy.ts'
import { tokenSql } from './token.ts'

export interface Subject {
  column: SourceColumn
  /** The column's type in the typed row. */
  delta: DeltaType
  table: SourceTable
  policy: Policy
  keys: Keys
}

type Masked = { delta: DeltaType; expr: Sql }

/** The masked value over the typed row, or the reason why the rule cannot be applied. `drop` has no value: do not ask for it. */
export function maskedValue(rule: Rule, subject: Subject): Masked | string {
  const value = id(subject.column.name)
  switch (rule.strategy) {
    case 'keep':
      return { delta: subject.delta, expr: value }
    case 'drop':
      return 'drop has no value'
    case 'token':
      return token(rule, subject)
    case 'generalise.year':
      return subject.delta === 'date' || subject.delta === 'timestamp'
        ? { delta: 'short', expr: partial.generaliseYear(value) }
        : misfit(rule, subject)
    case 'partial.address':
      return address(rule, subject)
    default:
      return subject.delta === 'string' ? { delta: 'string', expr: textMasks[rule.strategy](value) } : misfit(rule, subject)
  }
}

const textMasks = {
  'partial.email': partial.partialEmail,
  'partial.phone': partial.partialPhone,
  'partial.name': partial.partialName,
  'partial.postcode': partial.partialPostcode,
}

function token(rule: Rule, subject: Subject): Masked | string {
  const key = subject.keys.get(rule.domain!)
  const domain = subject.policy.keys.get(rule.domain!)
  if (!key || !domain) return `the key of domain ${rule.domain} is not loaded`
  if (!tokenable(subject.delta)) return misfit(rule, subject)
  const value = id(subject.column.name)
  const text = subject.delta === 'string' ? value : sql`${value}::VARCHAR`
  return { delta: 'string', expr: tokenSql(text, key, domain.canonical) }
}

/** Types whose text is one and the same for equal values. */
function tokenable(type: DeltaType): boolean {
  return typeof type === 'string' && /^(string|byte|short|integer|long|date|decimal\(\d+,0\))$/.test(type)
}

function address(rule: Rule, subject: Subject): Masked | string {
  if (subject.delta !== 'string') return misfit(rule, subject)
  const find = (name: string) => subject.table.columns.find(column => column.name.toLowerCase() === name)
  const [country, postcode] = [find(rule.from!.country), find(rule.from!.postcode)]
  if (!country || !postcode) return 'partial.address reads a column that the table does not have'
  if ([country, postcode].some(column => columnType(column, subject.table).delta !== 'string')) {
    return 'partial.address reads a column that is not text'
  }
  const from = { country: id(country.name), postcode: id(postcode.name) }
  return { delta: 'string', expr: partial.partialAddress(id(subject.column.name), from) }
}

function misfit(rule: Rule, { column }: Subject): string {
  return `its type ${column.typeName} does not fit ${rule.strategy}`
}
