// The masking policy's shape, from which its JSON Schema is made.
// Guarantee: an unknown key or strategy never passes.
import { z } from 'zod'

export const strategies = [
  'keep',
  'drop',
  'token',
  'partial.email',
  'partial.phone',
  'partial.name',
  'partial.postcode',
  'partial.address',
  'generalise.year',
] as const

const strategy = z.enum(strategies).describe('What silver holds in place of the value')
/** Names of key domains and versions become file names and DuckDB variables. */
const word = z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected lower-case letters, digits and _')
const columnName = z.string().min(1)

const from = z
  .strictObject({ country: columnName, postcode: columnName })
  .describe('partial.address: the columns of the same row that hold country and postcode')

const companion = z.strictObject({ strategy, domain: word.optional(), from: from.optional() })

const rule = z.strictObject({
  class: word.optional().describe('Kind of data; its strategy in `classes` applies if the column names none'),
  strategy: strategy.optional(),
  domain: word.optional().describe('token: the key domain; equal values of one domain get equal tokens in all tables'),
  also: z
    .record(columnName, z.union([strategy, companion]))
    .optional()
    .describe('Further columns made of the same value, e.g. email_masked: partial.email'),
  from: from.optional(),
  type: z
    .string()
    .optional()
    .describe('The Delta type expected, e.g. integer, string, decimal(12,2); another type is quarantined, a wider one is not'),
  allow_key: z.literal(true).optional().describe('Must be there to mask a column of the primary key'),
})

const subject = z.union([columnName, z.strictObject({ via: z.string().regex(/^[^.]+\.[^.]+$/, 'expected <table>.<column>') })])

export const policySchema = z
  .strictObject({
    version: z.int().positive().describe('Raise it with every change; each file of the lake records it'),
    defaults: z
      .strictObject({
        unknown_table: z.literal('quarantine').default('quarantine'),
        unknown_column: z.literal('quarantine').default('quarantine'),
        type_change: z.literal('quarantine').default('quarantine'),
        widening: z.enum(['allow', 'quarantine']).default('allow'),
        free_text: z.literal('drop').default('drop'),
      })
      .prefault({})
      .describe('What happens to what the policy does not name: it never reaches silver'),
    keys: z
      .record(
        word,
        z.strictObject({
          kms: z.literal('file').default('file').describe('Where keys are kept: files <domain>.<version>.key'),
          current: word,
          retired: z.array(word).default([]),
          canonical: z
            .enum(['exact', 'trim-lower'])
            .optional()
            .describe('How a value is written before it is hashed; e-mail: trim-lower, others: exact'),
        }),
      )
      .default({})
      .describe('Key domains for token, by name'),
    subjects: z
      .record(columnName, subject)
      .default({})
      .describe("A table's column, or path of columns, that says whose row it is"),
    classes: z.record(word, strategy).default({}).describe('Strategy of each class'),
    tables: z
      .record(columnName, z.record(columnName, z.union([strategy, rule])))
      .describe('Rules by table (`customers`, or `shop.customers` if two databases share the name) and column'),
  })
  .describe('binlake masking policy')

export type Strategy = (typeof strategies)[number]
export type PolicyFile = z.output<typeof policySchema>

/** The JSON Schema that editors check a policy with; docs/policy.schema.json holds it. */
export function policyJsonSchema(): object {
  return z.toJSONSchema(policySchema, { io: 'input' })
}
