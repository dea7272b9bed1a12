// What a query read and how long that took, for `--profile`: counts and times, never values.

export interface TableRead {
  /** As the query names it: `silver.orders`. */
  table: string
  /** The Delta version read. */
  version: number
  /** Data files fetched, and live files that the query's conditions ruled out. */
  files: number
  skipped: number
  /** Of the files fetched. */
  bytes: number
  rows: number
}

export interface QueryReport {
  tables: TableRead[]
  /** Milliseconds to find and fetch what the query reads. */
  fetchMs: number
  /** What the query's point in time was taken for, in words. */
  said: string[]
}
