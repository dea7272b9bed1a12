import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compileMask } from '../../../privacy/mask.ts'
import { parsePolicy } from '../../../privacy/policy.ts'
import { ownNames } from '../../../processors/own-columns.ts'
import { LakeOfEvents, schema } from './lake-of-events.ts'

/** Files whose statements hold columns of a source beside our own. */
const files = [
  'changes',
  'order/collapse',
  'order/key-order',
  'order/decide-tricky',
  'order/truncates',
  'apply',
  'silver',
  'silver-parts',
  'mask-record',
].map(name => `processors/${name}.ts`)
/** Bronze's own, which never stand beside a source's columns. */
const bronzeOnly = new Set(['_value', '_key', '_kafka_ts', '_reason', '_life'])
/** Ends of tables' names, and the beginning of a column's. */
const parts = new Set(['_history', '_deleted', '_before'])

describe('ownNames', () => {
  it.each(files)('holds every column of ours that %s names', file => {
    const code = readFileSync(join(import.meta.dirname, '../../..', file), 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')
    const named = new Set(code.match(/(?<![\w'$])_[a-z][a-z_]*\b(?!')/g) ?? [])
    expect([...named].filter(name => !ownNames.has(name) && !bronzeOnly.has(name) && !parts.has(name))).toEqual([])
  })

  it('a source column called so does not go to silver, another name for it does, and nothing else suffers', async () => {
    const names = [...ownNames].map((name, i) => (i % 2 ? name : name.toUpperCase()))
    const table = {
      ...schema,
      columns: [...schema.columns, ...names.map((name, i) => ({ name, typeName: 'DATE', optional: true, position: 3 + i }))],
    }
    const rules = names.map(
      (name, i) => `    ${name}: {class: operational, strategy: keep, also: {own${i}: {strategy: generalise.year}}}\n`,
    )
    const policy = `version: 1\ntables:\n  t:\n    id: {class: operational, strategy: keep}\n    v: {class: operational, strategy: keep}\n${rules.join('')}`
    const mask = compileMask(parsePolicy(policy, 'policy.yaml'), table, new Map())
    expect(mask.quarantined.map(({ column }) => column)).toEqual(names)
    const events = await LakeOfEvents.open()
    try {
      const row = (id: number, value: number) => ({
        id,
        v: `v${value}`,
        ...Object.fromEntries(names.map(name => [name, value * 366])),
      })
      await events.ingest({ op: 'c', pos: 10, after: row(1, 5) }, { op: 'c', pos: 20, after: row(2, 6) })
      await events.refine({ schema: table, policy })
      await events.ingest({ op: 'u', pos: 30, after: row(1, 7) }, { op: 'd', pos: 40, after: row(2, 6) })
      await events.refine({ schema: table, policy })
      expect(await events.rows('silver/shop/t', 'id', 'v', 'own0', '_pos', 'own3')).toEqual([['1', 'v7', '1977', '30', '1977']])
      expect(await events.replay({ schema: table, policy, proveOnly: true })).toMatchObject({ verdict: 'identical' })
    } finally {
      await events.close()
    }
  })
})
