// Names of objects under a table's root: commits, checkpoints, data files (lake-spec §3.1, §3.5).
// Guarantee: a partition value, whatever it holds, makes a path that every reader decodes back to the same object.
import { randomUUID } from 'node:crypto'
import { LakeError } from './lake-error.ts'
import type { Table } from './table.ts'

/** Bytes of the longest folder name made from a partition value; disks allow 255. */
const longestFolder = 200

/** What folders cannot hold, and the final dot that Azure drops. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
const unfit = /[\x00-\x1f\x7f"#%'*/:=?\\{[\]^]|\.$/g

export type LogFile =
  | { kind: 'commit'; version: number }
  | { kind: 'checkpoint'; version: number }
  | { kind: 'v2-checkpoint'; version: number }
  | { kind: 'checkpoint-part'; version: number; part: number; parts: number }

export function commitPath(table: Table, version: number): string {
  return `${table.path}/_delta_log/${versionDigits(version)}.json`
}

export function checkpointPath(table: Table, version: number): string {
  return `${table.path}/_delta_log/${versionDigits(version)}.checkpoint.parquet`
}

/** Part 1 to `parts` of a checkpoint in several files, which other engines may write. */
export function checkpointPartPath(table: Table, version: number, { part, parts }: { part: number; parts: number }): string {
  const [number, count] = [part, parts].map(n => String(n).padStart(10, '0'))
  return `${table.path}/_delta_log/${versionDigits(version)}.checkpoint.${number}.${count}.parquet`
}

export function lastCheckpointPath(table: Table): string {
  return `${table.path}/_delta_log/_last_checkpoint`
}

/** What an object of `_delta_log` is, by its path; undefined for everything this reader does not use (`.crc`, compacted commits, side files). */
export function logFile(path: string): LogFile | undefined {
  const match = /\/(\d{20})\.(json|checkpoint\.(?:(\d{10})\.(\d{10})\.|([0-9a-f-]{36})\.)?(?:parquet|json))$/.exec(path)
  if (!match) return undefined
  const [, digits, rest, part, parts, uuid] = match
  const version = Number(digits)
  if (rest === 'json') return { kind: 'commit', version }
  if (part !== undefined) return { kind: 'checkpoint-part', version, part: Number(part), parts: Number(parts) }
  if (uuid !== undefined) return { kind: 'v2-checkpoint', version }
  return rest === 'checkpoint.parquet' ? { kind: 'checkpoint', version } : undefined
}

/** A new data file's place: `object` in the store, and `logged` as the add action names it. */
export function newDataPath(table: Table, partition: Record<string, string | null>): { object: string; logged: string } {
  const folders = Object.entries(partition).map(([column, value]) => `${hiveEscape(column)}=${hiveValue(value)}`)
  // The folders are for people: engines read partitionValues. One that no disk could name is left out.
  const parts = [...folders.filter(folder => Buffer.byteLength(folder) <= longestFolder), `part-${randomUUID()}.parquet`]
  return { object: `${table.path}/${parts.join('/')}`, logged: parts.map(encodeURIComponent).join('/').replaceAll('%3D', '=') }
}

/** The object a logged path names. Throws LAKE_UNSUPPORTED_TABLE for files outside the table (shallow clones). */
export function dataPath(table: Table, logged: string): string {
  if (/^[a-z][a-z0-9+.-]*:|^\//i.test(logged)) {
    throw new LakeError(
      'LAKE_UNSUPPORTED_TABLE',
      `${table.path}: its files lie outside the table (a shallow clone); copy it to a table of its own`,
    )
  }
  const path = decodeURIComponent(logged)
  if (path.split('/').includes('..'))
    throw new LakeError('LAKE_CORRUPT_LOG', `${table.path}: a file's path leaves the table's folder`)
  return `${table.path}/${path}`
}

/** A version as names of the log write it: 20 digits. */
export function versionDigits(version: number): string {
  return String(version).padStart(20, '0')
}

function hiveValue(value: string | null): string {
  return value === null || value === '' ? '__HIVE_DEFAULT_PARTITION__' : hiveEscape(value)
}

/** Hive's escaping of the characters that folders cannot hold; others stay as they are. */
function hiveEscape(text: string): string {
  return text.toWellFormed().replace(unfit, char => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}
