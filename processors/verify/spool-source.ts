// The source's rows, streamed into Parquet files of this machine: typed and masked as silver's are, a piece at a time.
// Guarantee: neither this process nor DuckDB holds more than a piece; unmasked text is on disk only while its piece is read.
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { finished } from 'node:stream/promises'
import type { RowKeys, SourceRows } from '../../connectors/source-rows.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { globEscape } from '../../lake/scan.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import { columnType } from '../column-types.ts'
import { type Compare, fromTexts } from './verify-columns.ts'
import { verifyError } from './verify-error.ts'

export interface SpoolOptions {
  source: SourceRows
  /** A folder of this process, for this table alone. */
  scratch: string
  signal?: AbortSignal | undefined
  /** Only these rows. */
  only?: RowKeys | undefined
  /** Hears how many rows have been read. */
  onRows?: ((rows: number) => void) | undefined
  /** Bytes of text in a piece. */
  pieceBytes?: number | undefined
}

export interface Spooled {
  rows: number
  /** A parenthesised query: the columns of silver, and `sourceKey` (verify-columns.ts). */
  relation: Sql
}

const piece = 48e6
/** Rows are written this many bytes at once. */
const burst = 1 << 18

/** Undefined: the source has no such table. Throws MysqlError, VerifyError. */
export async function spoolSource(duck: Duck, compare: Compare, options: SpoolOptions): Promise<Spooled | undefined> {
  const { source, scratch, only, signal, onRows, pieceBytes = piece } = options
  const { schema, reads } = compare
  const selected = reads.map(column => ({ name: column.name, select: columnType(column, schema).selectMysql }))
  const stream = await source.rows(schema, selected, only)
  if (!stream) return undefined
  await compare.mask.bind(duck)
  const files: string[] = []
  let rows = 0
  // One piece is typed while the next one arrives.
  let typing: Promise<void> = Promise.resolve()
  let open: Piece | undefined
  try {
    for await (const row of stream) {
      signal?.throwIfAborted()
      open ??= new Piece(joinPath(scratch, `piece-${files.length}.ndjson`))
      await open.add(row)
      if (++rows % 10_000 === 0) onRows?.(rows)
      if (open.bytes < pieceBytes) continue
      await typing
      typing = typePiece(duck, compare, { piece: open, to: nextFile(files, scratch) })
      typing.catch(() => undefined)
      open = undefined
    }
    await typing
    if (open) await typePiece(duck, compare, { piece: open, to: nextFile(files, scratch) })
    onRows?.(rows)
  } catch (error) {
    await typing.catch(() => undefined)
    await open?.close().catch(() => undefined)
    throw verifyError(error, { table: schema, doing: "MySQL's rows were read", place: scratch })
  }
  return { rows, relation: await relationOf(duck, compare, files) }
}

function nextFile(files: string[], scratch: string): string {
  const file = joinPath(scratch, `source-${files.length}.parquet`)
  files.push(file)
  return file
}

/** A file of lines, each a row as a JSON list of texts. */
class Piece {
  readonly file: string
  readonly #out: WriteStream
  bytes = 0
  longest = 0
  #waiting = ''
  #failure: unknown

  constructor(file: string) {
    this.file = file
    this.#out = createWriteStream(file, { mode: 0o600 })
    this.#out.on('error', error => {
      this.#failure = error
    })
  }

  async add(row: readonly (string | null)[]): Promise<void> {
    const line = `${JSON.stringify(row)}\n`
    if (line.length > this.longest) this.longest = line.length
    this.bytes += line.length
    this.#waiting += line
    if (this.#waiting.length > burst) await this.#flush()
  }

  async #flush(): Promise<void> {
    if (this.#failure) throw this.#failure
    const text = this.#waiting
    this.#waiting = ''
    if (!this.#out.write(text)) await once(this.#out, 'drain')
  }

  async close(): Promise<void> {
    if (this.#waiting) await this.#flush()
    this.#out.end()
    await finished(this.#out)
  }
}

async function typePiece(duck: Duck, compare: Compare, { piece, to }: { piece: Piece; to: string }): Promise<void> {
  await piece.close()
  // DuckDB's buffers hold two objects of the greatest size allowed, for each thread; a character is four bytes at most.
  const size = Math.max(piece.longest * 4, 1 << 20)
  const lines = sql`read_json(${globEscape(piece.file)}, format = 'newline_delimited', records = false, columns = {texts: 'VARCHAR[]'}, maximum_object_size = ${size})`
  const texts = join(compare.reads.map((_, i) => sql`texts[${i + 1}] AS ${id(`c${i}`)}`))
  await duck.run(
    sql`COPY (${fromTexts(sql`(SELECT ${texts} FROM ${lines})`, compare)}) TO ${to} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)`,
  )
  await rm(piece.file, { force: true })
}

/** Parquet keeps nearly all types of DuckDB; the others are cast back to what they were. */
async function relationOf(duck: Duck, compare: Compare, files: readonly string[]): Promise<Sql> {
  const none = sql`(SELECT ${join(compare.reads.map((_, i) => sql`NULL::VARCHAR AS ${id(`c${i}`)}`))} WHERE false)`
  if (files.length === 0) return sql`(${fromTexts(none, compare)})`
  const types = await duck.rows<{ column_name: string; column_type: string }>(sql`DESCRIBE ${fromTexts(none, compare)}`)
  const columns = types.map(
    ({ column_name: name, column_type: type }) => sql`CAST(${id(name)} AS ${trusted(type)}) AS ${id(name)}`,
  )
  return sql`(SELECT ${join(columns)} FROM read_parquet(${files.map(globEscape)}))`
}
