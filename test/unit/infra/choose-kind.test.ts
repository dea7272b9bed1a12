import { afterEach, expect, test, vi } from 'vitest'
import { chooseKind } from '../../../infra/choose-kind.ts'

afterEach(() => vi.unstubAllEnvs())

test('without Docker it is not docker, and the reason is told', async () => {
  vi.stubEnv('PATH', '/nonexistent')
  const report = vi.fn()
  const { kind, why } = await chooseKind({ report })
  expect(['local', 'embedded']).toContain(kind)
  expect(why).toMatch(kind === 'local' ? /^no Docker engine answers; processes need no Docker$/ : /^no Docker engine answers; .+/)
  expect(report).not.toHaveBeenCalled()
})
