// A writer that dies at the fail point armed in its environment: one append of real rows, then a checkpoint.
// Arguments: store URL, table path, first id. It prints `done` if nothing killed it.
import { tmpdir } from 'node:os'
import { openStore } from '../../../connectors/open-store.ts'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { armFailPoint } from '../../../lake/fail-point.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { sql } from '../../../lake/sql.ts'
import { writeFile } from '../../../lake/write.ts'
import { someFields } from './temp-table.ts'

const [url = '', path = '', first = ''] = process.argv.slice(2)
if (process.env.BINLAKE_FAIL_POINT) armFailPoint(process.env.BINLAKE_FAIL_POINT)
const table = { store: await openStore(url, { cacheDir: tmpdir() }), path }
const duck = await Duck.open({ threads: 1 })
const base = await loadSnapshot(table)
const select = sql`SELECT ${Number(first)} + i AS id, 'name' AS name FROM range(10) t(i)`
const add = (await writeFile(duck, table, { select, fields: someFields, stats: ['id'] }))!
const txns = [{ appId: 'writer', version: BigInt(first) + 10n }]
const snapshot = await commit(table, {
  base,
  mode: 'append',
  operation: 'WRITE',
  metaData: { fields: someFields },
  txns,
  adds: [add],
})
await checkpoint(duck, table, snapshot)
process.stdout.write('done')
