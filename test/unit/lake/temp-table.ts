// A table of a test's own, in a lake of its own under the temp folder.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { openStore } from '../../../connectors/open-store.ts'
import type { Add } from '../../../lake/actions.ts'
import { field } from '../../../lake/schema.ts'
import type { Table } from '../../../lake/table.ts'

export interface TempTable extends Table, AsyncDisposable {
  dir: string
}

export async function tempTable(path = 'silver/shop/orders'): Promise<TempTable> {
  const dir = await mkdtemp(join(tmpdir(), 'binlake-lake-'))
  const store = await openStore(pathToFileURL(dir).href, { cacheDir: dir })
  return { store, path, dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

export const someFields = [field('id', 'long'), field('name', 'string')]

/** An add action for a file that need not exist: commits do not open data files. */
export function someAdd(path: string, more: Partial<Add> = {}): Add {
  return { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true, stats: '{"numRecords":1}', ...more }
}

export async function objects(store: ObjectStore, prefix: string): Promise<string[]> {
  const paths: string[] = []
  for await (const { path } of store.list(prefix)) paths.push(path)
  return paths
}
