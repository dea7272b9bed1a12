import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { duckType } from '../../../lake/schema.ts'
import { id, join, sql } from '../../../lake/sql.ts'
import { MaskKey } from '../../../privacy/keys.ts'
import { compileMask } from '../../../privacy/mask.ts'
import { parsePolicy } from '../../../privacy/policy.ts'
import type { SourceTable } from '../../../processors/source-schema.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

const keys = new Map([
  ['email', new MaskKey({ domain: 'email', version: 'v1' }, randomBytes(32))],
  ['person', new MaskKey({ domain: 'person', version: 'v1' }, randomBytes(32))],
])

function table(columns: Record<string, string>, primaryKey = ['id']): SourceTable {
  return {
    database: 'shop',
    table: 'customers',
    primaryKey,
    columns: Object.entries(columns).map(([name, typeName], i) => ({ name, typeName, optional: true, position: i + 1 })),
  }
}

function policyOf(rules: string, version = 1) {
  const domains = 'keys: {email: {current: v1}, person: {current: v1}}'
  return parsePolicy(`version: ${version}\n${domains}\ntables:\n  customers:\n    id: keep\n${rules}`, 'policy.yaml')
}

const customers = table({
  id: 'INT',
  Email: 'VARCHAR',
  birth_date: 'DATE',
  note: 'TEXT',
  address: 'VARCHAR',
  country: 'CHAR',
  postcode: 'VARCHAR',
})

describe('compileMask', () => {
  it('makes the named columns, in source order, with their types', async () => {
    const plan = compileMask(
      policyOf(
        '    email: {strategy: token, domain: email, also: {email_masked: partial.email}}\n    birth_date: generalise.year\n    note: drop\n    address: {strategy: partial.address, from: {country: COUNTRY, postcode: postcode}}\n    country: keep\n    postcode: drop\n',
      ),
      customers,
      keys,
    )
    expect(plan.columns.map(({ name, source, delta }) => [name, source, delta])).toEqual([
      ['id', 'id', 'integer'],
      ['Email', 'Email', 'string'],
      ['email_masked', 'Email', 'string'],
      ['birth_date', 'birth_date', 'short'],
      ['address', 'address', 'string'],
      ['country', 'country', 'string'],
    ])
    expect(plan).toMatchObject({ quarantined: [], warnings: [], primaryKey: ['id'] })
    expect(plan.reads).toEqual(['id', 'Email', 'birth_date', 'address', 'country', 'postcode'])
    await plan.bind(duck)
    const typed = sql`SELECT 7 AS id, 'Jane@Example.com' AS "Email", DATE '1990-05-05' AS birth_date, 'secret' AS note, 'Hauptstr. 5' AS address, 'DE' AS country, '10115' AS postcode`
    const masked = join(plan.columns.map(({ name, expr }) => sql`${expr} AS ${id(name)}`))
    const [row] = await duck.json(sql`SELECT ${masked} FROM (${typed})`)
    expect(row).toEqual({
      id: 7,
      Email: expect.stringMatching(/^tok_v1_[0-9a-v]{26}$/),
      email_masked: 'J***@***.com',
      birth_date: 1990,
      address: 'DE 10***',
      country: 'DE',
    })
  })

  it('quarantines columns without a rule', () => {
    const plan = compileMask(policyOf('    email: drop\n'), table({ id: 'INT', email: 'VARCHAR', nickname: 'VARCHAR' }), keys)
    expect(plan.columns.map(({ name }) => name)).toEqual(['id'])
    expect(plan.quarantined).toEqual([{ column: 'nickname', reason: 'policy.yaml has no rule for it' }])
  })

  it('leaves out a table without rules, and a table whose key does not pass', () => {
    const unknown = compileMask(policyOf(''), { ...customers, table: 'payroll' }, keys)
    expect(unknown).toMatchObject({ columns: [], primaryKey: [], omitted: 'policy.yaml does not name the table' })
    const keyless = compileMask(policyOf(''), table({ code: 'INT', id: 'INT' }, ['code']), keys)
    expect(keyless).toMatchObject({ columns: [], primaryKey: [], omitted: 'key column code does not pass the policy' })
  })

  it('prefers the rules of shop.customers to those of customers', () => {
    const policy = parsePolicy('version: 1\ntables: {customers: {id: keep, note: keep}, shop.customers: {id: keep}}', 'p')
    const plan = compileMask(policy, table({ id: 'INT', note: 'TEXT' }), keys)
    expect(plan.columns.map(({ name }) => name)).toEqual(['id'])
  })

  it.each([
    ['BIGINT', 'partial.email', 'its type BIGINT does not fit partial.email'],
    ['VARCHAR', 'generalise.year', 'its type VARCHAR does not fit generalise.year'],
    ['DOUBLE', '{strategy: token, domain: email}', 'its type DOUBLE does not fit token'],
    ['TEXT', '{strategy: keep, type: integer}', 'its type is no longer integer'],
    ['INT UNSIGNED', '{strategy: keep, type: long}', undefined],
    ['BIGINT', '{strategy: keep, type: integer}', undefined],
    ['INT', '{strategy: keep, type: long}', 'its type is no longer long'],
    ['HYPERCUBE', 'keep', 'type HYPERCUBE is not known'],
    ['HYPERCUBE', 'drop', undefined],
    [
      'VARCHAR',
      '{strategy: partial.address, from: {country: land, postcode: zip}}',
      'partial.address reads a column that the table does not have',
    ],
    [
      'VARCHAR',
      '{strategy: partial.address, from: {country: id, postcode: id}}',
      'partial.address reads a column that is not text',
    ],
  ])('type %s with rule %s: %s', (type, rule, reason) => {
    const plan = compileMask(policyOf(`    x: ${rule}\n`), table({ id: 'INT', x: type }), keys)
    expect(plan.quarantined).toEqual(reason === undefined ? [] : [{ column: 'x', reason }])
    if (reason) expect(plan.columns.map(({ name }) => name)).toEqual(['id'])
  })

  it('quarantines a token whose key is not loaded', () => {
    const plan = compileMask(
      policyOf('    email: {strategy: token, domain: email}\n'),
      table({ id: 'INT', email: 'TEXT' }),
      new Map(),
    )
    expect(plan.quarantined).toEqual([{ column: 'email', reason: 'the key of domain email is not loaded' }])
  })

  it.each([
    ['{strategy: token, domain: person}', 'masking a key column needs allow_key: true'],
    ['{strategy: partial.name, allow_key: true}', 'partial.name would make different keys equal; use token'],
    [
      '{strategy: token, domain: email, allow_key: true}',
      'domain email would make different keys equal; use one with canonical: exact',
    ],
    ['drop', 'a key column cannot be dropped'],
  ])('key rule %s: %s', (rule, reason) => {
    const plan = compileMask(policyOf(`    login: ${rule}\n`), table({ login: 'VARCHAR' }, ['login']), keys)
    expect(plan.quarantined).toEqual([{ column: 'login', reason }])
    expect(plan.omitted).toContain('login')
  })

  it('masks a key that may be masked, and names it', () => {
    const plan = compileMask(
      policyOf('    login: {strategy: token, domain: person, allow_key: true}\n'),
      table({ login: 'VARCHAR' }, ['login']),
      keys,
    )
    expect(plan).toMatchObject({ primaryKey: ['login'], quarantined: [] })
  })

  it('warns of rules for columns that are not there', () => {
    const plan = compileMask(policyOf('    gone: drop\n'), table({ id: 'INT' }), keys)
    expect(plan.warnings).toEqual(['the policy names column gone, which customers does not have'])
  })

  it('gives columns names that Delta readers take, and quarantines those that clash', () => {
    const columns = table({ id: 'INT', 'a b': 'INT', a_b: 'INT', _offset: 'BIGINT', Masked: 'INT', c: 'VARCHAR' })
    const plan = compileMask(
      policyOf(
        '    a b: keep\n    a_b: keep\n    _offset: keep\n    masked: keep\n    c: {strategy: drop, also: {masked: partial.name}}\n',
      ),
      columns,
      keys,
    )
    expect(plan.columns.map(({ name, source }) => [name, source])).toEqual([
      ['id', 'id'],
      ['a_b', 'a b'],
      ['Masked', 'Masked'],
    ])
    expect(plan.quarantined).toEqual([
      { column: 'a_b', reason: 'the name a_b is taken in silver' },
      { column: '_offset', reason: 'the name _offset is taken in silver' },
      { column: 'c', reason: 'the name masked is taken in silver' },
    ])
  })

  it('has a fingerprint that changes with the plan, the policy and the key, and with nothing else', () => {
    const fingerprint = (rules: string, version = 1, used = keys) =>
      compileMask(policyOf(rules, version), customers, used).fingerprint
    const token = '    email: {strategy: token, domain: email}\n'
    expect(fingerprint(token)).toBe(fingerprint(`${token}    gone: drop\n`))
    expect(fingerprint(token)).toMatch(/^policy 1 \/ email\.v1-[0-9a-f]{8} \/ [0-9a-f]{16}$/)
    const otherKey = new Map([['email', new MaskKey({ domain: 'email', version: 'v1' }, randomBytes(32))]])
    const all = [fingerprint(token), fingerprint(token, 2), fingerprint('    email: drop\n'), fingerprint(token, 1, otherKey)]
    expect(new Set(all).size).toBe(4)
  })

  it("masks every row of the shop's customers without leaving a value in clear", async () => {
    const policy = parsePolicy(await readFile('shop/policy.yaml', 'utf8'), 'shop/policy.yaml')
    const shop = table({
      id: 'INT',
      first_name: 'VARCHAR',
      last_name: 'VARCHAR',
      email: 'VARCHAR',
      phone: 'VARCHAR',
      birth_date: 'DATE',
      address_line: 'VARCHAR',
      city: 'VARCHAR',
      postcode: 'VARCHAR',
      country: 'VARCHAR',
      marketing_consent: 'TINYINT',
      created_at: 'TIMESTAMP',
      updated_at: 'TIMESTAMP',
    })
    const plan = compileMask(policy, shop, keys)
    expect(plan).toMatchObject({ quarantined: [], warnings: [] })
    await plan.bind(duck)
    const clear = [
      'Canaria',
      'Birdsong',
      'canaria.birdsong@example.com',
      '+49 1512 3456789',
      'Canary Row 77',
      'Monterey',
      '93940',
    ]
    const [first, last, email, phone, line, city, postcode] = clear
    const typed = sql`SELECT 1 AS id, ${first!} AS first_name, ${last!} AS last_name, ${email!} AS email, ${phone!} AS phone, DATE '1984-02-29' AS birth_date,
      ${line!} AS address_line, ${city!} AS city, ${postcode!} AS postcode, 'Germany' AS country, 1::TINYINT AS marketing_consent,
      TIMESTAMPTZ '2024-01-01 00:00:00+00' AS created_at, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS updated_at`
    const masked = join(plan.columns.map(({ name, expr }) => sql`${expr} AS ${id(name)}`))
    const [row] = await duck.json(sql`SELECT ${masked} FROM (${typed})`)
    expect(row).toMatchObject({
      first_name: 'C***',
      last_name: 'B***',
      email_masked: 'c***@***.com',
      phone: '+49*****89',
      birth_date: 1984,
      address_line: 'Germany 93***',
      postcode: '93***',
      country: 'Germany',
    })
    for (const value of [...clear, '1984-02-29']) expect(JSON.stringify(row).toLowerCase()).not.toContain(value.toLowerCase())
    const types = await duck.rows<{ column_type: string }>(sql`DESCRIBE SELECT ${masked} FROM (${typed})`)
    const expected = plan.columns.map(({ delta }) => duckType(delta).replace('TIMESTAMPTZ', 'TIMESTAMP WITH TIME ZONE'))
    expect(types.map(type => type.column_type)).toEqual(expected)
  })
})
