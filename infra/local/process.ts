// Servers that outlive the command that started them.
// Guarantee: a process is stopped only if it is still the one we started, never a stranger with the same pid.
import { spawn } from 'node:child_process'
import { openSync, readFileSync, renameSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface ProcessRef {
  pid: number
  /** See `identityOf`. */
  identity: string
}

/** Boot id and start time of a living process; undefined if there is none, or only a zombie. */
export function identityOf(pid: number): string | undefined {
  try {
    return parseIdentity(readFileSync(`/proc/${pid}/stat`, 'latin1'), readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))
  } catch {
    return undefined
  }
}

/** From the text of /proc/PID/stat: the second field is a name in brackets that may hold anything, so count after the last one. */
export function parseIdentity(stat: string, bootId: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startTicks] = [fields[0], fields[19]]
  return state === 'Z' || state === 'X' || !startTicks ? undefined : `${bootId.trim()}:${startTicks}`
}

export function isRunning(ref: Partial<ProcessRef>): ref is ProcessRef {
  return ref.pid !== undefined && ref.identity !== undefined && identityOf(ref.pid) === ref.identity
}

/** Starts a detached process with its output in `logFile`; the log of the run before stays beside it as `.previous`. */
export async function launch(
  command: string,
  args: string[],
  options: { cwd: string; env?: Record<string, string>; logFile: string },
): Promise<ProcessRef> {
  await mkdir(dirname(options.logFile), { recursive: true })
  try {
    renameSync(options.logFile, `${options.logFile}.previous`)
  } catch {
    // The first run has no log to keep.
  }
  const log = openSync(options.logFile, 'a')
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['ignore', log, log],
  })
  await new Promise((done, fail) => child.once('spawn', done).once('error', fail))
  child.unref()
  return { pid: child.pid!, identity: identityOf(child.pid!) ?? 'gone' }
}

/** SIGTERM, then SIGKILL after `graceMs`. Returns how it ended; a process that is not ours any more is left alone. */
export async function stop(ref: Partial<ProcessRef>, graceMs: number): Promise<'stopped' | 'killed' | 'absent'> {
  if (!isRunning(ref)) return 'absent'
  process.kill(ref.pid, 'SIGTERM')
  if (await ended(ref, graceMs)) return 'stopped'
  if (isRunning(ref)) process.kill(ref.pid, 'SIGKILL')
  await ended(ref, 10_000)
  return 'killed'
}

async function ended(ref: ProcessRef, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs
  while (isRunning(ref)) {
    if (performance.now() > deadline) return false
    await delay(50)
  }
  return true
}

/** The last lines of a log, for an error message. Reads at most the last 16 KiB. */
export async function logTail(logFile: string, lines = 12): Promise<string> {
  try {
    await using file = await open(logFile)
    const { size } = await file.stat()
    const length = Math.min(size, 16_384)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return '(no log)'
  }
}
