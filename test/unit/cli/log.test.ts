import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const log = resolve(import.meta.dirname, '../../../cli/log.ts')

/** Logs two errors in a process of its own and gives what stands on stderr. */
async function logged(level: string, pretty: boolean): Promise<string> {
  const script = `
    const { createLog } = await import(${JSON.stringify(log)})
    const log = await createLog(${JSON.stringify(level)}, { pretty: ${pretty} })
    const cause = new Error("Could not convert string 'ada@example.org' to INT32")
    log.info({ table: 'shop.orders' }, 'a line')
    log.error({ err: new Error("value 'ada@example.org'", { cause }) }, 'it failed')
    log.error({ err: Object.assign(new Error('shop.orders: gone'), { code: 'LAKE_CONFLICT', retryable: true }) }, 'it failed')`
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script])
  expect(stdout).toBe('')
  return stderr
}

it('writes JSON lines, with the code of an error and without what its text quotes', async () => {
  const lines = (await logged('info', false))
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  expect(lines[0]).toMatchObject({ level: 'info', time: expect.stringMatching(/^20.*Z$/), table: 'shop.orders', msg: 'a line' })
  expect(lines[1]!.err).toEqual({ type: 'Error', message: "value '…'" })
  expect(lines[2]!.err).toEqual({ type: 'Error', message: 'shop.orders: gone', code: 'LAKE_CONFLICT', retryable: true })
})

it('shows calls when debugging, still without values, for people too', async () => {
  for (const pretty of [false, true]) {
    const text = await logged('debug', pretty)
    expect(text).toContain('caused by Error')
    expect(text).not.toContain('ada@')
  }
  expect(await logged('info', true)).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: a line/)
})
