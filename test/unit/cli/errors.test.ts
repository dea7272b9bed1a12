// Every error code belongs to one room and is explained in docs/errors.md.
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { exitCode } from '../../../cli/exit.ts'

const root = resolve(import.meta.dirname, '..', '..', '..')
const files = globSync('*/**/*.ts', { cwd: root, exclude: path => ['node_modules', 'test', 'bench'].includes(path) })

/** Codes that a file declares: `code = 'X'`, `code: 'X' | 'Y'`, `type …ErrorCode = 'X' | 'Y'`, `new …Error('X', …`. */
function declared(text: string): string[] {
  const unions = text.matchAll(/(?:\bcode(?:\s*[:=])|\btype \w*Code\s*=)\s*((?:\|?\s*'[A-Z][A-Z0-9]*_[A-Z0-9_]+'\s*)+)/g)
  return [...unions].flatMap(([, list]) => [...list!.matchAll(/'([^']+)'/g)].map(([, code]) => code!))
}

function thrown(text: string): string[] {
  return [...text.matchAll(/\bnew \w*(?:Error|Halted|Invalid)\(\s*'([A-Z][A-Z0-9]*_[A-Z0-9_]+)'/g)].map(([, code]) => code!)
}

const byCode = new Map<string, Set<string>>()
const used = new Set<string>()
for (const file of files) {
  const text = readFileSync(resolve(root, file), 'utf8')
  for (const code of declared(text)) byCode.set(code, (byCode.get(code) ?? new Set()).add(file.split('/')[0]!))
  for (const code of thrown(text)) used.add(code)
}
const codes = [...new Set([...byCode.keys(), ...used])].sort()
const page = readFileSync(resolve(root, 'docs', 'errors.md'), 'utf8')
const entries = [...page.matchAll(/^### (\S+)$/gm)].map(([, code]) => code!)

describe('error codes', () => {
  it('are found at all', () => {
    for (const code of ['CONFIG_INVALID', 'LAKE_CONFLICT', 'SQL_TIMEOUT', 'STORE_FULL']) expect(codes).toContain(code)
  })

  it('belong to one room each', () => {
    expect(
      [...byCode]
        .filter(([, declaring]) => declaring.size > 1)
        .map(([code, declaring]) => `${code}: ${[...declaring].join(', ')}`),
    ).toEqual([])
  })

  it('are all explained in docs/errors.md, once and in order, and nothing else is', () => {
    expect(entries).toEqual([...new Set(entries)].sort())
    expect(codes.filter(code => !entries.includes(code))).toEqual([])
    expect(entries.filter(code => !codes.includes(code))).toEqual([])
  })

  it('have the exit code that the page says', () => {
    const said = [...page.matchAll(/^### (\S+)\n\n\*Exit (\d+)( or 75)?/gm)].map(([, code, exit, orRetry]) => ({
      code: code!,
      exit: Number(exit),
      orRetry,
    }))
    expect(said).toHaveLength(entries.length)
    for (const { code, exit, orRetry } of said) {
      const error = (retryable: boolean) => exitCode(Object.assign(new Error('x'), { code, retryable }))
      expect([error(false), error(true)], code).toContain(exit)
      if (orRetry) expect([error(false), error(true)], code).toEqual([exit, 75])
    }
  })
})
