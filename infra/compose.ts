// How binlake calls `docker compose` on its own docker-compose.yml.
// Guarantee: the file's required variables are always set, so that every subcommand can read it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type CommandOptions, run } from './command.ts'

export const composeFile = join(import.meta.dirname, '..', 'docker-compose.yml')

/** Values for the file's variables when only its shape matters, as for `pull`. */
const anyValues = { MYSQL_ROOT_PASSWORD: 'unused', AZURITE_KEY: 'dW51c2Vk' }

/** `docker compose` with the given arguments. `project` keeps the containers and volumes of two stacks apart. */
export function compose(args: readonly string[], options: CommandOptions & { project?: string } = {}): Promise<string> {
  const { project, ...rest } = options
  const name = project ? ['-p', project] : []
  return run('docker', ['compose', '-f', composeFile, ...name, ...args], { ...rest, env: { ...anyValues, ...options.env } })
}

/** The images the file names. */
export async function images(): Promise<string[]> {
  const { services } = parse(await readFile(composeFile, 'utf8')) as { services: Record<string, { image: string }> }
  return Object.values(services).map(service => service.image)
}
