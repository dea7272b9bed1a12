// How big a table's data files should be, by the table's live bytes (lake-spec §4); merge and compaction alike ask here.
// Guarantee: pure; one file for a small table, more as it grows, never thousands.

/** Bytes. */
export interface FileSize {
  /** What a new file should hold. */
  target: number
  /** A file above this is written as several. */
  splitAt: number
  /** A file below this is joined with its neighbours when it is written anew anyway. */
  joinBelow: number
}

/** A smaller file costs a reader more to open than to read, and holds less than two row groups of a usual table. */
const smallest = 8e6
/** What one file may cost a merge on a common machine; only beyond 64 GB files grow larger, so that they stay countable. */
const largest = 128e6

/**
 * A merge rewrites whole files, so many small ones keep it cheap; readers open every file, and each is a line of the log, so few large
 * ones keep them fast. A 128th of the table is the middle: a change to one percent of the keys that lie together rewrites two or three
 * files, under 3 % of the table, and 128 files open in parallel within one request's time each.
 *
 * | live | target | files |      | live | target | files |
 * |---|---|---|---|---|---|---|
 * | 8 MB | 8 MB | 1 |          | 16 GB | 128 MB | 128 |
 * | 100 MB | 8 MB | 13 |       | 64 GB | 128 MB | 500 |
 * | 1 GB | 8 MB | 128 |        | 1 TB | 2 GB | 500 |
 *
 * Files lie between half and one and a half times the target, so there are at most twice as many as the table says.
 */
export function fileSize(live: number): FileSize {
  const target = Math.max(Math.min(Math.max(live / 128, smallest), largest), live / 500)
  return { target, splitAt: 1.5 * target, joinBelow: 0.5 * target }
}

/** In a table whose rows never change, whatever its volume: no merge will rewrite a file, so it may be large. */
export const largeFiles: FileSize = { target: largest, splitAt: 1.5 * largest, joinBelow: 0.5 * largest }

/** Into how many files of equal size so many bytes are written. Each comes out between `joinBelow` and `splitAt`, unless all of it is less. */
export function filesFor(bytes: number, { target, splitAt }: FileSize): number {
  return bytes <= splitAt ? 1 : Math.max(2, Math.round(bytes / target))
}
