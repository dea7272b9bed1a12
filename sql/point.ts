// The point in time that `--as-of` names: a Delta version, a moment, a binlog position, a transaction, or a set of transactions.
// Guarantee: pure; a text means one kind of point or none, and numbers are exact beyond 2^53.
import { SqlError } from './sql-error.ts'

/** A range of one server's transactions, both ends included; `to` undefined: without an end. */
export interface GtidRange {
  /** `uuid`, or `uuid:tag`; lower case. */
  origin: string
  from: bigint
  to: bigint | undefined
}

export type BinlogPoint =
  /** After the last transaction that ended at or before this position of a binlog file. */
  | { kind: 'position'; text: string; base: string; file: bigint; pos: bigint }
  /** After this transaction and before the next. */
  | { kind: 'transaction'; text: string; origin: string; sequence: bigint }
  /** After these transactions and no others. */
  | { kind: 'transactions'; text: string; ranges: readonly GtidRange[] }

export type Point =
  | { kind: 'version'; text: string; version: number }
  | { kind: 'instant'; text: string; instant: Date }
  | BinlogPoint

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const single = new RegExp(`^(${uuid}(?::[a-z_][a-z0-9_]*)?):(\\d+)$`, 'i')
const server = new RegExp(`^${uuid}$`, 'i')
const date = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i
const units: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

export const pointForms =
  'a Delta version (12), a time in UTC (2026-11-21 10:00, or -90m), a binlog position (binlog.000003:1547), ' +
  'a transaction (<uuid>:23) or a GTID set (<uuid>:1-23,<uuid>:1-5)'

/** Reads a point; `now` is what relative times count from. Throws SQL_POINT_INVALID. */
export function parsePoint(typed: string, now = new Date()): Point {
  const text = typed.trim()
  if (/^\d{1,15}$/.test(text)) return { kind: 'version', text, version: Number(text) }
  const ago = /^-(\d{1,9})([smhdw])$/.exec(text)
  if (ago) return { kind: 'instant', text, instant: new Date(now.getTime() - Number(ago[1]) * units[ago[2]!]! * 1_000) }
  if (date.test(text)) return { kind: 'instant', text, instant: instantOf(text) }
  const one = single.exec(text)
  if (one) return { kind: 'transaction', text, origin: one[1]!.toLowerCase(), sequence: BigInt(one[2]!) }
  if (new RegExp(`^${uuid}\\s*:`, 'i').test(text)) return { kind: 'transactions', text, ranges: rangesOf(text) }
  const place = /^([^:\s]+)\.(\d+):(\d+)$/.exec(text)
  if (place) return { kind: 'position', text, base: place[1]!, file: BigInt(place[2]!), pos: BigInt(place[3]!) }
  throw invalid(text)
}

/** Times without a zone are UTC, as everywhere in binlake; digits beyond milliseconds are cut. */
function instantOf(text: string): Date {
  const [, day, time = '00:00', zone = 'Z'] = date.exec(text) as unknown as [
    string,
    string,
    string | undefined,
    string | undefined,
  ]
  const [clock, fraction = ''] = time.split('.') as [string, string | undefined]
  const hours = /^[+-]\d{2}$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2').toUpperCase()
  const instant = new Date(`${day}T${clock.length === 5 ? `${clock}:00` : clock}.${fraction.slice(0, 3).padEnd(3, '0')}${hours}`)
  // JavaScript takes 30 February for a day of March.
  if (Number.isNaN(instant.getTime()) || !new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)) throw invalid(text)
  return instant
}

/** A set as MySQL prints it: `uuid:1-5:7-9,uuid:tag:1-3`, line breaks allowed. */
function rangesOf(text: string): GtidRange[] {
  return text.split(',').flatMap(part => {
    const [id = '', ...rest] = part
      .trim()
      .split(':')
      .map(piece => piece.trim().toLowerCase())
    if (!server.test(id) || rest.length === 0) throw invalid(text)
    let origin = id
    const ranges: GtidRange[] = []
    for (const piece of rest) {
      const range = /^(\d+)(?:-(\d+))?$/.exec(piece)
      if (!range && !/^[a-z_][a-z0-9_]*$/.test(piece)) throw invalid(text)
      if (!range) origin = `${id}:${piece}`
      else ranges.push({ origin, from: BigInt(range[1]!), to: BigInt(range[2] ?? range[1]!) })
    }
    if (ranges.length === 0 || ranges.some(({ from, to }) => from < 1n || to! < from)) throw invalid(text)
    return ranges
  })
}

function invalid(text: string): SqlError {
  return new SqlError('SQL_POINT_INVALID', `${text === '' ? 'an empty text' : text}: not a point in time; expected ${pointForms}`)
}
