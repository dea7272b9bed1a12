// The servers binlake works with: brought up, looked at, taken down. `up` chooses between Docker, processes and none at all.
// Guarantee: a second `up` changes nothing that runs; `down` stops nothing that is not ours.
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { chooseKind } from './choose-kind.ts'
import { dockerAlive, downDocker, upDocker } from './docker.ts'
import { downLocal, upLocal } from './local/local.ts'
import { isRunning } from './local/process.ts'
import { withLock } from './lock.ts'
import type { Report } from './report.ts'
import { embeddedEnv } from './stack-env.ts'
import { StackError } from './stack-error.ts'
import { loadStack, type Service, type Stack, type StackKind, saveStack, stackFile } from './state.ts'

export type { Service, Stack, StackKind }

export interface UpOptions {
  /** Without it the best kind that this machine can have. */
  kind?: StackKind
  /** The state folder: stack.json, data and logs. */
  dir: string
  report: Report
  signal?: AbortSignal
}

/** A stack as it is now. */
export interface StackState extends Stack {
  services: (Service & { alive: boolean })[]
  /** Every process runs; true for a stack that needs none. */
  alive: boolean
}

/**
 * Brings the stack of `dir` up: starts what is missing, creates the shop's tables, ensures the connector.
 * Throws StackError; a stack that came up in part stays so, and the next `up` goes on from there.
 */
export async function up(options: UpOptions): Promise<Stack> {
  const dir = resolve(options.dir)
  await mkdir(dir, { recursive: true })
  const onWait = () => options.report({ step: 'stack', state: 'progress', detail: 'waiting for another `up` or `down`' })
  return withLock(
    stackFile(dir),
    async () => {
      const saved = await loadStack(dir)
      if (saved && options.kind && options.kind !== saved.kind) {
        throw new StackError(
          'STACK_KIND_CHANGED',
          `${dir} holds a stack of kind ${saved.kind}: take it down with --purge before one of kind ${options.kind}`,
        )
      }
      const { kind, why } = saved ?? (options.kind ? { kind: options.kind, why: 'asked for' } : await chooseKind(options))
      options.report({ step: 'kind', state: 'done', detail: `${kind}: ${why}` })
      const rest = { ...options, dir, why }
      if (kind === 'docker') return upDocker(saved, rest)
      if (kind === 'local') return upLocal(saved, rest)
      return upEmbedded(saved, rest)
    },
    { ...options, onWait },
  )
}

/** Stops the stack. Data stays unless `purge`; downloaded programs stay always. */
export async function down(options: { dir: string; purge?: boolean; report: Report }): Promise<void> {
  const dir = resolve(options.dir)
  const { purge = false, report } = options
  await withLock(stackFile(dir), async () => {
    const stack = await loadStack(dir)
    if (!stack) return report({ step: 'stack', state: 'skipped', detail: `there is none in ${dir}` })
    if (stack.kind === 'docker') await downDocker(stack, { dir, purge, report })
    if (stack.kind === 'local') await downLocal(stack, { dir, report })
    if (!purge) return
    const owned = stack.kind === 'embedded' ? ['embedded', 'lake'] : ['local']
    for (const name of [...owned, 'stack.json']) await rm(join(dir, name), { recursive: true, force: true })
    report({ step: 'purge', state: 'done', detail: dir })
  })
}

/** The saved stack and whether its processes live; undefined if there is none. */
export async function readStack(dir: string): Promise<StackState | undefined> {
  const stack = await loadStack(resolve(dir))
  if (!stack) return undefined
  const living =
    stack.kind === 'docker'
      ? await dockerAlive(resolve(dir), stack)
      : new Set(stack.services.filter(isRunning).map(service => service.name))
  const services = stack.services.map(service => ({ ...service, alive: living.has(service.name) }))
  return { ...stack, services, alive: services.every(service => service.alive) }
}

async function upEmbedded(saved: Stack | undefined, { dir, why, report }: UpOptions & { why: string }): Promise<Stack> {
  const stack: Stack = saved ?? { kind: 'embedded', why, env: embeddedEnv(dir), services: [], ports: {}, secrets: {} }
  for (const name of ['embedded', 'lake']) await mkdir(join(dir, name), { recursive: true })
  saveStack(dir, stack)
  report({
    step: 'stack',
    state: saved ? 'skipped' : 'done',
    detail: saved ? 'embedded: nothing to start' : 'embedded: no process needed',
  })
  return stack
}
