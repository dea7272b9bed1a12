// Azurite of the local stack: Azure's blob storage on this machine, from npm.
// Guarantee: ended by SIGTERM it has saved everything; the account's key is this stack's own.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { StackError } from '../stack-error.ts'
import type { ServerDefinition } from './service.ts'

/** The account's name; tools that know Azurite expect this one. */
export const azuriteAccount = 'devstoreaccount1'

const program = join(import.meta.dirname, '..', '..', 'node_modules', 'azurite', 'dist', 'src', 'blob', 'main.js')

/** `key` is base64. */
export async function azuriteServer(options: { folder: string; port: number; key: string }): Promise<ServerDefinition> {
  const { folder, port, key } = options
  if (!existsSync(program))
    throw new StackError('STACK_TOOL_MISSING', 'Azurite is not in node_modules: run `npm ci` in the checkout')
  const data = join(folder, 'data')
  const url = `http://127.0.0.1:${port}/${azuriteAccount}`
  return {
    name: 'azurite',
    url,
    port,
    logFile: join(folder, 'azurite.log'),
    cwd: folder,
    command: process.execPath,
    args: [
      program,
      ...['--silent', '--disableTelemetry', '--skipApiVersionCheck'],
      ...['--location', data, '--blobHost', '127.0.0.1', '--blobPort', String(port)],
    ],
    env: { AZURITE_ACCOUNTS: `${azuriteAccount}:${key}` },
    ready: () => answers(url),
    readyWithinMs: 60_000,
    prepare: async () => {
      await mkdir(data, { recursive: true })
    },
  }
}

export function connectionString(port: number, key: string): string {
  const endpoint = `http://127.0.0.1:${port}/${azuriteAccount}`
  return `DefaultEndpointsProtocol=http;AccountName=${azuriteAccount};AccountKey=${key};BlobEndpoint=${endpoint};`
}

/** A request without credentials is refused, and that refusal is the sign of life. */
async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}?comp=list`, { signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return response.status === 403 || response.ok
  } catch {
    return false
  }
}
