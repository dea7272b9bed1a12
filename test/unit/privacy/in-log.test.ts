import { expect, test } from 'vitest'
import type { DeltaType } from '../../../lake/schema.ts'
import { mayBeInLog } from '../../../privacy/in-log.ts'
import type { Strategy } from '../../../privacy/policy.ts'

test.each<[Strategy, string | undefined, DeltaType, boolean]>([
  ['keep', 'operational', 'long', true],
  ['keep', 'pseudonymous', 'integer', true],
  ['keep', undefined, 'decimal(20,0)', true],
  ['keep', 'operational', 'date', true],
  ['keep', 'operational', 'timestamp', true],
  ['keep', 'operational', 'string', true],
  ['keep', 'pseudonymous', 'string', false],
  ['keep', undefined, 'string', false],
  ['keep', 'direct', 'long', false],
  ['keep', 'quasi', 'date', false],
  ['keep', 'sensitive', 'integer', false],
  ['keep', 'free_text', 'string', false],
  ['keep', 'of_their_own', 'long', false],
  ['keep', 'operational', 'double', false],
  ['keep', 'operational', 'binary', false],
  ['keep', 'operational', { type: 'array', elementType: 'long', containsNull: true }, false],
  ['token', 'operational', 'string', false],
  ['generalise.year', 'operational', 'short', false],
  ['partial.email', 'operational', 'string', false],
])('%s of class %s, stored as %s: %s', (strategy, kind, type, allowed) => {
  expect(mayBeInLog({ strategy }, kind, type)).toBe(allowed)
})
