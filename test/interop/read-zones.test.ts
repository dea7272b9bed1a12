import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { openStore } from '../../connectors/open-store.ts'
import { tablePaths, zones } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { binlake, emptyFolder } from '../unit/cli/run-cli.ts'
import { LakeOfEvents } from '../unit/processors/lake-of-events.ts'
import { engineNames } from './engines/engines.ts'
import { Others } from './others.ts'

let others: Others
let folder: string
let store: ObjectStore
beforeAll(async () => {
  others = await Others.open()
  folder = emptyFolder()
  for (const args of [
    ['up', '--stack', 'embedded'],
    ['generate', '--orders', '120', '--customers', '60'],
    ['run', '--until-caught-up'],
  ]) {
    const { code, stderr } = await binlake(args, { cwd: folder })
    expect(code, stderr).toBe(0)
  }
  store = await openStore(pathToFileURL(join(folder, '.binlake/lake')).href, { cacheDir: join(folder, 'cache') })
})
afterAll(() => others.close())

/** Tables of the shop that Spark does not read, to save time: it takes half a second a table, and these are of the same kinds as others. */
const slow = /\/(sellers|addresses|order_items|cart_events|reviews)(_history|_deleted)?$/

test('every table of the shop, in bronze, silver and gold', async () => {
  const rows: Record<string, number> = {}
  for (const zone of zones) {
    for (const path of await tablePaths(store, zone)) {
      const table = { store, path }
      const among = slow.test(path) ? engineNames.filter(engine => engine !== 'spark') : engineNames
      rows[path] = await others.same(table, (await loadSnapshot(table))!, { among })
    }
  }
  const paths = Object.keys(rows)
  expect(paths.filter(path => path.startsWith('bronze/')).length).toBeGreaterThan(8)
  expect(paths.filter(path => path.endsWith('_history')).length).toBeGreaterThan(8)
  expect(paths.filter(path => path.startsWith('gold/')).length).toBeGreaterThan(3)
  // Few shop tables lose rows, so most have no markers of deleted keys.
  expect(paths.filter(path => rows[path] === 0 && !path.endsWith('_deleted'))).toEqual([])
  expect(paths.some(path => path.endsWith('_deleted') && rows[path]! > 0)).toBe(true)
})

test('quarantine', async () => {
  const events = await LakeOfEvents.open()
  try {
    await events.ingest(
      { op: 'c', id: 1, v: 'good', pos: 1 },
      { value: 'no JSON' },
      { value: '{"before":null,"after":{"id":"x","v":1}}' },
    )
    await events.ingest({ op: 'c', pos: 2, after: { id: 'no number', v: 'a' } })
    await events.refine()
    for (const path of await tablePaths(events.lake.store, 'quarantine')) {
      const table = events.lake.table(path)
      expect(await others.same(table, (await loadSnapshot(table))!)).toBe(3)
    }
  } finally {
    await events.close()
  }
})
