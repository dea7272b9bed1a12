// Whether a process of this machine still lives, told by its number and when it began: numbers come again.
import { readFileSync } from 'node:fs'

/** When a process began, as the kernel counts it; after a restart of a container the very same number may begin anew. Empty where there is no /proc. */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? ''
  } catch {
    return ''
  }
}

/** Whether the process that had this number, and began then, is still there. */
export function lives(pid: number, start: string): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // Another user's process cannot be signalled, but lives.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return startOf(pid) === start
}
