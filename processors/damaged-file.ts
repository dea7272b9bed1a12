// Tells a data file that is damaged from values that do not fit: DuckDB calls both an invalid input.
import { nameOf } from '../lake/layout.ts'

/** How DuckDB begins when it can make nothing of a Parquet file. It names the file in some, and never a value. */
const complaints =
  /^(?:Invalid Input|Invalid|IO) Error: (?:No magic bytes found|File '[^']*' too small to be a Parquet file|Failed to read file|Out of buffer|TProtocolException)/

/** Which file is damaged and what to type, from the first line of an error's message; undefined: that is not what happened. */
export function damagedFile(message: string): string | undefined {
  if (!complaints.test(message)) return undefined
  const [, zone, database, table, file] = /\b(silver|bronze)\/([^/'"]+)\/([^/'"]+)\/([^/'"]+\.parquet)/.exec(message) ?? []
  if (file === undefined) return 'a data file is damaged; `binlake replay --prove` says of which table'
  const source = `${nameOf(database!)}.${nameOf(table!).replace(/_(?:history|deleted)$/, '')}`
  return `data file ${file} of ${zone}/${database}/${table} is damaged; build the table anew with \`binlake replay ${source}\``
}
