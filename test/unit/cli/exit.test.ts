import { expect, describe as group, it } from 'vitest'
import { ConfigError } from '../../../cli/config-error.ts'
import { describe, exitCode, isCoded, safeMessage } from '../../../cli/exit.ts'

function coded(code: string, options: { retryable?: boolean; cause?: unknown; message?: string } = {}) {
  return Object.assign(new Error(options.message ?? 'it broke', { cause: options.cause }), {
    code,
    retryable: options.retryable ?? false,
  })
}

group('exitCode', () => {
  it.each([
    [new ConfigError('CONFIG_INVALID', ['x']), 2],
    [coded('SQL_UNKNOWN_TABLE'), 2],
    [coded('SNAPSHOT_UNKNOWN_TABLE'), 2],
    [coded('RESUME_NOTHING'), 2],
    [coded('MASK_KEY_MISSING'), 2],
    [coded('POLICY_INVALID'), 5],
    [coded('KAFKA_UNREACHABLE', { retryable: true }), 75],
    [coded('LAKE_CORRUPT_LOG'), 1],
    [new TypeError('x is not a function'), 1],
    [new DOMException('stop', 'AbortError'), 130],
    ['just text', 1],
  ])('%s gives %i', (error, code) => expect(exitCode(error)).toBe(code))
})

group('isCoded', () => {
  it('asks for a code of ours and a verdict on retrying', () => {
    expect(isCoded(coded('LAKE_CONFLICT'))).toBe(true)
    expect(isCoded(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false)
    expect(isCoded({ code: 'LAKE_CONFLICT', retryable: true })).toBe(false)
  })
})

group('describe', () => {
  it('gives a coded error whole, with the place where its code is explained', () => {
    expect(describe(coded('LAKE_CONFLICT', { message: 'silver/shop/orders: two writers' }), { debug: false })).toBe(
      'error: silver/shop/orders: two writers\n  LAKE_CONFLICT: see docs/errors.md\n',
    )
  })

  it('never shows what an unexpected error quotes, with debug neither', () => {
    const inner = new Error("Could not convert string 'ada@example.org' to INT32")
    const error = new Error("failed on 'ada@example.org'", { cause: inner })
    for (const debug of [false, true]) expect(describe(error, { debug })).not.toContain('ada@')
    expect(describe(error, { debug: true })).toContain('caused by Error')
    expect(describe(error, { debug: true })).toContain('exit.test.ts')
  })

  it("keeps the paths of the system's errors", () => {
    const error = Object.assign(new Error("ENOENT: no such file, open '/data/x'"), { code: 'ENOENT', syscall: 'open' })
    expect(safeMessage(error)).toContain('/data/x')
  })
})
