// One writer per embedded log.
// Guarantee: two processes never append at once; a lock whose process has died does not stand in the way.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedLogError } from './embedded-error.ts'

/** Takes the lock and returns what gives it back. Throws EmbeddedLogError EMBEDDED_LOG_LOCKED. */
export function lockLog(dir: string): () => void {
  mkdirSync(join(dir, 'log'), { recursive: true })
  const file = join(dir, 'writer.lock')
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return () => rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = readHolder(file)
    if (holder !== undefined && alive(holder)) {
      throw new EmbeddedLogError(
        'EMBEDDED_LOG_LOCKED',
        `${dir}: process ${holder} is writing to this embedded log; wait until it has ended`,
      )
    }
    rmSync(file, { force: true })
  }
  throw new EmbeddedLogError('EMBEDDED_LOG_LOCKED', `${file}: another process keeps taking the lock`)
}

function readHolder(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
