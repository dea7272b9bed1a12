import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { PolicyInvalid, parsePolicy } from '../../../privacy/policy.ts'
import { shopTables } from '../../../shop/tables.ts'

function problems(text: string): string[] {
  try {
    parsePolicy(text, 'policy.yaml')
  } catch (error) {
    expect(error).toBeInstanceOf(PolicyInvalid)
    return (error as Error).message.split('\n')
  }
  return []
}

const head = 'version: 1\nkeys: {email: {current: v2, retired: [v1]}}\ntables:\n  customers:\n'

describe('parsePolicy', () => {
  it('reads rules, folding the case of tables and columns', () => {
    const policy = parsePolicy(
      'version: 3\nkeys: {email: {current: v1}, person: {current: v2}}\ntables:\n  Customers:\n    ID: keep\n    Email: {class: direct, strategy: token, domain: email, also: {email_masked: partial.email}}\n',
      'policy.yaml',
    )
    expect(policy.version).toBe(3)
    expect(policy.keys.get('email')).toEqual({ current: 'v1', retired: [], canonical: 'trim-lower' })
    expect(policy.keys.get('person')).toEqual({ current: 'v2', retired: [], canonical: 'exact' })
    expect(policy.tables.get('customers')?.get('id')).toEqual({ strategy: 'keep', also: new Map(), allowKey: false })
    expect(policy.tables.get('customers')?.get('email')).toEqual({
      class: 'direct',
      strategy: 'token',
      domain: 'email',
      also: new Map([['email_masked', { strategy: 'partial.email' }]]),
      allowKey: false,
    })
  })

  it('gives a column without a strategy that of its class', () => {
    const policy = parsePolicy(
      'version: 1\nclasses: {quasi: drop}\ntables: {t: {a: {class: quasi}, note: {class: free_text}}}',
      'p',
    )
    expect([...policy.tables.get('t')!.values()].map(rule => rule.strategy)).toEqual(['drop', 'drop'])
  })

  it.each([
    ['version: 1\ntables:\n  t:\n    a: kep', 'policy.yaml:4: tables.t.a: expected one of'],
    ['version: 1\ntables:\n  t:\n    a: {strategy: hash}', 'policy.yaml:4: tables.t.a.strategy: expected one of'],
    ['version: 1\ntable: {}\ntables: {}', 'policy.yaml:2: table: unknown key; remove it or correct its spelling'],
    ['version: 1\ntables:\n  t:\n    a: {strategy: keep,\n        salt: x}', 'policy.yaml:5: tables.t.a.salt: unknown key'],
    ['tables: {}', 'policy.yaml:1: version: is missing'],
    ['version: 1\ndefaults: {unknown_column: keep}\ntables: {}', 'policy.yaml:2: defaults.unknown_column'],
    ['version: 1\nkeys: {"../x": {current: v1}}\ntables: {}', 'policy.yaml:2: keys.../x: the name is not allowed'],
    ['version: 1\nkeys:\n  email: {current: "v1/.."}\ntables: {}', 'policy.yaml:3: keys.email.current'],
    ['version: 1\ntables:\n\n  t: [', 'policy.yaml:4: not valid YAML'],
    ['version: 1\ntables:\n  t:\n    a: keep\n    a: drop', 'policy.yaml:5: not valid YAML'],
    [`${head}    id: keep\n    ID: keep`, 'policy.yaml:6: tables.customers.ID: this name is there already'],
    [`${head}    id: {class: operational}`, 'policy.yaml:5: tables.customers.id.class: class operational has no strategy'],
    [
      `classes: {operational: keep}\n${head}    id: {class: operational}`,
      'policy.yaml:6: tables.customers.id: keep must stand at the column itself',
    ],
    [`${head}    id: {allow_key: true}`, 'policy.yaml:5: tables.customers.id: has no strategy'],
    [`${head}    email: token`, 'policy.yaml:5: tables.customers.email: token needs a key domain'],
    [
      `${head}    email: {strategy: token, domain: mail}`,
      'policy.yaml:5: tables.customers.email.domain: key domain mail is not under keys',
    ],
    [
      `${head}    email: {strategy: keep, domain: email}`,
      'policy.yaml:5: tables.customers.email.domain: only token has a key domain',
    ],
    [`${head}    address: partial.address`, 'policy.yaml:5: tables.customers.address: partial.address needs from'],
    [
      `${head}    email: {strategy: drop,\n      also: {email_clear: keep}}`,
      'policy.yaml:6: tables.customers.email.also.email_clear: a further column is a masked one',
    ],
    [
      `${head}    email: {strategy: drop, also: {_offset: partial.email}}`,
      'policy.yaml:5: tables.customers.email.also._offset: names that start with _',
    ],
  ])('refuses %j', (text, message) => {
    expect(problems(text).join('\n')).toContain(message)
  })

  it('reports all problems of a file at once', () => {
    expect(problems('version: 0\ntables:\n  t:\n    a: kep\n    b: hash\n')).toHaveLength(3)
  })

  it('has a rule for every column of the shop', async () => {
    const policy = parsePolicy(await readFile('shop/policy.yaml', 'utf8'), 'shop/policy.yaml')
    const named = shopTables.map(({ name }) => [name, [...(policy.tables.get(name)?.keys() ?? [])]])
    expect(named).toEqual(shopTables.map(({ name, columns }) => [name, columns.map(column => column.name)]))
  })
})
