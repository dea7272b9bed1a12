// The value that rows from before get in a new column, where the statement that added it tells.
// Guarantee: a text that the column's type reads as MySQL prints it (`fromMysql`), or `computed`: nothing is approximated.
import type { SourceColumn } from '../source-schema.ts'
import { isFixed } from './compare-types.ts'
import type { AddedDefault } from './ddl.ts'
import { typeClass } from './type-class.ts'

/** Text as `fromMysql` of the column's type reads it; null for NULL; undefined: only the rows themselves know. */
export function constantDefault(column: SourceColumn, given: AddedDefault): string | null | undefined {
  if (given === 'computed') return undefined
  const kind = typeClass(column).kind
  if (given === 'implicit') return implicit(column, kind)
  if ('bits' in given) return kind === 'bits' && /^[01]+$/.test(given.bits) ? String(BigInt(`0b${given.bits}`)) : undefined
  if (given.constant === null) return null
  return printed(column, kind, given.constant)
}

/** What MySQL gives NOT NULL columns without a default. Dates get the zero date, which its strict mode refuses. */
function implicit(column: SourceColumn, kind: string): string | undefined {
  if (['whole', 'decimal', 'float', 'bits'].includes(kind)) return '0'
  if (kind === 'text' || kind === 'set') return ''
  if (kind === 'bytes') return padded(column, Buffer.alloc(0))
  return kind === 'enum' ? column.enumValues?.[0] : undefined
}

function printed(column: SourceColumn, kind: string, text: string): string | undefined {
  const label = (wanted: string) => column.enumValues?.find(one => one.toLowerCase() === wanted.toLowerCase())
  switch (kind) {
    case 'whole':
      // MySQL takes a YEAR of two digits for one of this century or the last.
      if (/^YEAR\b/i.test(column.typeName)) return /^(?:19|2[01])\d\d$/.test(text) ? text : undefined
      return /^[+-]?\d+$/.test(text) ? text.replace('+', '') : undefined
    case 'bits':
      return /^[+-]?\d+$/.test(text) ? text.replace('+', '') : undefined
    case 'decimal':
    case 'float':
      return /^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text) ? text.replace('+', '') : undefined
    case 'text':
      return isFixed(column) ? text.replace(/ +$/, '') : text
    case 'bytes':
      return padded(column, Buffer.from(text))
    case 'enum':
      return label(text)
    case 'set': {
      const labels = text === '' ? [] : text.split(',').map(label)
      if (labels.includes(undefined)) return undefined
      return (column.enumValues ?? []).filter(one => labels.includes(one)).join(',')
    }
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(text) ? text : undefined
    case 'datetime': {
      const match = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?)?$/.exec(text)
      if (!match || (match[3]?.length ?? 0) > (column.length ?? 0)) return undefined
      return `${match[1]} ${match[2] ?? '00:00:00'}${match[3] ? `.${match[3]}` : ''}`
    }
    case 'time': {
      const match = /^-?\d{1,3}:\d\d:\d\d(?:\.(\d{1,6}))?$/.exec(text)
      return match && (match[1]?.length ?? 0) <= (column.length ?? 0) ? text : undefined
    }
    default:
      // A TIMESTAMP's literal stands in the zone of a session that is not known.
      return undefined
  }
}

/** In hexadecimal digits; BINARY is filled up with zeros. */
function padded(column: SourceColumn, bytes: Buffer): string {
  const length = /^BINARY\b/i.test(column.typeName) ? (column.length ?? 1) : bytes.length
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length))])
    .toString('hex')
    .toUpperCase()
}
