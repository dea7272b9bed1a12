import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadConfig } from '../../../cli/config.ts'
import { settings } from '../../../cli/settings.ts'

const page = readFileSync(resolve(import.meta.dirname, '../../../docs/configuration.md'), 'utf8')

it('docs/configuration.md has a row for each setting, with its variable, and no other', () => {
  const rows = [...page.matchAll(/^\| `([a-z.]+)` \| `([A-Z_]+)` \|/gm)].map(([, key, env]) => [key, env])
  expect(rows).toEqual(Object.entries(settings).map(([key, { env }]) => [key, env]))
})

it('its defaults are the real ones', () => {
  const config = loadConfig({ cwd: '/work', env: { HOME: '/home/u' } })
  const written = new Map(
    [...page.matchAll(/^\| `([a-z.]+)` \| `[A-Z_]+` \| `([^`]+)` \|/gm)].map(([, key, value]) => [key!, value!]),
  )
  for (const key of ['kafka.group', 'kafka.tls.enabled', 'log.level', 'batch.records', 'merge.rows']) {
    const value = key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], config)
    expect(written.get(key), key).toBe(String(value))
  }
  const again = loadConfig({
    cwd: '/work',
    env: {
      BINLAKE_BATCH_BYTES: written.get('batch.bytes'),
      BINLAKE_BATCH_AGE: written.get('batch.age'),
      BINLAKE_MERGE_INTERVAL: written.get('merge.interval'),
      BINLAKE_MERGE_RATE: written.get('merge.rate'),
      BINLAKE_MERGE_REWRITES: written.get('merge.rewrites'),
      BINLAKE_MERGE_ALLOWANCE: written.get('merge.allowance'),
      BINLAKE_DUCKDB_MEMORY: written.get('duckdb.memory'),
    },
  })
  expect([again.batch, again.merge, again.duckdb.memory]).toEqual([config.batch, config.merge, config.duckdb.memory])
})

it('its complete file is accepted, and names every section', () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(page)![1]!
  const folder = mkdtempSync(join(tmpdir(), 'binlake-page-'))
  try {
    writeFileSync(join(folder, 'binlake.yaml'), yaml)
    expect(loadConfig({ cwd: folder, env: {} }).kafka.brokers).toEqual(['broker-1:9093', 'broker-2:9093'])
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect(Object.keys(parse(yaml) as object)).toEqual([...new Set(Object.keys(settings).map(key => key.split('.')[0]))])
})
