// Where data goes. A reader that goes away (`binlake sql … | head`) ends a command, which is no failure.
import { once } from 'node:events'

/** Whoever read our output has closed it. */
export class ReaderGone extends Error {}

let gone = false

/** Call once, before anything is written. */
export function watchStdout(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    gone = true
  })
}

/** Writes, and waits while the reader is slower. Throws ReaderGone. */
export async function print(text: string, signal: AbortSignal): Promise<void> {
  if (gone) throw new ReaderGone()
  if (process.stdout.write(text)) return
  await once(process.stdout, 'drain', { signal }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EPIPE' ? new ReaderGone() : error
  })
}
