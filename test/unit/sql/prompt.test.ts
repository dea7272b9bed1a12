import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { prompt } from '../../../sql/prompt.ts'

const folder = mkdtempSync(join(tmpdir(), 'binlake-prompt-'))
afterAll(() => rmSync(folder, { recursive: true }))

const historyFile = join(folder, 'history')
let ran: string[]
let shown: string
let input: PassThrough
let ended: Promise<void>

/** Types text and lets the prompt take it. */
async function type(text: string): Promise<void> {
  input.write(text)
  await sleep(30)
}

beforeEach(() => {
  ran = []
  shown = ''
  input = new PassThrough()
  const output = new PassThrough()
  output.on('data', bytes => {
    shown += bytes
  })
  ended = prompt({
    input,
    output,
    historyFile,
    async run(statement, { signal, timing }) {
      ran.push(`${statement}${timing ? '' : ' (no timing)'}`)
      if (statement === 'bad') throw new Error('it broke')
      if (statement !== 'slow') return
      await new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(new Error('cancelled'))))
    },
    tables: async () => 'silver.orders\n',
    schema: async table => `columns of ${table}\n`,
    asOf: text => `as of ${text || 'now'}\n`,
    words: async () => ['silver.orders', 'silver.payments', 'gold.daily_sales'],
    explain: error => `error: ${(error as Error).message}\n`,
  })
})

describe('prompt', () => {
  it('gathers lines up to the semicolon, and goes on after an error', async () => {
    await type('select 1\r')
    await type('from t; bad;\r')
    await type("select ';'; select 2;\r")
    await type('.quit\r')
    await ended
    expect(ran).toEqual(['select 1\nfrom t', 'bad', "select ';'", 'select 2'])
    expect(shown).toContain('error: it broke')
    expect(shown).toContain('    ...> ')
  })

  it('answers its own commands', async () => {
    await type('.tables\r')
    await type('.schema silver.orders;\r')
    await type('.schema\r')
    await type('.timing\r')
    await type('.as-of binlog.000003:1547\r')
    await type('select 1;\r')
    await type('.nonsense\r')
    await type('.exit\r')
    await ended
    for (const text of [
      'silver.orders\n',
      'columns of silver.orders',
      '.schema needs a table',
      'timing off',
      'as of binlog.000003:1547',
      '.nonsense is not known',
    ])
      expect(shown).toContain(text)
    expect(ran).toEqual(['select 1 (no timing)'])
  })

  it('Ctrl-C cancels a query or clears what was typed, Ctrl-D leaves', async () => {
    await type('slow;\r')
    await type('\x03')
    expect(shown).toContain('error: cancelled')
    await type('select old\r')
    await type('more \x03')
    await type('select new;\r')
    await type('\x04')
    await ended
    expect(ran).toEqual(['slow', 'select new'])
  })

  it('completes table names', async () => {
    await type('from gold.d\t')
    await type(';\r')
    await type('\x04')
    await ended
    expect(ran).toEqual(['from gold.daily_sales'])
  })

  it('keeps the lines for the next time, for its owner only', async () => {
    await type('select 41;\r')
    await type('\x04')
    await ended
    await sleep(50)
    expect(readFileSync(historyFile, 'utf8')).toContain('select 41;\n')
    expect(statSync(historyFile).mode & 0o077).toBe(0)
  })
})
