import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKey, loadKeys, readKey } from '../../../privacy/keys.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-keys-'))
})
afterEach(() => rm(folder, { recursive: true }))

const email = { domain: 'email', version: 'v1' }

describe('keys', () => {
  it('makes a key of 32 random bytes that only its owner may read, and reads it back', async () => {
    const file = await createKey(join(folder, 'new'), email)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
    const again = await createKey(folder, email)
    expect(await readFile(again, 'utf8')).not.toBe(await readFile(file, 'utf8'))
    expect((await readKey(folder, email)).fingerprint()).not.toBe((await readKey(join(folder, 'new'), email)).fingerprint())
  })

  it('never replaces a key', async () => {
    const file = await createKey(folder, email)
    const before = await readFile(file, 'utf8')
    await expect(createKey(folder, email)).rejects.toMatchObject({ code: 'MASK_KEY_EXISTS' })
    expect(await readFile(file, 'utf8')).toBe(before)
  })

  it('stops at a missing key', async () => {
    const keys = new Map([['email', { current: 'v2', retired: ['v1'], canonical: 'exact' as const }]])
    await createKey(folder, email)
    await expect(loadKeys(folder, { keys })).rejects.toMatchObject({
      code: 'MASK_KEY_MISSING',
      message: expect.stringContaining('email.v2.key'),
    })
  })

  it.each([0o640, 0o604, 0o620])('stops at a key with mode %o', async mode => {
    await chmod(await createKey(folder, email), mode)
    await expect(readKey(folder, email)).rejects.toMatchObject({ code: 'MASK_KEY_EXPOSED' })
  })

  it.each(['', 'abc', 'g'.repeat(64), 'a'.repeat(66), `${'a'.repeat(64)}\n\n`])(
    'stops at a key file that holds %j',
    async text => {
      await writeFile(join(folder, 'email.v1.key'), text, { mode: 0o600 })
      await expect(readKey(folder, email)).rejects.toMatchObject({ code: 'MASK_KEY_MALFORMED' })
    },
  )

  it('shows no key bytes when printed or serialised', async () => {
    const hex = (await readFile(await createKey(folder, email), 'utf8')).trim()
    const key = await readKey(folder, email)
    const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key)
    expect(shown).not.toContain(hex)
    expect(shown).not.toContain(hex.slice(0, 8))
    expect(shown).not.toMatch(/Buffer/)
  })
})
