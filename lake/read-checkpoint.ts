// Reads a classic checkpoint: every action that was live at its version (lake-spec §3.7).
// Guarantee: rows become the same lines a commit file would hold, so that one parser reads both.
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { type Commit, parseCommit } from './actions.ts'
import { Duck } from './duckdb.ts'
import { LakeError } from './lake-error.ts'
import { checkpointPath } from './path.ts'
import { id, join, sql } from './sql.ts'
import type { Table } from './table.ts'

const kinds = ['protocol', 'metaData', 'txn', 'remove', 'add']

/** The checkpoint's actions, or undefined if the object is gone. Opens a small DuckDB for the time of the call: tables are opened rarely. */
export async function readCheckpoint(table: Table, version: number): Promise<Commit | undefined> {
  const path = checkpointPath(table, version)
  // Not through the cache: a table deleted and made again has another checkpoint of the same name.
  const bytes = await table.store.get(path)
  if (!bytes) return undefined
  const file = joinPath(tmpdir(), `binlake-checkpoint-${randomUUID()}.parquet`)
  await using duck = await Duck.open({ threads: 1 })
  try {
    await writeFile(file, bytes, { flag: 'wx', mode: 0o600 })
    const columns = await duck.rows<{ column_name: string }>(sql`SELECT column_name FROM (DESCRIBE FROM read_parquet(${[file]}))`)
    const present = kinds.filter(kind => columns.some(column => column.column_name === kind))
    const lines = present.map(
      kind =>
        sql`SELECT json_object(${kind}, ${id(kind)})::VARCHAR AS line FROM read_parquet(${[file]}) WHERE ${id(kind)} IS NOT NULL`,
    )
    const rows = await duck.rows<{ line: string }>(join(lines, ' UNION ALL '))
    return withoutNulls(parseCommit(version, rows.map(row => row.line).join('\n')))
  } catch (cause) {
    throw new LakeError('LAKE_CORRUPT_LOG', `${path} could not be read as a checkpoint`, { cause })
  } finally {
    await rm(file, { force: true })
  }
}

/** A checkpoint's structs spell out what is absent as null; in a commit file absent means absent. */
function withoutNulls(commit: Commit): Commit {
  const actions = [commit.protocol, commit.metaData, ...commit.txns, ...commit.removes, ...commit.adds]
  for (const action of actions as (Record<string, unknown> | undefined)[]) {
    for (const key in action) if (action[key] === null) delete action[key]
  }
  return commit
}
