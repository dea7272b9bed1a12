// How binlake calls `docker compose` on its own docker-compose.yml.
// Guarantee: the file's required variables are always set, so that every subcommand can read it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type CommandOptions, run, works } from './command.ts'
import { type Report, step } from './report.ts'

export const composeFile = join(import.meta.dirname, '..', 'docker-compose.yml')

/** Values for the file's variables when only its shape matters, as for `pull`. */
const anyValues = { MYSQL_ROOT_PASSWORD: 'unused', AZURITE_KEY: 'dW51c2Vk' }

/** `docker compose` with the given arguments. `project` keeps the containers and volumes of two stacks apart. */
export function compose(args: readonly string[], options: CommandOptions & { project?: string } = {}): Promise<string> {
  const { project, ...rest } = options
  const name = project ? ['-p', project] : []
  return run('docker', ['compose', '-f', composeFile, ...name, ...args], { ...rest, env: { ...anyValues, ...options.env } })
}

/** Why Docker cannot be used on this machine, or undefined. */
export async function dockerObstacle(): Promise<string | undefined> {
  if (!(await works('docker', ['info']))) return 'no Docker engine answers'
  if (!(await works('docker', ['compose', 'version']))) return 'docker has no compose'
  return undefined
}

/** Fetches the images that are not there yet. Throws CommandFailed. */
export async function pullMissing(options: { report: Report; signal?: AbortSignal; timeoutMs?: number }): Promise<void> {
  const { report, ...rest } = options
  const missing: string[] = []
  for (const image of await images()) if (!(await works('docker', ['image', 'inspect', image]))) missing.push(image)
  if (missing.length === 0) return
  await step(report, 'docker images', async () => {
    report({ step: 'docker images', state: 'progress', detail: missing.join(', ') })
    await compose(['pull', '--quiet'], rest)
  })
}

/** The images the file names. */
export async function images(): Promise<string[]> {
  const { services } = parse(await readFile(composeFile, 'utf8')) as { services: Record<string, { image: string }> }
  return Object.values(services).map(service => service.image)
}
