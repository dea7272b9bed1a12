// One server of the local stack: start it if it is not running, wait until it answers.
// Guarantee: only the process that was started counts; one that does not come up ends in an error with its name and the last lines of its log.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Report } from '../report.ts'
import { StackError } from '../stack-error.ts'
import type { Service } from '../state.ts'
import { portHolder } from './port-holder.ts'
import { isRunning, launch, logTail, type ProcessRef, stop } from './process.ts'

export interface ServerDefinition {
  name: string
  /** Shown to people: where it answers. */
  url: string
  port: number
  logFile: string
  cwd: string
  command: string
  args: string[]
  env?: Record<string, string>
  /** Whether it answers now. Must not throw, and must not wait long. */
  ready: () => Promise<boolean>
  /** One-off work on the data folder, while the server is down. */
  prepare?: () => Promise<void>
  readyWithinMs: number
}

interface Options {
  report: Report
  signal?: AbortSignal
  /** Called as soon as the process exists, so that its pid is never lost. */
  started: (service: Service) => void
}

/** Brings the server up. `saved` is what an earlier `up` knew of it. */
export async function ensureServer(definition: ServerDefinition, saved: Service | undefined, options: Options): Promise<Service> {
  const { name, url, port, logFile } = definition
  const { report } = options
  if (saved && isRunning(saved) && portHolder(port, saved.pid) === 'own' && (await definition.ready())) {
    report({ step: name, state: 'skipped', detail: `already running at ${url}` })
    return saved
  }
  report({ step: name, state: 'start', ...(saved?.pid && !isRunning(saved) ? { detail: 'it is not running any more' } : {}) })
  try {
    let service = saved
    if (!service || !isRunning(service)) {
      await stopForgotten(definition, report)
      await definition.prepare?.()
      const ref = await launch(definition.command, definition.args, { ...definition })
      service = { name, ...ref, port, logFile, url }
      await writeFile(processFile(definition), JSON.stringify(ref))
      options.started(service)
    }
    await answering(definition, service, options)
    report({ step: name, state: 'done', detail: url })
    return service
  } catch (error) {
    report({ step: name, state: 'failed', detail: (error as Error).message.split('\n')[0]! })
    throw error
  }
}

/** A server on this data that the saved stack does not know, as after stack.json was deleted: two Kafkas on one folder ruin it. */
async function stopForgotten(definition: ServerDefinition, report: Report): Promise<void> {
  const ref: Partial<ProcessRef> = await readFile(processFile(definition), 'utf8')
    .then(text => JSON.parse(text))
    .catch(() => ({}))
  if (!isRunning(ref)) return
  report({ step: definition.name, state: 'progress', detail: 'stopping one that stack.json does not know' })
  await stop(ref, 30_000)
}

function processFile({ cwd }: ServerDefinition): string {
  return join(cwd, 'process.json')
}

async function answering(definition: ServerDefinition, service: Service, { report, signal }: Options): Promise<void> {
  const { name, logFile, readyWithinMs } = definition
  const begin = performance.now()
  for (let polls = 1; !(await answersItself(definition, service)); polls++) {
    signal?.throwIfAborted()
    const waited = performance.now() - begin
    const ended = !isRunning(service)
    if (ended || waited > readyWithinMs) {
      const what = ended ? 'ended before it answered' : `did not answer within ${readyWithinMs / 1000} s`
      throw new StackError('STACK_SERVICE_FAILED', `${name} ${what}. Its log ${logFile} ends with:\n${await logTail(logFile)}`, {
        retryable: !ended,
      })
    }
    if (polls % 20 === 0) report({ step: name, state: 'progress', detail: 'seconds', done: Math.round(waited / 1000) })
    await delay(150)
  }
}

/**
 * Whether the very process answers. Throws STACK_PORT_TAKEN if another one is where it should be: the process is stopped then, so that the
 * next `up` finds another port for it.
 */
async function answersItself({ name, port, ready }: ServerDefinition, service: Service): Promise<boolean> {
  const holder = portHolder(port, service.pid!)
  if (holder === 'nobody') return false
  if (holder === 'own') return ready()
  // Whoever looks for a free port listens there for an instant, as `up` does.
  await delay(1_000)
  if (!isDeepStrictEqual(portHolder(port, service.pid!), holder)) return false
  await stop(service, 10_000)
  const who = holder.pid === undefined ? "another user's process" : `process ${holder.pid} (${holder.name})`
  throw new StackError(
    'STACK_PORT_TAKEN',
    `${name} should listen on port ${port}, but ${who} does: stop that one, or run \`binlake up\` again, which takes another port for ${name}`,
    { retryable: true },
  )
}
