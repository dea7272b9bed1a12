// Whether what the connector has read reaches to a point of the source.
// Guarantee: pure; what cannot be compared is not reached.
import type { SourcePoint } from '../../connectors/source-rows.ts'
import { type GtidRange, parsePoint } from '../../sql/point.ts'

/** `read` is the connector's own offset. By GTIDs, or by position where both are of one binlog: then it has read all before. */
export function includes(read: { file?: string; pos?: number | string; gtids?: string }, point: SourcePoint): boolean {
  if (read.gtids && point.gtids) {
    const [has, wanted] = [setOf(read.gtids), setOf(point.gtids)]
    if (has && wanted?.every(range => covers(has, range))) return true
  }
  const [one, other] = [placeOf(read.file), placeOf(point.file)]
  if (!one || !other || one.base !== other.base || read.pos === undefined || point.pos === undefined) return false
  return one.number > other.number || (one.number === other.number && BigInt(read.pos) >= point.pos)
}

/** Ranges of one origin need not be in order, nor apart. */
function covers(has: readonly GtidRange[], { origin, from, to }: GtidRange): boolean {
  let next = from
  const own = has.filter(range => range.origin === origin).sort((a, b) => (a.from < b.from ? -1 : 1))
  for (const range of own) if (range.from <= next && range.to! >= next) next = range.to! + 1n
  return next > to!
}

function setOf(text: string): readonly GtidRange[] | undefined {
  try {
    const point = parsePoint(text)
    if (point.kind === 'transactions') return point.ranges
    return point.kind === 'transaction' ? [{ origin: point.origin, from: point.sequence, to: point.sequence }] : undefined
  } catch {
    return undefined
  }
}

function placeOf(file: string | undefined): { base: string; number: bigint } | undefined {
  const [, base, number] = /^(.*)\.(\d+)$/.exec(file ?? '') ?? []
  return base === undefined ? undefined : { base, number: BigInt(number!) }
}
