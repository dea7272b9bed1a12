// The setting `schema.modes`: what is done about each kind of change of a table's schema.
// Guarantee: an unknown kind and a mode that is not sound for its kind are refused, with what there is.
import { z } from 'zod'
import { allowedModes, type ChangeKind, kinds, type Modes } from '../processors/schema/kinds.ts'
import { nearest } from '../sql/nearest.ts'

const names = Object.keys(kinds) as ChangeKind[]

const mode = (kind: ChangeKind) => {
  const allowed = allowedModes(kind)
  return z.enum(allowed, { error: `expected ${allowed.join(' or ')}` }).optional()
}
const unknown = (issue: { code?: string; keys?: readonly string[] }) => {
  if (issue.code !== 'unrecognized_keys') return 'expected kinds of change, each with a mode, such as dropped: hold'
  const key = issue.keys![0]!
  const near = nearest(key, names)
  return `unknown kind of change ${key}; ${near.length > 0 ? `did you mean ${near.join(' or ')}?` : `known: ${names.join(', ')}`}`
}
const byKind = Object.fromEntries(names.map(kind => [kind, mode(kind)])) as Record<ChangeKind, ReturnType<typeof mode>>
const tables = z.record(z.string(), z.strictObject(byKind, { error: unknown }), {
  error: 'expected tables, each with kinds of change and modes',
})

/** YAML: kinds with modes, and `tables` with the same by table. In the environment: `dropped=hold, shop.orders.widened=hold`. */
export const schemaModes = z
  .preprocess(
    given => (typeof given === 'string' ? parsed(given) : given),
    z.strictObject({ ...byKind, tables: tables.optional() }, { error: unknown }),
  )
  .transform(({ tables = {}, ...all }): Modes => ({ all: present(all), tables: mapped(tables) }))

function parsed(text: string): Record<string, unknown> {
  const tables: Record<string, Record<string, string>> = {}
  const all: Record<string, unknown> = {}
  for (const part of text.split(',').map(one => one.trim())) {
    if (part === '') continue
    const [left = '', value = ''] = part.split('=').map(one => one.trim())
    const dot = left.lastIndexOf('.')
    if (dot < 0) all[left] = value
    else {
      tables[left.slice(0, dot)] ??= {}
      tables[left.slice(0, dot)]![left.slice(dot + 1)] = value
    }
  }
  return { ...all, ...(Object.keys(tables).length > 0 ? { tables } : {}) }
}

type Given = Partial<Record<ChangeKind, z.output<ReturnType<typeof mode>>>>

function present(given: Given): Modes['all'] {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function mapped(given: Record<string, Given>): Modes['tables'] {
  return Object.fromEntries(Object.entries(given).map(([table, modes]) => [table, present(modes)]))
}
