#!/usr/bin/env node
// An operator's proof that a lake can live in an account: `node cli/azure-smoke.ts <lake url>`, with the settings that binlake would use.
// Guarantee: it touches nothing but a folder of its own in each zone, and removes that, also after Ctrl-C.
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { azurePlace } from '../connectors/azure-access.ts'
import { type AzureClients, azureClients } from '../connectors/azure-clients.ts'
import type { ObjectStore } from '../connectors/object-store.ts'
import { openStore } from '../connectors/open-store.ts'
import { makeOwnFolder, removeOwnFolder } from '../connectors/own-folder.ts'
import { zones } from '../lake/layout.ts'
import { box } from '../sql/format.ts'
import { collect } from './arguments.ts'
import { type Config, loadConfig, need, surroundings } from './config.ts'
import { ConfigError } from './config-error.ts'
import { describe, exit, exitCode } from './exit.ts'
import { openDuck } from './open-duck.ts'
import { listenForStop } from './signals.ts'
import { accountChecks, rightsCheck } from './smoke/account-checks.ts'
import type { Check } from './smoke/check.ts'
import { cleanUp } from './smoke/clean-up.ts'
import { largeFileCheck, raceCheck, tableChecks } from './smoke/table-checks.ts'

const writers = 8

interface Flags {
  config?: string
  zone?: string[]
  readOnly?: string[]
}

async function smoke(config: Config, { zone: asked = [...zones], readOnly = [] }: Flags, signal: AbortSignal): Promise<Check[]> {
  const url = need(config.lake.url, 'lake.url')
  const unknown = [...asked, ...readOnly].find(zone => !zones.some(known => known === zone))
  if (unknown !== undefined) throw new ConfigError('CONFIG_INVALID', [`${unknown} is no zone; expected ${zones.join(', ')}`])
  const { url: _, cache: __, cachesize: ___, ...azure } = config.lake
  const cacheDir = await makeOwnFolder(tmpdir(), 'binlake-smoke')
  const stores = (await Promise.all(
    Array.from({ length: writers }, (_, i) => openStore(url, { azure, cacheDir: join(cacheDir, String(i)) })),
  )) as [ObjectStore, ...ObjectStore[]]
  const place = url.startsWith('file:') ? undefined : azurePlace(url)
  const clientsOf = place && azureClients(place, azure)
  const name = `binlake_smoke_${randomBytes(6).toString('hex')}`
  const checks: Check[] = []
  const report = (...found: Check[]) => {
    for (const { zone, check, result } of found) process.stderr.write(`  ${result.padEnd(6)}  ${zone}: ${check}\n`)
    checks.push(...found)
  }
  await using duck = await openDuck(config)
  try {
    for (const zone of asked) {
      if (signal.aborted) break
      const folder = `${zone}/${name}`
      const reads = readOnly.includes(zone)
      const blobs = place?.prefix ? `${place.prefix}/${name}` : name
      let clients: AzureClients | undefined
      try {
        const rights = await rightsCheck(zone, stores[0], { folder, readOnly: reads })
        report(rights)
        clients = await clientsOf?.(zone).catch(() => undefined)
        if (rights.result === 'failed' || reads) continue
        if (clients) report(...(await accountChecks(zone, clients, `${blobs}/versioned`)))
        const whole = { zone, stores, folder, duck }
        for (const check of [raceCheck, largeFileCheck]) if (!signal.aborted) report(await check(whole))
        if (!signal.aborted) report(...(await tableChecks(whole)))
      } finally {
        report(await cleanUp(zone, stores[0], { folder, azure: clients && { clients, blobs } }))
      }
    }
    return checks
  } finally {
    await Promise.all(stores.map(store => store.close()))
    await removeOwnFolder(cacheDir)
  }
}

/** All checks in a table; below it in full what a person should read. */
function drawn(checks: readonly Check[]): string {
  const columns = ['zone', 'check', 'result', 'what was seen'].map(name => ({ name, type: 'VARCHAR' }))
  const rows = checks.map(({ zone, check, result, seen }) => [zone, check, result, result === 'ok' ? seen : 'see below'])
  const told = checks
    .filter(({ result }) => result !== 'ok')
    .map(({ zone, check, result, seen }) => `${result}: ${zone}, ${check}: ${seen}`)
  const failed = checks.filter(({ result }) => result === 'failed').length
  const verdict = failed > 0 ? `${failed} of ${checks.length} checks failed` : `${checks.length} checks, none failed`
  return `${[box(columns, rows), ...told, verdict].join('\n')}\n`
}

const command = new Command('azure-smoke')
  .description(
    'Tries in an account what a lake needs of it: rights, one winner among racing writers, commits, merges, checkpoints, reading back, vacuum. ' +
      'It works in a folder of its own and removes it. Missing containers are made, and stay.',
  )
  .argument('[lake url]', 'abfss://account.dfs.core.windows.net/prefix or az://prefix (default: the configured lake)')
  .option('--zone <zone>', 'only this zone (default: all); may be repeated', collect)
  .option('--read-only <zone>', 'this zone must be readable and refuse to be written; may be repeated', collect)
  .option('--config <file>', 'configuration file (default: binlake.yaml in this folder, if there is one)')
  .exitOverride()

const stop = listenForStop(text => void process.stderr.write(text))
try {
  command.parse()
  const flags = command.opts<Flags>()
  const [url] = command.args
  const config = loadConfig({
    ...surroundings(),
    ...(flags.config ? { file: flags.config } : {}),
    ...(url === undefined ? {} : { flags: { 'lake.url': { flag: 'lake url', value: url } } }),
  })
  const checks = await smoke(config, flags, stop.signal)
  process.stdout.write(drawn(checks))
  const failed = checks.some(({ result }) => result === 'failed')
  process.exitCode = stop.signal.aborted ? stop.exitCode : failed ? exit.failure : exit.ok
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exit.ok : exit.usage
  else {
    process.stderr.write(describe(error, { debug: false }))
    process.exitCode = exitCode(error)
  }
} finally {
  stop.release()
}
