// Starts the real command line in a process of its own, in an empty folder and with a bare environment.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll } from 'vitest'

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export interface CliOptions {
  cwd?: string
  env?: Record<string, string>
  input?: string
}

const main = resolve(import.meta.dirname, '..', '..', '..', 'cli', 'main.ts')

/** Runs `binlake …args` and waits for its end. */
export async function binlake(args: string[], { cwd = emptyFolder(), env = {}, input = '' }: CliOptions = {}): Promise<Outcome> {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  const own = { PATH, NODE_COMPILE_CACHE, TMPDIR: tmpdir(), HOME: cwd, ...env }
  const child = spawn(process.execPath, [main, ...args], { cwd, env: own })
  const outcome: Outcome = { code: null, stdout: '', stderr: '' }
  child.stdout.on('data', bytes => {
    outcome.stdout += bytes
  })
  child.stderr.on('data', bytes => {
    outcome.stderr += bytes
  })
  child.stdin.on('error', () => {}) // the command may end before it reads
  child.stdin.end(input)
  outcome.code = await new Promise(done => child.on('close', done))
  return outcome
}

const folders: string[] = []

/** A new folder, removed after the tests of the file. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'binlake-cli-'))
  folders.push(folder)
  return folder
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})
