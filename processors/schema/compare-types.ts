// How a column's new type stands to its old one (cdc-spec §5).
// Guarantee: `widened` only where each old value is one of the new type, written the same, without MySQL changing a row.
import type { SourceColumn } from '../source-schema.ts'
import { type TypeClass, typeClass } from './type-class.ts'

export type TypeChange = 'same' | 'widened' | 'narrowed' | 'labels' | 'incompatible'

export function compareTypes(before: SourceColumn, now: SourceColumn): TypeChange {
  const [a, b] = [typeClass(before), typeClass(now)]
  if (a.kind !== b.kind) return holdsAll(before, a, b) ? 'widened' : 'incompatible'
  if (a.kind === 'enum' || a.kind === 'set')
    return JSON.stringify(before.enumValues) === JSON.stringify(now.enumValues) ? 'same' : 'labels'
  if (a.kind === 'whole') {
    // From signed to unsigned MySQL refuses to lose a negative value; silver's type for it holds both.
    if (a.size === b.size && a.unsigned === b.unsigned) return 'same'
    return b.size >= a.size ? 'widened' : 'narrowed'
  }
  if (a.kind === 'bytes' && /^BINARY\b/i.test(now.typeName) && !(a.size === b.size && /^BINARY\b/i.test(before.typeName))) {
    // Its values are filled up with zeros, row by row.
    return 'incompatible'
  }
  // A CHAR is read without the spaces at its end.
  if (a.kind === 'text' && isFixed(now) && !isFixed(before)) return 'narrowed'
  if (a.size === b.size && a.scale === b.scale) return 'same'
  if (b.size >= a.size && b.scale >= a.scale) return 'widened'
  return b.size <= a.size && b.scale <= a.scale ? 'narrowed' : 'incompatible'
}

/** CHAR under any of its names. */
export function isFixed({ typeName }: SourceColumn): boolean {
  return /^(?:N(?:ATIONAL )?)?CHAR(?:ACTER)?\b(?! VAR)/i.test(typeName)
}

/** Whether each value of one kind is one of another. */
function holdsAll(before: SourceColumn, a: TypeClass, b: TypeClass): boolean {
  if (a.kind === 'enum') return b.kind === 'text'
  if (a.kind === 'date') return b.kind === 'datetime'
  if (/ZEROFILL/i.test(before.typeName) && b.kind === 'text') return false
  const digits = a.kind === 'whole' ? Math.ceil(a.size * Math.log10(2)) : a.size + a.scale
  if (a.kind === 'whole' && b.kind === 'decimal') return b.size >= digits
  if (a.kind === 'whole' && b.kind === 'float') return b.size >= a.size
  // A sign, a point.
  if (a.kind === 'whole' || a.kind === 'decimal') return b.kind === 'text' && b.size >= digits + 2
  return false
}
