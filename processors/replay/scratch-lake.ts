// A lake that is thrown away: where silver is built to be looked at.
import { tmpdir } from 'node:os'
import { pathToFileURL } from 'node:url'
import { openStore } from '../../connectors/open-store.ts'
import { makeOwnFolder, removeOwnFolder } from '../../connectors/own-folder.ts'
import { Lakehouse } from '../../lake/lakehouse.ts'

/** A lake in a folder of this machine's own, gone with the end of the block. */
export async function scratchLake(): Promise<{ lake: Lakehouse } & AsyncDisposable> {
  const folder = await makeOwnFolder(tmpdir(), 'binlake-prove')
  const store = await openStore(pathToFileURL(folder).href, { cacheDir: folder })
  return {
    lake: new Lakehouse(store),
    async [Symbol.asyncDispose]() {
      await store.close()
      await removeOwnFolder(folder)
    },
  }
}
