// Java 17 or newer for Kafka and Connect, and Maven for their first download.
// Guarantee: what is missing is installed when we are root on a machine with apt-get, else named in the error.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run, works } from '../command.ts'
import type { Report } from '../report.ts'
import { StackError } from '../stack-error.ts'

interface Options {
  report: Report
  signal?: AbortSignal
}

/** Any of these serves; a Debian or Ubuntu release has at least one. */
const javaPackages = ['openjdk-17-jre-headless', 'openjdk-21-jre-headless', 'openjdk-25-jre-headless', 'default-jre-headless']

/** The path of a `java` of version 17 or newer. */
export async function ensureJava(options: Options): Promise<string> {
  const found = await findJava()
  if (found) return found
  const hint = `install Java 17 or newer (Debian, Ubuntu: apt-get install ${javaPackages[0]}), or set JAVA_HOME`
  await aptInstallFirst(javaPackages, { ...options, missing: `Kafka needs Java 17 or newer and none was found: ${hint}` })
  const installed = await findJava()
  if (!installed) throw new StackError('STACK_TOOL_MISSING', `The packages' java is still older than 17: ${hint}`)
  return installed
}

/** A `java` that is new enough, from JAVA_HOME or the PATH. */
export async function findJava(): Promise<string | undefined> {
  const candidates = [process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : undefined, 'java']
  for (const java of candidates) {
    if (java && (await javaVersion(java)) >= 17) return java
  }
  return undefined
}

async function javaVersion(java: string): Promise<number> {
  const output = await run(java, ['-version'], { timeoutMs: 30_000 }).catch(() => '')
  return parseJavaVersion(output)
}

/** 17 from `openjdk version "17.0.15"`, 8 from `java version "1.8.0_402"`, 0 from anything else. */
export function parseJavaVersion(output: string): number {
  const match = /version "(?:1\.)?(\d+)/.exec(output)
  return match ? Number(match[1]) : 0
}

/** The `mvn` command, installed if need be. */
export async function ensureMaven(options: Options): Promise<string> {
  if (await works('mvn', ['-v'])) return 'mvn'
  const missing = 'Maven fetches Kafka and Debezium and was not found: install it (Debian, Ubuntu: apt-get install maven)'
  await aptInstallFirst(['maven'], { ...options, missing })
  return 'mvn'
}

async function aptInstallFirst(packages: readonly string[], options: Options & { missing: string }): Promise<void> {
  const { report, missing, ...rest } = options
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) throw new StackError('STACK_TOOL_MISSING', missing)
  const step = `install ${packages[0]}`
  report({ step, state: 'start', detail: 'apt-get' })
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const onLine = (line: string) => report({ step, state: 'progress', detail: line.slice(0, 120) })
  let reason: unknown
  await run('apt-get', ['update', '-q'], { ...rest, env, onLine }).catch(error => {
    reason = error
  })
  for (const name of packages) {
    try {
      await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', name], { ...rest, env, onLine })
      report({ step, state: 'done', detail: name })
      return
    } catch (error) {
      options.signal?.throwIfAborted()
      reason = error
    }
  }
  report({ step, state: 'failed' })
  throw new StackError('STACK_TOOL_MISSING', `${missing}. apt-get was tried: ${(reason as Error).message}`, { cause: reason })
}
