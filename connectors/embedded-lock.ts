// One writer per embedded log.
// Guarantee: two processes never append at once; a lock whose process has died does not stand in the way.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedLogError } from './embedded-error.ts'
import { lives, startOf } from './process-life.ts'

/** Takes the lock and returns what gives it back. Throws EmbeddedLogError EMBEDDED_LOG_LOCKED. */
export function lockLog(dir: string): () => void {
  mkdirSync(join(dir, 'log'), { recursive: true })
  const file = join(dir, 'writer.lock')
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(file, `${process.pid} ${startOf(process.pid)}`, { flag: 'wx' })
      return () => rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const { pid, start } = readHolder(file)
    if (lives(pid, start)) {
      throw new EmbeddedLogError(
        'EMBEDDED_LOG_LOCKED',
        `${dir}: process ${pid} is writing to this embedded log; wait until it has ended`,
      )
    }
    rmSync(file, { force: true })
  }
  throw new EmbeddedLogError('EMBEDDED_LOG_LOCKED', `${file}: another process keeps taking the lock`)
}

function readHolder(file: string): { pid: number; start: string } {
  try {
    const [pid, start = ''] = readFileSync(file, 'utf8').split(' ')
    return { pid: Number(pid), start }
  } catch {
    return { pid: 0, start: '' }
  }
}
