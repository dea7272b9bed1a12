// The contract of the source's own tables, read as text, for `verify`.
// Guarantee asked of each: all tables as they were at one moment.

export interface TextColumn {
  name: string
  /** MySQL's expression that prints the column as text or NULL. */
  select: string
}

/** Where in the binlog a view of the source stands. */
export interface SourcePoint {
  /** The executed GTIDs as MySQL prints them; absent without GTIDs. */
  gtids?: string
  /** The binlog's file and position behind the last transaction that the view shows. */
  file?: string
  pos?: bigint
  /**
   * True: the view shows the transactions up to here and no others. False: the server was busy and could not be held, so that a transaction
   * or two may be on the wrong side.
   */
  exact: boolean
  /** How that is known, in words. */
  how: string
}

/** Conditions on rows as the source's own SQL, each a list of `column = value` for one row. */
export interface RowKeys {
  columns: readonly KeyColumn[]
  /** Each key's values in the order of `columns`, as `keyText` gave them. */
  keys: readonly (readonly string[])[]
}

export interface KeyColumn {
  name: string
  /** How the text stands for the value. */
  as: 'number' | 'text' | 'hex'
}

/** A column that a table of the source has. */
export type SourceColumnName = Record<'database' | 'table' | 'column', string>

/** A consistent view of the source. Close it soon: MySQL keeps old row versions while it is open. */
export interface SourceRows extends AsyncDisposable {
  /** Where in the binlog this view stands, as text for people: `binlog.000002:4711` and the executed GTIDs. */
  readonly position: string
  /** The same for machines; undefined: a source without a binlog, or one that does not tell. */
  readonly point?: SourcePoint | undefined
  /**
   * The rows of a table, each a list of texts in the order of `columns`. Undefined if the source has no such table. With `only` it may leave
   * out all rows but those of these keys.
   */
  rows(
    table: { database: string; table: string },
    columns: readonly TextColumn[],
    only?: RowKeys,
  ): Promise<AsyncIterable<(string | null)[]> | undefined>
  /** About how many rows a table has; undefined: not known. */
  estimate?(table: { database: string; table: string }): Promise<number | undefined>
  /** All columns of all tables of these databases, as they are now; views have none. */
  columns?(databases: readonly string[]): Promise<SourceColumnName[]>
}
