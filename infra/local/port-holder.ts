// Who listens on a port of this machine, as /proc tells.
// Guarantee: a server is told from any other that answers as it would.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** `nobody` listens; the process itself or one that it started (`own`); or another one. */
export type Holder = 'nobody' | 'own' | Stranger

export interface Stranger {
  /** Absent: another user's. */
  pid?: number
  /** The program's name, without its arguments. */
  name?: string
}

/** Who listens on 127.0.0.1:port, as seen from process `pid`, which need not live any more. */
export function portHolder(port: number, pid: number): Holder {
  const inodes = listening(port)
  if (inodes.size === 0) return 'nobody'
  const holds = (candidate: number) => sockets(candidate)?.some(inode => inodes.has(inode))
  // What cannot be seen is trusted: the port was free when the process was started.
  if (holds(pid) ?? true) return 'own'
  const holder = processes().find(holds)
  if (holder === undefined) return {}
  return descends(holder, pid) ? 'own' : { pid: holder, name: read(`/proc/${holder}/comm`).trim() }
}

/** The sockets that listen on the port at an address which 127.0.0.1 reaches. */
function listening(port: number): Set<string> {
  const lines = ['tcp', 'tcp6'].flatMap(table => read(`/proc/self/net/${table}`).split('\n').slice(1))
  const found = lines
    .map(line => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && reaches(local!, port))
  return new Set(found.map(fields => fields[9]!))
}

/** Addresses are hexadecimal, the bytes of each four reversed: 127.0.0.1 or everything, plain or within IPv6. */
function reaches(local: string, port: number): boolean {
  const [address = '', hexPort = ''] = local.split(':')
  return Number.parseInt(hexPort, 16) === port && /^(0{8}|0{32}|(0{16}FFFF0000)?0100007F)$/.test(address)
}

/** Undefined: nobody but its user may see. */
function sockets(pid: number): string[] | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap(fd => socketOf(`/proc/${pid}/fd/${fd}`))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? undefined : []
  }
}

function socketOf(link: string): string[] {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.slice(1) ?? []
  } catch {
    return []
  }
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
}

function descends(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; at = parentOf(at)) if (at === ancestor) return true
  return false
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
