// The masking policy: what silver may hold of each column.
// Guarantee: names are case-folded, `keep` stands at the column itself, and anything not understood is an error with its line.
import { type PolicyFile, policySchema, type Strategy } from './policy-schema.ts'
import { type Problem, readYaml } from './yaml-file.ts'

export type { Strategy } from './policy-schema.ts'

/** What becomes of one value. */
export interface Rule {
  strategy: Strategy
  /** token: its key domain. */
  domain?: string
  /** partial.address: columns of the same row, lower case. */
  from?: { country: string; postcode: string }
}

export interface ColumnRule extends Rule {
  class?: string
  /** Further columns made of the same value, by name. */
  also: ReadonlyMap<string, Rule>
  /** The Delta type expected. */
  type?: string
  allowKey: boolean
}

export interface KeyDomain {
  current: string
  retired: readonly string[]
  canonical: 'exact' | 'trim-lower'
}

export interface Policy {
  version: number
  /** For messages: the file's name as given. */
  file: string
  defaults: PolicyFile['defaults']
  keys: ReadonlyMap<string, KeyDomain>
  subjects: PolicyFile['subjects']
  /** By table (`customers` or `shop.customers`) and column, both lower case. */
  tables: ReadonlyMap<string, ReadonlyMap<string, ColumnRule>>
}

/** Every problem of a policy, one a line: `file:line: field: what; what to do`. */
export class PolicyInvalid extends Error {
  readonly code = 'POLICY_INVALID'
  readonly retryable = false
  readonly problems: readonly Problem[]
  constructor(file: string, problems: readonly Problem[]) {
    super(problems.map(({ line, field, message }) => `${file}:${line}: ${field ? `${field}: ` : ''}${message}`).join('\n'))
    this.name = 'PolicyInvalid'
    this.problems = problems
  }
}

/** Reads a policy (privacy-spec B3). `file` is its name for messages. @throws PolicyInvalid */
export function parsePolicy(text: string, file: string): Policy {
  const yaml = readYaml(policySchema, text)
  if (!yaml.value) throw new PolicyInvalid(file, yaml.problems)
  const content = yaml.value
  const keys = new Map(Object.entries(content.keys).map(([name, key]) => [name, keyDomain(name, key)]))
  const problems: Problem[] = []
  const tables = new Map<string, Map<string, ColumnRule>>()
  for (const [table, columns] of Object.entries(content.tables)) {
    const rules = new Map<string, ColumnRule>()
    for (const [name, given] of Object.entries(columns)) {
      const path = ['tables', table, name]
      const rule = columnRule(given, { content, path, report: (at, message) => problems.push(yaml.problemAt(at, message)) })
      if (rules.has(name.toLowerCase())) problems.push(yaml.problemAt(path, sameName))
      if (rule) rules.set(name.toLowerCase(), rule)
    }
    if (tables.has(table.toLowerCase())) problems.push(yaml.problemAt(['tables', table], sameName))
    tables.set(table.toLowerCase(), rules)
  }
  if (problems.length > 0) throw new PolicyInvalid(file, problems)
  return { version: content.version, file, defaults: content.defaults, keys, subjects: content.subjects, tables }
}

const sameName = 'this name is there already (case does not matter); keep one of them'

type Given = PolicyFile['tables'][string][string]
type Reading = { content: PolicyFile; path: string[]; report(path: string[], message: string): void }

function columnRule(given: Given, { content, path, report }: Reading): ColumnRule | undefined {
  const {
    strategy: named,
    class: kind,
    also = {},
    allow_key,
    type,
    ...details
  } = typeof given === 'string' ? { strategy: given } : given
  const strategy = named ?? classStrategy(kind, { content, path, report })
  if (!strategy) return undefined
  const rule = checkedRule({ strategy, ...details }, { content, path, report })
  const companions = new Map<string, Rule>()
  for (const [name, value] of Object.entries(also)) {
    const place = [...path, 'also', name]
    const companion = checkedRule(typeof value === 'string' ? { strategy: value } : value, { content, path: place, report })
    if (companion.strategy === 'keep' || companion.strategy === 'drop')
      report(place, 'a further column is a masked one; choose another strategy')
    if (name.startsWith('_')) report(place, "names that start with _ are binlake's own; choose another")
    companions.set(name, companion)
  }
  return { ...rule, ...(kind ? { class: kind } : {}), ...(type ? { type } : {}), also: companions, allowKey: allow_key ?? false }
}

function classStrategy(kind: string | undefined, { content, path, report }: Reading): Strategy | undefined {
  if (kind === undefined) {
    report(path, 'has no strategy; give one, or a class that has one')
    return undefined
  }
  const strategy = content.classes[kind] ?? (kind === 'free_text' ? content.defaults.free_text : undefined)
  if (!strategy)
    report([...path, 'class'], `class ${kind} has no strategy in classes; add it there, or give the column a strategy`)
  if (strategy === 'keep') {
    report(path, 'keep must stand at the column itself; write strategy: keep')
    return undefined
  }
  return strategy
}

type GivenRule = { strategy: Strategy; domain?: string | undefined; from?: { country: string; postcode: string } | undefined }

function checkedRule({ strategy, domain, from }: GivenRule, { content, path, report }: Reading): Rule {
  if (strategy === 'token') {
    if (domain === undefined) report(path, 'token needs a key domain; add domain: <name> and the name under keys')
    else if (!content.keys[domain]) report([...path, 'domain'], `key domain ${domain} is not under keys; add it there`)
  } else if (domain !== undefined) report([...path, 'domain'], `only token has a key domain; remove it or use strategy: token`)
  if (strategy === 'partial.address' && !from) report(path, 'partial.address needs from: {country: <column>, postcode: <column>}')
  if (strategy !== 'partial.address' && from) report([...path, 'from'], 'only partial.address reads other columns; remove it')
  return {
    strategy,
    ...(domain ? { domain } : {}),
    ...(from ? { from: { country: from.country.toLowerCase(), postcode: from.postcode.toLowerCase() } } : {}),
  }
}

function keyDomain(name: string, key: PolicyFile['keys'][string]): KeyDomain {
  return { current: key.current, retired: key.retired, canonical: key.canonical ?? (name === 'email' ? 'trim-lower' : 'exact') }
}
