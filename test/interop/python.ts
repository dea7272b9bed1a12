// Python with delta-rs and DuckDB's delta extension: the engines that read our tables in tests.
// The first use makes a virtual environment in the cache folder, which later runs and other checkouts share.
import { execFile } from 'node:child_process'
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** DuckDB's extension and DuckDB itself must be of one version. */
const packages = ['deltalake==1.6.6', 'duckdb==1.5.5', 'duckdb-extension-delta==1.5.5', 'pyarrow==26.0.1', 'tzdata==2026.6']

type Value = string | number | boolean | null | Value[] | { [name: string]: Value }

/** What one engine saw of a table. */
export interface DeltaReading {
  /** Of the version read; null from DuckDB when none was asked for. */
  version: number | null
  count: number
  columns: string[]
  /** In the form of `Duck.json`: 64-bit integers and decimals are texts, times are `2026-01-01 00:00:00.5+00`. */
  rows: Record<string, Value>[]
}

export interface ReadOptions {
  /** Time travel; default: the newest version. */
  version?: number
  /** Columns to sort the rows by; without it their order means nothing. */
  order?: string[]
  /** At most so many rows in `rows`; `count` is of all. */
  limit?: number
}

/** Reads the Delta table in a local folder with delta-rs and with DuckDB's delta extension. */
export async function readDelta(
  folder: string,
  options: ReadOptions = {},
): Promise<{ deltalake: DeltaReading; duckdb: DeltaReading }> {
  const asked = JSON.stringify({ path: folder, ...options })
  return JSON.parse(await python('read_delta.py', asked)) as { deltalake: DeltaReading; duckdb: DeltaReading }
}

/** Runs a script of this folder and returns what it prints. */
export async function python(script: string, ...args: string[]): Promise<string> {
  const environment = await pythonEnvironment()
  const { stdout } = await run(join(environment, 'bin/python'), [join(import.meta.dirname, script), ...args], {
    maxBuffer: 1 << 30,
  })
  return stdout
}

let made: Promise<string> | undefined

/** The virtual environment's folder, made if need be. Fails with what to install if this machine cannot make one. */
export function pythonEnvironment(): Promise<string> {
  made ??= makeEnvironment()
  return made
}

async function makeEnvironment(): Promise<string> {
  const cache = process.env.BINLAKE_CACHE ?? join(homedir(), '.cache/binlake')
  const { stdout: version } = await run('python3', [
    '-c',
    'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])',
  ]).catch(cause => {
    throw new Error(
      'the interop tests read our tables with Python: install python3 with venv (Debian: apt-get install python3-venv)',
      { cause },
    )
  })
  const name = ['python', version.trim(), ...packages.map(text => text.replace('==', '-'))].join('_')
  const folder = join(cache, name)
  const ready = join(folder, 'ready')
  await mkdir(cache, { recursive: true })
  await locked(`${folder}.lock`, async () => {
    if (await exists(ready)) return
    await rm(folder, { recursive: true, force: true })
    await run('python3', ['-m', 'venv', folder])
    await run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]).catch(
      cause => {
        throw new Error(
          `the interop tests could not install ${packages.join(', ')} into ${folder}; is the package index within reach?`,
          { cause },
        )
      },
    )
    await writeFile(`${ready}.tmp`, '')
    await rename(`${ready}.tmp`, ready)
  })
  return folder
}

/** Runs `work` while no other process does: test files run side by side. A lock left by a killed process goes stale. */
async function locked(lock: string, work: () => Promise<void>): Promise<void> {
  for (;;) {
    const mine = await mkdir(lock).then(
      () => true,
      () => false,
    )
    if (mine) break
    const age = await stat(lock).then(
      found => Date.now() - found.mtimeMs,
      () => 0,
    )
    if (age > 300_000) await rm(lock, { recursive: true, force: true })
    await sleep(200)
  }
  try {
    await work()
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}
