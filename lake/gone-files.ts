// Which data files of a table are no longer in the store: a vacuum takes those that a newer version replaced.
import { each } from './each.ts'
import { dataPath } from './path.ts'
import type { Table } from './table.ts'

/** Of these logged paths, those whose files are gone. Costs one request a file. Throws the store's errors. */
export async function goneFiles(table: Table, paths: readonly string[]): Promise<string[]> {
  const found = await each(paths, 16, path => table.store.head(dataPath(table, path)))
  return paths.filter((_, i) => found[i] === undefined)
}
