import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { policyJsonSchema } from '../../../privacy/policy-schema.ts'

it('docs/policy.schema.json is current', async () => {
  const committed = JSON.parse(await readFile('docs/policy.schema.json', 'utf8'))
  expect(committed, 'write it anew from policyJsonSchema()').toEqual(policyJsonSchema())
})
