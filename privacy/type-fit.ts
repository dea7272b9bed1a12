// Whether a column still has the type for which its rule was written.
// Guarantee: a change that could carry other data than the rule's author saw is a misfit.
import { type DeltaType, decimalOf, duckType } from '../lake/schema.ts'

const wholes = ['byte', 'short', 'integer', 'long']

/** True for the type expected, and for a wider one of the same kind if widening is allowed. Text and bytes have no wider type. */
export function fitsType(actual: DeltaType, expected: string, widening: 'allow' | 'quarantine'): boolean {
  const name =
    typeof actual === 'string' ? actual : actual.type === 'array' ? `array<${duckType(actual.elementType)}>` : actual.type
  const wanted = expected.toLowerCase().replaceAll(' ', '')
  if (name === wanted) return true
  if (widening !== 'allow' || typeof actual !== 'string') return false
  if (wholes.includes(wanted)) return wholes.indexOf(actual) > wholes.indexOf(wanted) || actual === 'decimal(20,0)'
  if (wanted === 'float') return actual === 'double'
  const [before, now] = [decimalOf(wanted as DeltaType), decimalOf(actual)]
  if (!before || !now) return false
  return now.scale >= before.scale && now.precision - now.scale >= before.precision - before.scale
}
