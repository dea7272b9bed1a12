// One writer of the mixed race, in a process of its own. Arguments: store URL, table path, name, count, role.
// `append`: rows of its own. `merge`: adds one to a counter that all mergers share. `compact`: joins files. Prints what it won.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../../connectors/open-store.ts'
import type { Add } from '../../../lake/actions.ts'
import { checkpoint, checkpointDue } from '../../../lake/checkpoint.ts'
import { type CommitOptions, commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { overlapsKeys } from '../../../lake/key-range.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { scan } from '../../../lake/scan.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { type Sql, sql } from '../../../lake/sql.ts'
import { writeFile } from '../../../lake/write.ts'
import { counterFields, counters, type Role, rowsOfAppend } from './race-mixed.ts'

const [url = '', path = '', name = '', count = '', role = ''] = process.argv.slice(2)
const cacheDir = await mkdtemp(join(tmpdir(), 'binlake-race-'))
const store = await openStore(url, { azureConnectionString: process.env.AZURE_STORAGE_CONNECTION_STRING, cacheDir })
const table = { store, path }
const duck = await Duck.open({ threads: 1 })
const plans: Record<Role, (base: Snapshot) => Promise<Plan>> = { append, merge, compact }
type Plan = Omit<CommitOptions, 'base' | 'operation'>

let known = (await loadSnapshot(table))!
const won: number[] = []
let replanned = 0

// All writers stand at the same version before one of them moves, else a slow machine runs them one after the other.
process.stdout.write('ready\n')
for await (const _ of process.stdin);

while (won.length < Number(count)) {
  try {
    const plan = await plans[role as Role](known)
    known = await commit(table, { base: known, operation: role.toUpperCase(), userMetadata: name, ...plan })
    won.push(known.version)
    if (checkpointDue(known)) await checkpoint(duck, table, known)
  } catch (error) {
    const { code, retryable } = error as { code?: string; retryable?: boolean }
    if (!(code === 'LAKE_CONFLICT' && retryable)) throw error
    replanned++
    known = (await loadSnapshot(table, { known }))!
  }
}
await duck.close()
await rm(cacheDir, { recursive: true, force: true })
process.stdout.write(JSON.stringify({ won, replanned }))

function progress(base: Snapshot) {
  return [{ appId: name, version: (base.txns.get(name) ?? 0n) + 1n }]
}

async function append(base: Snapshot): Promise<Plan> {
  const step = Number(progress(base)[0]!.version)
  const first = rowsOfAppend(name, step)[0]!
  return { mode: 'append', txns: progress(base), adds: [await write(sql`SELECT ${first} + i AS id, 0 AS n FROM range(3) t(i)`)] }
}

/** Copy-on-write of the one file that holds the counter, which is looked for among all that may hold it. */
async function merge(base: Snapshot): Promise<Plan> {
  const id = -1 - Math.floor(Math.random() * counters)
  const keyRange = [{ column: 'id', min: String(id), max: String(id) }]
  const files = [...base.files.values()].filter(overlapsKeys(base.fields, keyRange))
  const rows = await scan(table, base, { files, fileColumn: '_path' })
  const [held] = await duck.rows<{ _path: string }>(sql`SELECT _path FROM ${rows} WHERE id = ${id}`)
  const old = await scan(table, base, { files: [base.files.get(held!._path)!] })
  const add = await write(sql`SELECT id, n + (id = ${id})::INT AS n FROM ${old}`)
  return { mode: 'merge', txns: progress(base), removes: [held!._path], adds: [add], keyRange }
}

/** Joins any few files, those of the counters among them now and then; rewrites the last one if it is alone. */
async function compact(base: Snapshot): Promise<Plan> {
  const any = [...base.files.values()].sort(() => Math.random() - 0.5).slice(0, 8)
  const counted = [...base.files.values()].filter(
    overlapsKeys(base.fields, [{ column: 'id', min: String(-counters), max: '-1' }]),
  )
  const files = [...new Set(Math.random() < 0.5 ? [...any, counted[0]!] : any)]
  const add = await write(sql`SELECT * FROM ${await scan(table, base, { files })}`)
  return { mode: 'compaction', removes: files.map(file => file.path), adds: [add] }
}

async function write(select: Sql): Promise<Add> {
  return (await writeFile(duck, table, { select, fields: counterFields, stats: ['id'] }))!
}
