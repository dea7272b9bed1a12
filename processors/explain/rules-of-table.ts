// What the policy does with each column of a table: names and kinds, never values.
import type { MaskPlan } from '../../privacy/mask.ts'
import type { Policy, Rule } from '../../privacy/policy.ts'
import type { SourceTable } from '../source-schema.ts'

export interface ColumnFate {
  /** As MySQL calls it. */
  column: string
  type: string
  /** What silver has of it: its own column, further ones made of it; none if nothing reaches silver. */
  silver: string[]
  /** `keep`, `token (domain pii)`, `drop`, …; or why it does not reach silver. */
  rule: string
  class?: string
  key: boolean
}

/** In table order. */
export function rulesOfTable(policy: Policy, schema: SourceTable, mask: MaskPlan): ColumnFate[] {
  const { database, table } = schema
  const rules = policy.tables.get(`${database}.${table}`.toLowerCase()) ?? policy.tables.get(table.toLowerCase())
  return schema.columns.map(({ name, typeName }) => {
    const rule = rules?.get(name.toLowerCase())
    const quarantined = mask.quarantined.find(({ column }) => column === name)
    const more = [...(rule?.also ?? [])].map(([made, also]) => `${made}: ${inWords(also)}`)
    const said = quarantined
      ? `left out: ${quarantined.reason}`
      : rule
        ? [inWords(rule), ...more].join('; ')
        : 'left out: no rule'
    return {
      column: name,
      type: typeName,
      silver: mask.columns.filter(({ source }) => source === name).map(column => column.name),
      rule: said,
      ...(rule?.class === undefined ? {} : { class: rule.class }),
      key: schema.primaryKey.includes(name),
    }
  })
}

function inWords({ strategy, domain, from }: Rule): string {
  if (domain !== undefined) return `${strategy} (domain ${domain})`
  return from === undefined ? strategy : `${strategy} (from ${from.country}, ${from.postcode})`
}
