// The keys of token domains: files `<domain>.<version>.key` in one folder, 32 random bytes in hex, readable by their owner only.
// Guarantee: a key that is missing, malformed or open to others stops the work; no key is printed, logged or serialised.
import { createHmac, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Policy } from './policy.ts'

export interface KeyName {
  domain: string
  version: string
}

export class MaskKeyError extends Error {
  readonly code: 'MASK_KEY_MISSING' | 'MASK_KEY_EXPOSED' | 'MASK_KEY_MALFORMED' | 'MASK_KEY_EXISTS'
  readonly retryable = false
  constructor(code: MaskKeyError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'MaskKeyError'
    this.code = code
  }
}

const keyBytes = 32
const blockBytes = 64

/** One key. Its bytes leave it only as the padded blocks of HMAC-SHA256. */
export class MaskKey implements KeyName {
  readonly domain: string
  readonly version: string
  readonly #bytes: Buffer

  constructor(name: KeyName, bytes: Buffer) {
    this.domain = name.domain
    this.version = name.version
    this.#bytes = bytes
  }

  /** What stands before the message in the inner hash, and before the inner hash in the outer (RFC 2104). */
  blocks(): { inner: Buffer; outer: Buffer } {
    return { inner: this.#padded(0x36), outer: this.#padded(0x5c) }
  }

  /** Tells two keys of the same name apart; says nothing about the key. */
  fingerprint(): string {
    return createHmac('sha256', this.#bytes).update('binlake key fingerprint').digest('hex').slice(0, 8)
  }

  #padded(pad: number): Buffer {
    const block = Buffer.alloc(blockBytes, pad)
    for (let i = 0; i < this.#bytes.length; i++) block[i]! ^= this.#bytes[i]!
    return block
  }
}

/** The current key of each domain, by domain. */
export type Keys = ReadonlyMap<string, MaskKey>

/** Reads the current key of every domain that the policy names. @throws MaskKeyError */
export async function loadKeys(keysDir: string, policy: Pick<Policy, 'keys'>): Promise<Keys> {
  const keys = new Map<string, MaskKey>()
  for (const [domain, { current }] of policy.keys) keys.set(domain, await readKey(keysDir, { domain, version: current }))
  return keys
}

/** Makes a key; never replaces one. Gives its file. @throws MaskKeyError MASK_KEY_EXISTS */
export async function createKey(keysDir: string, name: KeyName): Promise<string> {
  const file = keyFile(keysDir, name)
  await mkdir(keysDir, { recursive: true, mode: 0o700 })
  try {
    await writeFile(file, `${randomBytes(keyBytes).toString('hex')}\n`, { flag: 'wx', mode: 0o600, flush: true })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new MaskKeyError('MASK_KEY_EXISTS', `${file} is there already; tokens depend on it, so make a new version instead`, {
      cause,
    })
  }
  return file
}

/** Reads one key, current or retired. @throws MaskKeyError */
export async function readKey(keysDir: string, name: KeyName): Promise<MaskKey> {
  const file = keyFile(keysDir, name)
  const handle = await open(file, constants.O_RDONLY).catch(cause => {
    throw new MaskKeyError(
      'MASK_KEY_MISSING',
      `${file} cannot be read (${cause.code}); restore it from where keys are kept, or make it for a new lake`,
      { cause },
    )
  })
  try {
    const { mode } = await handle.stat()
    if ((mode & 0o077) !== 0) {
      throw new MaskKeyError(
        'MASK_KEY_EXPOSED',
        `${file} is open to others (mode ${(mode & 0o777).toString(8)}); run chmod 600 and consider a new version`,
      )
    }
    const text = await handle.readFile('utf8')
    if (!/^[0-9a-f]{64}\n?$/i.test(text)) {
      throw new MaskKeyError(
        'MASK_KEY_MALFORMED',
        `${file} does not hold ${keyBytes} bytes in hex; restore it from where keys are kept`,
      )
    }
    return new MaskKey(name, Buffer.from(text.trim(), 'hex'))
  } finally {
    await handle.close()
  }
}

function keyFile(keysDir: string, { domain, version }: KeyName): string {
  return join(keysDir, `${domain}.${version}.key`)
}
