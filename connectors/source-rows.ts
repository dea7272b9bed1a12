// The contract of the source's own tables, read as text, for `verify`.
// Guarantee asked of each: all tables as they were at one moment.

export interface TextColumn {
  name: string
  /** MySQL's expression that prints the column as text or NULL. */
  select: string
}

/** A consistent view of the source. Close it soon: MySQL keeps old row versions while it is open. */
export interface SourceRows extends AsyncDisposable {
  /** Where in the binlog this view stands, as text for people: `binlog.000002:4711` and the executed GTIDs. */
  readonly position: string
  /** The rows of a table, each a list of texts in the order of `columns`. Undefined if the source has no such table. */
  rows(
    table: { database: string; table: string },
    columns: readonly TextColumn[],
  ): Promise<AsyncIterable<(string | null)[]> | undefined>
}
