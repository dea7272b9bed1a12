// Where an event stands in its source: binlog coordinates and GTID, and how two of them compare (cdc-spec §2.4, cmpSource).
// Guarantee: pure; numbers are compared as numbers, and what cannot be compared says so instead of guessing.

export interface SourcePosition {
  op: string
  /** Grows with each other log that was read; files of different ones do not compare (lineage.ts). */
  lineage: number
  /** Binlog file, e.g. `binlog.000042`. */
  file: string | null
  pos: bigint | null
  row: number | null
  gtid: string | null
  /** The GTID's number says nothing of the order (gtid-order.ts). */
  unordered?: boolean
  /** Order within the source transaction, when the connector reports it and can be trusted to (`trustsOrder`). */
  txOrder: bigint | null
}

/**
 * -1: a is before b; 0: the same place; 1: a is after b; undefined: not comparable, Kafka's order decides. Without `rows`, events at one position are at
 * the same place unless their transaction orders them.
 */
export function compareSource(a: SourcePosition, b: SourcePosition, { rows = true } = {}): -1 | 0 | 1 | undefined {
  const gtidA = a.gtid === null || a.unordered ? undefined : parseGtid(a.gtid)
  const gtidB = b.gtid === null || b.unordered ? undefined : parseGtid(b.gtid)
  if (gtidA && gtidB) {
    if (gtidA.origin !== gtidB.origin) return undefined
    if (gtidA.sequence !== gtidB.sequence) return order(gtidA.sequence, gtidB.sequence)
    if (a.txOrder !== null && b.txOrder !== null) return order(a.txOrder, b.txOrder)
    return a.file === b.file ? withinFile(a, b, rows) : undefined
  }
  const fileA = a.file === null ? undefined : parseFile(a.file)
  const fileB = b.file === null ? undefined : parseFile(b.file)
  if (!fileA || !fileB || a.lineage !== b.lineage || fileA.base !== fileB.base) return undefined
  if (fileA.number !== fileB.number) return order(fileA.number, fileB.number)
  return withinFile(a, b, rows)
}

/** MySQL's `uuid:n` and `uuid:tag:n`, MariaDB's `domain-server-n`. `origin` is what makes numbers comparable. */
export function parseGtid(gtid: string): { origin: string; sequence: bigint } | undefined {
  const mysql = /^([^:]+(?::[^:]+)?):(\d{1,18})$/.exec(gtid)
  if (mysql) return { origin: mysql[1]!, sequence: BigInt(mysql[2]!) }
  const maria = /^(\d+)-\d+-(\d{1,18})$/.exec(gtid)
  return maria ? { origin: maria[1]!, sequence: BigInt(maria[2]!) } : undefined
}

/** `mysql-bin.1000000` comes after `mysql-bin.999999`: the suffix is a number. */
export function parseFile(file: string): { base: string; number: bigint } | undefined {
  const match = /^(.*)\.(\d{1,18})$/.exec(file)
  return match ? { base: match[1]!, number: BigInt(match[2]!) } : undefined
}

/** Before Debezium 3.6.1 a restart within a transaction counted `total_order` from the start again (cdc-spec §3). */
export function trustsOrder(version: string | null): boolean {
  const [major = 0, minor = 0, patch = 0] = (version ?? '').split('.', 3).map(part => Number.parseInt(part, 10) || 0)
  return major !== 3 ? major > 3 : minor !== 6 ? minor > 6 : patch >= 1
}

/** The row number of a snapshot's or a truncate's event says nothing, so with one on either side the position alone counts. */
function withinFile(a: SourcePosition, b: SourcePosition, rows: boolean): -1 | 0 | 1 | undefined {
  if (a.pos === null || b.pos === null) return undefined
  if (a.pos !== b.pos || !rows || rowless(a) || rowless(b)) return order(a.pos, b.pos)
  return order(BigInt(a.row ?? 0), BigInt(b.row ?? 0))
}

function rowless({ op }: SourcePosition): boolean {
  return op === 'r' || op === 't'
}

function order(a: bigint, b: bigint): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0
}
