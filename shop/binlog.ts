// Where each event would stand in MySQL's binlog: files that rotate, positions that grow, rows inside an event, GTIDs.
// Guarantee: (file, pos, row) and the GTID grow strictly from event to event and from transaction to transaction.

/** Kept from run to run. */
export interface BinlogState {
  serverUuid: string
  /** The number in the file's name. */
  file: number
  pos: number
  /** Of the last transaction. */
  gtid: number
}

/** Smaller than MySQL's gigabyte, so that a demonstration sees files rotate. */
const fileBytes = 16 << 20
/** Bytes before the first event of a file. */
const fileHeader = 158
/** MySQL's binlog_row_event_max_size. */
const rowsEventBytes = 8192
const gtidEvent = 79
const beginEvent = 78
const tableMapEvent = 70
const rowsEventHeader = 35
const xidEvent = 31

export function createBinlogState(serverUuid: string): BinlogState {
  return { serverUuid, file: 1, pos: fileHeader, gtid: 0 }
}

export function binlogFile({ file }: BinlogState): string {
  return `binlog.${String(file).padStart(6, '0')}`
}

export function gtidText({ serverUuid, gtid }: BinlogState): string {
  return `${serverUuid}:${gtid}`
}

/** Moves past GTID and BEGIN; a transaction never spans two files. */
export function beginTransaction(state: BinlogState): void {
  if (state.pos > fileBytes) {
    state.file++
    state.pos = fileHeader
  }
  state.gtid++
  state.pos += gtidEvent + beginEvent
}

/** Moves past COMMIT. */
export function endTransaction(state: BinlogState): void {
  state.pos += xidEvent
}

/** Where the rows of one statement stand; `sizes` are the rows' bytes. A long statement makes several events. */
export function rowPositions(state: BinlogState, sizes: readonly number[]): { pos: number; row: number }[] {
  const places: { pos: number; row: number }[] = []
  let used = rowsEventBytes
  let row = 0
  for (const size of sizes) {
    if (used + size > rowsEventBytes) {
      state.pos += tableMapEvent
      used = 0
      row = 0
    }
    // All rows of an event stand at the event's start.
    places.push({ pos: row === 0 ? state.pos : places.at(-1)!.pos, row })
    used += size
    row++
    if (row === 1) state.pos += rowsEventHeader
    state.pos += size
  }
  return places
}
