// The operator's smoke test, against Azurite.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Azurite, startAzurite } from './azurite.ts'

const url = 'abfss://devstoreaccount1.dfs.core.windows.net/team'
let azurite: Azurite
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-smoke-test-'))
  azurite = await startAzurite()
  for (const zone of ['bronze', 'silver', 'gold', 'quarantine']) await account().getContainerClient(zone).create()
})
afterAll(async () => {
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

const key = () => /AccountKey=([^;]+)/.exec(azurite.connectionString)![1]!
const account = () => BlobServiceClient.fromConnectionString(azurite.connectionString)

function sas(containerName: string, permissions: string): string {
  const rights = ContainerSASPermissions.parse(permissions)
  const values = { containerName, permissions: rights, expiresOn: new Date(Date.now() + 3_600_000) }
  return generateBlobSASQueryParameters(values, new StorageSharedKeyCredential('devstoreaccount1', key())).toString()
}

interface Outcome {
  code: number | null
  out: string
  err: string
}

/** Runs the program; `stopAt`: Ctrl-C as soon as stderr says this. */
async function smoke(args: string[], env: Record<string, string>, stopAt?: string): Promise<Outcome> {
  const program = join(import.meta.dirname, '../../../cli/azure-smoke.ts')
  const endpoint = `http://127.0.0.1:${azurite.port}/devstoreaccount1`
  const child = spawn(process.execPath, [program, url, ...args], {
    cwd: dir,
    env: { PATH: process.env.PATH, HOME: dir, TMPDIR: dir, BINLAKE_LAKE_ENDPOINT: endpoint, ...env },
  })
  const outcome: Outcome = { code: null, out: '', err: '' }
  child.stdout.on('data', text => {
    outcome.out += text
  })
  child.stderr.on('data', text => {
    outcome.err += text
    if (stopAt && outcome.err.includes(stopAt)) child.kill('SIGINT')
    if (stopAt && outcome.err.includes(stopAt)) stopAt = undefined
  })
  ;[outcome.code] = (await once(child, 'close')) as [number | null]
  return outcome
}

async function left(): Promise<string[]> {
  const names: string[] = []
  for (const zone of ['bronze', 'silver', 'gold', 'quarantine'])
    for await (const { name } of account().getContainerClient(zone).listBlobsFlat()) names.push(`${zone}/${name}`)
  return [...names, ...(await readdir(dir))]
}

const row = (zone: string, check: string, result: string) => new RegExp(`│ ${zone} +│ ${check} +│ ${result} +│`)

test('all is well: every check of every zone, exit code 0, nothing left', async () => {
  const { code, out } = await smoke([], { BINLAKE_LAKE_KEY: key() })
  expect(out).toContain('none failed')
  expect(code).toBe(0)
  const checks = [
    'rights',
    'account',
    'race',
    'large file',
    'commit',
    'merge',
    'checkpoint',
    'list',
    'read back',
    'vacuum',
    'clean up',
  ]
  for (const zone of ['bronze', 'silver', 'gold', 'quarantine'])
    for (const check of checks) expect(out).toMatch(row(zone, check, 'ok'))
  expect(out).toContain('flat namespace')
  expect(await left()).toEqual([])
})

test('a right that is missing is named, with the exit code 1, and no secret', async () => {
  const { code, out, err } = await smoke(['--zone', 'silver'], { BINLAKE_SILVER_SAS: sas('silver', 'rl') })
  expect(code).toBe(1)
  expect(out).toMatch(row('silver', 'rights', 'failed'))
  expect(out).toContain("the signature's rights are rl")
  expect(out + err).not.toMatch(/sig=/)
  expect(await left()).toEqual([])
})

test('a reader that reads and cannot write is as it should be; one that can write is not', async () => {
  const reader = await smoke(['--zone', 'silver', '--read-only', 'silver'], { BINLAKE_SILVER_SAS: sas('silver', 'rl') })
  expect(reader.out).toContain('may list, read, as a reader should')
  expect(reader.code).toBe(0)
  const writer = await smoke(['--zone', 'silver', '--read-only', 'silver'], { BINLAKE_SILVER_SAS: sas('silver', 'rcwdl') })
  expect(writer.out).toContain('more than a reader needs')
  expect(writer.code).toBe(1)
  expect(await left()).toEqual([])
})

test('Ctrl-C in the middle: what was made is removed', async () => {
  const { code, out } = await smoke([], { BINLAKE_LAKE_KEY: key() }, 'bronze: race')
  expect(code).toBe(130)
  expect(out).toMatch(row('bronze', 'clean up', 'ok'))
  expect(out).not.toContain('silver')
  expect(await left()).toEqual([])
})
