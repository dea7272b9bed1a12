// Where an event stands in its source: binlog coordinates and GTID, and how two of them compare (cdc-spec §2.4, cmpSource).
// Guarantee: pure; numbers are compared as numbers, and what cannot be compared says so instead of guessing.

export interface SourcePosition {
  op: string
  /** Binlog file, e.g. `binlog.000042`. */
  file: string | null
  pos: bigint | null
  row: number | null
  gtid: string | null
  /** Order within the source transaction, when the connector reports it. */
  txOrder: bigint | null
}

/** -1: a is before b; 0: the same place; 1: a is after b; undefined: not comparable, Kafka's order decides. */
export function compareSource(a: SourcePosition, b: SourcePosition): -1 | 0 | 1 | undefined {
  const gtidA = a.gtid === null ? undefined : parseGtid(a.gtid)
  const gtidB = b.gtid === null ? undefined : parseGtid(b.gtid)
  if (gtidA && gtidB) {
    if (gtidA.origin !== gtidB.origin) return undefined
    if (gtidA.sequence !== gtidB.sequence) return order(gtidA.sequence, gtidB.sequence)
    if (a.txOrder !== null && b.txOrder !== null) return order(a.txOrder, b.txOrder)
    return a.file === b.file ? withinFile(a, b) : undefined
  }
  const fileA = a.file === null ? undefined : parseFile(a.file)
  const fileB = b.file === null ? undefined : parseFile(b.file)
  if (!fileA || !fileB || fileA.base !== fileB.base) return undefined
  if (fileA.number !== fileB.number) return order(fileA.number, fileB.number)
  return withinFile(a, b)
}

/** MySQL's `uuid:n` and `uuid:tag:n`, MariaDB's `domain-server-n`. `origin` is what makes numbers comparable. */
export function parseGtid(gtid: string): { origin: string; sequence: bigint } | undefined {
  const colon = gtid.lastIndexOf(':')
  if (colon > 0 && /^\d+$/.test(gtid.slice(colon + 1)))
    return { origin: gtid.slice(0, colon), sequence: BigInt(gtid.slice(colon + 1)) }
  const maria = /^(\d+)-\d+-(\d+)$/.exec(gtid)
  return maria ? { origin: maria[1]!, sequence: BigInt(maria[2]!) } : undefined
}

/** `mysql-bin.1000000` comes after `mysql-bin.999999`: the suffix is a number. */
export function parseFile(file: string): { base: string; number: bigint } | undefined {
  const match = /^(.*)\.(\d+)$/.exec(file)
  return match ? { base: match[1]!, number: BigInt(match[2]!) } : undefined
}

/** A snapshot's row number says nothing, so with an `r` on either side the position alone counts. */
function withinFile(a: SourcePosition, b: SourcePosition): -1 | 0 | 1 | undefined {
  if (a.pos === null || b.pos === null) return undefined
  if (a.pos !== b.pos || a.op === 'r' || b.op === 'r') return order(a.pos, b.pos)
  const rows = order(BigInt(a.row ?? 0), BigInt(b.row ?? 0))
  // Events of a compressed transaction share file, position and row (cdc-spec §2.2).
  return rows === 0 && a.txOrder !== null && b.txOrder !== null ? order(a.txOrder, b.txOrder) : rows
}

function order(a: bigint, b: bigint): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0
}
