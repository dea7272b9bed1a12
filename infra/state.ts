// What `up` leaves behind for every later command: <dir>/stack.json.
// Guarantee: readable by its owner only (it holds passwords), and replaced whole or not at all.
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StackError } from './stack-error.ts'

export type StackKind = 'docker' | 'local' | 'embedded'

export interface Service {
  name: string
  pid?: number
  /** Boot and start time of the process: a recycled pid never matches. */
  identity?: string
  port: number
  logFile?: string
  url?: string
}

export interface Stack {
  kind: StackKind
  /** Why this kind, as a sentence. */
  why: string
  /** The settings every command takes as defaults. */
  env: Record<string, string>
  services: Service[]
  /** Every port in use by name, so that a later `up` takes the same ones. */
  ports: Record<string, number>
  /** Passwords made for this stack by the name of the account. */
  secrets: Record<string, string>
}

/** The saved stack of `dir`, or undefined if there is none. Throws STACK_STATE_UNREADABLE when the file is damaged. */
export async function loadStack(dir: string): Promise<Stack | undefined> {
  const file = stackFile(dir)
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Stack
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new StackError(
      'STACK_STATE_UNREADABLE',
      `${file} cannot be read: restore it, or delete it and stop its processes by hand`,
      {
        cause: error,
      },
    )
  }
}

/** Saves with mode 0600: written beside, then renamed. In one go, so that servers started side by side cannot mix their saves. */
export function saveStack(dir: string, stack: Stack): void {
  mkdirSync(dir, { recursive: true })
  const next = `${stackFile(dir)}.${process.pid}.tmp`
  writeFileSync(next, `${JSON.stringify(stack, null, 2)}\n`, { mode: 0o600 })
  chmodSync(next, 0o600)
  renameSync(next, stackFile(dir))
}

export function stackFile(dir: string): string {
  return join(dir, 'stack.json')
}
