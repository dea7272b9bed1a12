// A small table's whole life in a zone: what the lake needs a store to do, done once for real.
import { randomUUID } from 'node:crypto'
import { readFile, writeFile as writeLocal } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { checkpoint } from '../../lake/checkpoint.ts'
import { commit } from '../../lake/commit.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { scan } from '../../lake/scan.ts'
import { field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import type { Table } from '../../lake/table.ts'
import { vacuum } from '../../lake/vacuum.ts'
import { writeFile } from '../../lake/write.ts'
import { type Check, checked, must } from './check.ts'

export interface Place {
  zone: string
  /** Each with connections of its own. The first is used for everything but races. */
  stores: readonly [ObjectStore, ...ObjectStore[]]
  /** Everything happens below it: `silver/binlake_smoke_…`. */
  folder: string
  duck: Duck
}

const rounds = 5

/** Put-if-absent by all stores at once, round after round: the one thing on which every commit rests. */
export async function raceCheck({ zone, stores, folder }: Place): Promise<Check> {
  return checked(zone, 'race', async () => {
    for (let round = 0; round < rounds; round++) {
      const path = `${folder}/race/${round}`
      const won = await Promise.all(stores.map((store, i) => store.putIfAbsent(path, Buffer.from(`writer ${i}`))))
      const winners = won.flatMap((win, i) => (win ? [i] : []))
      must(winners.length === 1, `${winners.length} of ${stores.length} writers won one name: do not run binlake on this account`)
      const there = await stores[0].get(path)
      must(
        String(there) === `writer ${winners[0]}`,
        'the winner of a name is not the one whose bytes stand there: do not run binlake on this account',
      )
    }
    return `${stores.length} writers, ${rounds} rounds: one winner each`
  })
}

/** Large objects up in blocks and down again. */
export async function largeFileCheck({ zone, stores: [store], folder }: Place): Promise<Check> {
  return checked(zone, 'large file', async () => {
    const bytes = Buffer.alloc(20 << 20, randomUUID())
    const local = join(store.scratch, randomUUID())
    await writeLocal(local, bytes)
    const start = performance.now()
    await store.putFile(`${folder}/large.parquet`, local)
    const up = performance.now()
    const back = await store.get(`${folder}/large.parquet`)
    const down = performance.now()
    must(back?.equals(bytes) === true, 'what came back is not what was sent')
    const rate = (ms: number) => `${Math.round((bytes.length / 1e6 / ms) * 1000)} MB/s`
    return `20 MB up at ${rate(up - start)}, down at ${rate(down - up)}`
  })
}

/** Commit, merge, checkpoint, list, read back, vacuum. Each step needs the one before: it ends with the first that fails. */
export async function tableChecks({ zone, stores: [store], folder, duck }: Place): Promise<Check[]> {
  const table: Table = { store, path: `${folder}/table` }
  const fields = [field('id', 'long'), field('text', 'string'), field('at', 'timestamp')]
  const rows = (from: number) =>
    sql`SELECT range AS id, 'text ' || range AS text, TIMESTAMPTZ '2026-01-01 00:00:00Z' + to_seconds(range) AS at FROM range(${from}, ${from + 1000})`
  let snapshot: Snapshot
  const write = async (base: Snapshot | undefined, select: Sql, removes: string[] = []) => {
    const add = await writeFile(duck, table, { select, fields, stats: ['id'] })
    const mode = removes.length > 0 ? 'merge' : 'append'
    return commit(table, { base, mode, operation: 'SMOKE', metaData: { fields }, adds: [add!], removes })
  }
  const steps: [string, () => Promise<string>][] = [
    [
      'commit',
      async () => {
        const start = performance.now()
        snapshot = await write(undefined, rows(0))
        snapshot = await write(snapshot, rows(1000))
        return `2 commits of 1,000 rows, ${Math.round((performance.now() - start) / 2)} ms each with their files`
      },
    ],
    [
      'merge',
      async () => {
        const [first] = snapshot.files.keys()
        snapshot = await write(snapshot, rows(2000), [first!])
        return 'a file replaced by another in one commit'
      },
    ],
    [
      'checkpoint',
      async () => {
        await checkpoint(duck, table, snapshot)
        const opened = await loadSnapshot(table)
        must(opened?.version === snapshot.version, `opened version ${opened?.version}, expected ${snapshot.version}`)
        must([...opened.files.keys()].join() === [...snapshot.files.keys()].join(), 'the checkpoint names other files')
        return `the table opens from it at version ${opened.version}`
      },
    ],
    [
      'list',
      async () => {
        const listed = []
        for await (const object of store.list(`${table.path}/`)) listed.push(object)
        // 3 commits, a checkpoint, its hint, 3 data files; a folder in this list would look like a file to a vacuum.
        must(listed.length === 8, `${listed.length} objects are listed, expected 8; folders among them?`)
        for (const { path, size } of listed)
          must((await store.head(path))?.size === size, 'an object is listed with another size')
        must((await store.folders(`${folder}/`)).includes('table'), 'the folder is not listed')
        return `${listed.length} objects, as written`
      },
    ],
    [
      'read back',
      async () => {
        const counted = async (at: Snapshot) =>
          (await duck.json(sql`SELECT count(*)::INTEGER AS n, sum(id)::VARCHAR AS s FROM ${await scan(table, at)}`))[0]
        const now = await counted(snapshot)
        must(now?.n === 2000 && now.s === String(((1000 + 2999) / 2) * 2000), 'the rows read are not the rows written')
        const then = await loadSnapshot(table, { version: 0 })
        must((await counted(then!))?.n === 1000, 'version 0 reads otherwise than it was written')
        return '2,000 rows of the newest version, 1,000 of version 0'
      },
    ],
    [
      'vacuum',
      async () => {
        const { deleted } = await vacuum(table, snapshot, {
          retention: 0,
          longestWrite: 0,
          unsafe: true,
          now: Date.now() + 1_000_000,
        })
        must(deleted.files === 1, `${deleted.files} files went, expected 1`)
        const local = await store.fetch(`${table.path}/${[...snapshot.files.keys()][0]}`)
        must((await readFile(local)).length > 0, 'a live file is gone')
        return 'the replaced file went, the live ones stayed'
      },
    ],
  ]
  const checks: Check[] = []
  for (const [check, step] of steps) {
    checks.push(await checked(zone, check, step))
    if (checks.at(-1)!.result === 'failed') break
  }
  return checks
}
