// A writer in a process of its own: appends `count` commits to a table that others append to as well.
// Arguments: store URL, table path, own name, count, mode. `own`: progress of its own; `shared`: one progress that all compete for.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../../connectors/open-store.ts'
import { commit } from '../../../lake/commit.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { someAdd, someFields } from './temp-table.ts'

const [url = '', path = '', name = '', count = '', mode = ''] = process.argv.slice(2)
const cacheDir = await mkdtemp(join(tmpdir(), 'binlake-race-'))
const store = await openStore(url, { azureConnectionString: process.env.AZURE_STORAGE_CONNECTION_STRING, cacheDir })
const table = { store, path }
const appId = mode === 'shared' ? 'shared' : name
let known = await loadSnapshot(table)
let landed = 0
let fenced = 0

// All writers stand at the same version before one of them moves, else a slow machine runs them one after the other.
process.stdout.write('ready\n')
for await (const _ of process.stdin);

for (let first = true; landed < Number(count); first = false) {
  if (!first) known = await loadSnapshot(table, { known })
  const next = (known?.txns.get(appId) ?? 0n) + 1n
  try {
    const adds = [someAdd(`${appId}-${next}-by-${name}`)]
    known = await commit(table, {
      base: known,
      mode: 'append',
      operation: 'WRITE',
      metaData: { fields: someFields },
      txns: [{ appId, version: next }],
      adds,
    })
    landed++
  } catch (error) {
    const { code, retryable } = error as { code?: string; retryable?: boolean }
    if (code === 'LAKE_FENCED') fenced++
    else if (!(code === 'LAKE_CONFLICT' && retryable)) throw error
  }
}
await rm(cacheDir, { recursive: true, force: true })
process.stdout.write(JSON.stringify({ landed, fenced }))
