// Writes a classic checkpoint: everything live at one version in one Parquet file, so that opening a table needs no old commits (lake-spec §3.7).
// Guarantee: written only for a version that is committed; the `_last_checkpoint` hint never moves backwards.
import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { Add, MetaData, Protocol, Remove } from './actions.ts'
import { formatTxn } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { failPoint } from './fail-point.ts'
import { fileRetention } from './interval.ts'
import { checkpointPath, lastCheckpointPath } from './path.ts'
import type { Snapshot } from './snapshot.ts'
import { sql } from './sql.ts'
import type { Table } from './table.ts'

const defaultInterval = 50

/** True for the commit whose writer makes the next checkpoint: every 50th version, or as `delta.checkpointInterval` says. */
export function checkpointDue(snapshot: Snapshot): boolean {
  const set = Number(snapshot.metaData.configuration['delta.checkpointInterval'])
  const interval = Number.isInteger(set) && set > 0 ? set : defaultInterval
  return snapshot.version > 0 && snapshot.version % interval === 0
}

/** Writes the snapshot's checkpoint, then the hint to it. May run beside commits; doing it twice is harmless. */
export async function checkpoint(duck: Duck, table: Table, snapshot: Snapshot): Promise<void> {
  const lines = joinPath(table.store.scratch, `checkpoint-${randomUUID()}.ndjson`)
  const file = joinPath(table.store.scratch, `checkpoint-${randomUUID()}.parquet`)
  try {
    const rows = await writeLines(lines, snapshot)
    await duck.run(copyStatement(lines, file))
    failPoint('checkpoint:before-put')
    await table.store.putFile(checkpointPath(table, snapshot.version), file)
    failPoint('checkpoint:before-hint')
    await moveHint(table, { version: snapshot.version, size: rows })
  } finally {
    await Promise.all([rm(lines, { force: true }), rm(file, { force: true })])
  }
}

/** The checkpoint's actions as JSON lines; a tombstone past its retention is forgotten. Returns how many. */
async function writeLines(file: string, snapshot: Snapshot): Promise<number> {
  const oldest = Date.now() - fileRetention(snapshot.metaData)
  await using handle = await open(file, 'wx', 0o600)
  let rows = 0
  let text = ''
  for (const line of checkpointLines(snapshot, oldest)) {
    text += `${line}\n`
    rows++
    if (text.length < 1 << 20) continue
    await handle.appendFile(text)
    text = ''
  }
  await handle.appendFile(text)
  return rows
}

function* checkpointLines(snapshot: Snapshot, oldest: number): Generator<string> {
  const { protocol, metaData }: { protocol: Protocol; metaData: MetaData } = snapshot
  yield JSON.stringify({ protocol })
  yield JSON.stringify({ metaData })
  for (const [appId, version] of snapshot.txns) yield formatTxn({ appId, version })
  for (const remove of snapshot.tombstones.values()) {
    if ((remove.deletionTimestamp ?? 0) > oldest)
      yield JSON.stringify({ remove: { ...remove, dataChange: false } satisfies Remove })
  }
  for (const add of snapshot.files.values()) yield JSON.stringify({ add: { ...add, dataChange: false } satisfies Add })
}

function copyStatement(lines: string, file: string) {
  return sql`
    COPY (SELECT * FROM read_json(${[lines]}, format = 'newline_delimited', maximum_object_size = 67108864, columns = {
      protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], writerFeatures VARCHAR[])',
      metaData: 'STRUCT(id VARCHAR, "name" VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options MAP(VARCHAR, VARCHAR)),
        schemaString VARCHAR, partitionColumns VARCHAR[], configuration MAP(VARCHAR, VARCHAR), createdTime BIGINT)',
      txn: 'STRUCT(appId VARCHAR, "version" BIGINT, lastUpdated BIGINT)',
      remove: 'STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN,
        partitionValues MAP(VARCHAR, VARCHAR), size BIGINT)',
      add: 'STRUCT(path VARCHAR, partitionValues MAP(VARCHAR, VARCHAR), size BIGINT, modificationTime BIGINT, dataChange BOOLEAN,
        stats VARCHAR, tags MAP(VARCHAR, VARCHAR))'
    })) TO ${file} (FORMAT parquet, COMPRESSION snappy)`
}

/** Names a checkpoint that is there as the one to start from, unless a newer one is named; `size` is its number of actions. */
export async function moveHint(table: Table, hint: { version: number; size: number }): Promise<void> {
  const path = lastCheckpointPath(table)
  const current = await table.store.get(path)
  if (current && versionOf(current.toString('utf8')) > hint.version) return
  await table.store.put(path, Buffer.from(JSON.stringify(hint)))
}

function versionOf(text: string): number {
  try {
    return Number((JSON.parse(text) as { version?: unknown }).version)
  } catch {
    return -1
  }
}
