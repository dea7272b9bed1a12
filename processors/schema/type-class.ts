// What values a MySQL column can hold, so far as it matters for comparing two types: of a kind, within bounds.
// Guarantee: pure; a type that is not here has a kind of its own and is comparable with nothing else.
import type { SourceColumn } from '../source-schema.ts'

export interface TypeClass {
  kind:
    | 'whole'
    | 'decimal'
    | 'float'
    | 'bits'
    | 'text'
    | 'enum'
    | 'set'
    | 'bytes'
    | 'date'
    | 'datetime'
    | 'time'
    | 'timestamp'
    | string
  /** whole: bits beside the sign. text, bytes: length. decimal: digits before the point. float: digits. times: digits of a second. */
  size: number
  /** decimal: digits behind the point. */
  scale: number
  /** whole: no negative values. */
  unsigned: boolean
}

const wholeBits: Record<string, number> = {
  ...{ TINYINT: 8, INT1: 8, BOOL: 8, BOOLEAN: 8, SMALLINT: 16, INT2: 16, MEDIUMINT: 24, MIDDLEINT: 24, INT3: 24 },
  ...{ INT: 32, INTEGER: 32, INT4: 32, BIGINT: 64, INT8: 64, YEAR: 16 },
}
const textLimits: Record<string, number> = { TINYTEXT: 255, TEXT: 65_535, MEDIUMTEXT: 16_777_215, LONGTEXT: 4_294_967_295 }
const byteLimits: Record<string, number> = { TINYBLOB: 255, BLOB: 65_535, MEDIUMBLOB: 16_777_215, LONGBLOB: 4_294_967_295 }

export function typeClass(column: SourceColumn): TypeClass {
  const unsigned = /\bUNSIGNED\b|\bZEROFILL\b/i.test(column.typeName)
  const name = column.typeName
    .toUpperCase()
    .replace(/\(.*?\)/g, ' ')
    .replace(/\b(?:UNSIGNED|SIGNED|ZEROFILL)\b/g, ' ')
    .trim()
    .replace(/\s+/g, ' ')
  const plain = (kind: string, size: number, scale = 0): TypeClass => ({ kind, size, scale, unsigned: false })
  const { length, scale = 0 } = column
  if (wholeBits[name]) return { kind: 'whole', size: wholeBits[name] - (unsigned ? 0 : 1), scale: 0, unsigned }
  if (/^(?:DECIMAL|DEC|NUMERIC|FIXED)$/.test(name))
    return plain((length ?? 10) > 38 ? 'long decimal' : 'decimal', (length ?? 10) - scale, scale)
  if (/^FLOAT4?$/.test(name)) return plain('float', column.scale === undefined && (length ?? 0) > 24 ? 53 : 24)
  if (/^(?:DOUBLE|DOUBLE PRECISION|FLOAT8)$/.test(name)) return plain('float', 53)
  if (name === 'BIT') return plain('bits', length ?? 1)
  if (textLimits[name]) return plain('text', limit(textLimits, textLimits[name], length))
  if (byteLimits[name]) return plain('bytes', limit(byteLimits, byteLimits[name], length))
  if (/^LONG(?: VARCHAR)?$/.test(name)) return plain('text', textLimits.MEDIUMTEXT!)
  if (name === 'LONG VARBINARY') return plain('bytes', byteLimits.MEDIUMBLOB!)
  if (/^(?:VAR)?BINARY$/.test(name)) return plain('bytes', length ?? 1)
  if (/CHAR/.test(name)) return plain('text', length ?? 1)
  if (name === 'ENUM' || name === 'SET') return plain(name.toLowerCase(), 0)
  if (/^(?:DATETIME|TIMESTAMP|TIME)$/.test(name)) return plain(name.toLowerCase(), length ?? 0)
  if (name === 'GEOMCOLLECTION') return plain('geometrycollection', 0)
  return plain(name.toLowerCase(), 0)
}

/** TEXT(100) is MySQL's way to say TINYTEXT. */
function limit(limits: Record<string, number>, own: number, length: number | undefined): number {
  return length === undefined ? own : Math.min(...Object.values(limits).filter(one => one >= length))
}
