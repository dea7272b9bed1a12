// The cache of server programs that all local stacks of this user share.
// Guarantee: an entry is there whole or not at all, and is filled once however many `up` ask for it.
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { withLock } from '../lock.ts'
import type { Report } from '../report.ts'
import { StackError } from '../stack-error.ts'

/** `BINLAKE_CACHE`, else ~/.cache/binlake; the servers lie in a folder of their own inside. */
export function cacheRoot(): string {
  return join(process.env.BINLAKE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'binlake'), 'servers')
}

/** The folder of cache entry `name`; `fill` is called with an empty folder if there is none yet. */
export async function cached(
  name: string,
  fill: (folder: string) => Promise<void>,
  options: { report: Report; signal?: AbortSignal },
): Promise<string> {
  const final = join(cacheRoot(), name)
  if (existsSync(final)) return final
  const { report } = options
  const step = `download ${name}`
  const onWait = () => report({ step, state: 'progress', detail: 'waiting for another download of the same' })
  report({ step, state: 'start' })
  const folder = `${final}.${process.pid}.tmp`
  try {
    await withLock(
      final,
      async () => {
        if (existsSync(final)) return
        await rm(folder, { recursive: true, force: true })
        await mkdir(folder, { recursive: true })
        await fill(folder)
        await rename(folder, final)
      },
      { ...options, onWait },
    )
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    report({ step, state: 'failed', detail: (error as Error).message.split('\n')[0]! })
    if (error instanceof StackError || options.signal?.aborted) throw error
    throw new StackError('STACK_DOWNLOAD_FAILED', `${step}: ${(error as Error).message}`, { cause: error, retryable: true })
  }
  report({ step, state: 'done', detail: final })
  return final
}
