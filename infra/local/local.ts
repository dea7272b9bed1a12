// The stack as plain processes: MySQL, Kafka, Connect with Debezium, Azurite.
// Guarantee: what runs already is left alone, what does not is started with its old data and port.
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connectShop, topicPrefix } from '../connector-step.ts'
import { database } from '../mysql/users.ts'
import type { Report } from '../report.ts'
import { mysqlUrl, serverEnv } from '../stack-env.ts'
import { type Service, type Stack, saveStack } from '../state.ts'
import { azuriteServer, connectionString } from './azurite.ts'
import { connectServer } from './connect.ts'
import { createTopics, kafkaServer } from './kafka.ts'
import { mysqlServer } from './mysql.ts'
import { claimPort, type PortClaim, reclaimPort } from './ports.ts'
import { isRunning, stop } from './process.ts'
import { ensureServer, type ServerDefinition } from './service.ts'

interface Options {
  dir: string
  why: string
  report: Report
  signal?: AbortSignal
}

/** The ports tried first. Kafka's controller shares the fate of the broker. */
const preferredPorts = { mysql: 3306, kafka: 9092, 'kafka-controller': 9093, connect: 8083, azurite: 10000 }

/** How long each may take to stop, in the order of stopping: Connect first, so that it can still say goodbye to Kafka. */
const graceMs: Record<string, number> = { connect: 30_000, kafka: 30_000, azurite: 15_000, mysql: 60_000 }

export async function upLocal(saved: Stack | undefined, options: Options): Promise<Stack> {
  const { dir, report, why } = options
  const stack: Stack = saved ?? { kind: 'local', why, env: {}, services: [], ports: {}, secrets: newSecrets() }
  const brokerBefore = stack.ports.kafka
  const claims = await choosePorts(stack)
  try {
    const { ports, secrets } = stack
    const url = mysqlUrl('binlake', secrets.binlake!, { port: ports.mysql!, database })
    const [brokers, connectUrl] = [`127.0.0.1:${ports.kafka}`, `http://127.0.0.1:${ports.connect}`]
    stack.env = serverEnv({ brokers, mysqlUrl: url, connectUrl, azure: connectionString(ports.azurite!, secrets.azurite!) })
    saveStack(dir, stack)
    await mkdir(join(dir, 'local'), { recursive: true, mode: 0o700 })
    if (brokerBefore !== ports.kafka) await stopService(stack, 'connect', options)
    const started = await startServers(stack, { ...options, brokers })
    const server = { host: '127.0.0.1', port: ports.mysql!, user: 'debezium', password: secrets.debezium!, ssl: 'preferred' }
    const places = { ...server, prefix: topicPrefix, database, brokers, replication: 1 }
    const connector = await connectShop({ ...options, mysqlUrl: url, connectUrl, places })
    const changes = [...started.map(name => `${name} started`), ...(connector === 'unchanged' ? [] : [`connector ${connector}`])]
    if (changes.length === 0) report({ step: 'stack', state: 'skipped', detail: 'everything runs already' })
    else report({ step: 'stack', state: 'done', detail: changes.join(', ') })
    return stack
  } finally {
    for (const claim of claims) await claim.lock.release()
  }
}

/** Starts what does not run; Connect needs Kafka, the others need nobody. Returns the names of what was started. */
async function startServers(stack: Stack, options: Options & { brokers: string }): Promise<string[]> {
  const { dir, brokers } = options
  const { ports, secrets } = stack
  const started: string[] = []
  const place = (name: string) => ({ ...options, folder: join(dir, 'local', name), port: ports[name]! })
  const start = async (definition: Promise<ServerDefinition>) => {
    const { name } = await definition
    await ensureServer(await definition, findService(stack, name), {
      ...options,
      started: service => {
        started.push(name)
        stack.services = [...stack.services.filter(other => other.name !== name), service]
        saveStack(dir, stack)
      },
    })
  }
  const kafkaThenConnect = async () => {
    await start(kafkaServer({ ...place('kafka'), controllerPort: ports['kafka-controller']! }))
    await createTopics(brokers, [`${topicPrefix}-signals`])
    await start(connectServer({ ...place('connect'), brokers }))
  }
  const mysql = start(mysqlServer({ ...place('mysql'), secrets }))
  const azurite = start(azuriteServer({ ...place('azurite'), key: secrets.azurite! }))
  await allDone([mysql, azurite, kafkaThenConnect()])
  return started
}

/** Stops every process that is still ours. The saved stack keeps ports and passwords for the next `up`. */
export async function downLocal(stack: Stack, options: { dir: string; report: Report }): Promise<void> {
  for (const name of Object.keys(graceMs)) await stopService(stack, name, options)
}

async function stopService(stack: Stack, name: string, { dir, report }: { dir: string; report: Report }): Promise<void> {
  const service = findService(stack, name)
  if (!service?.pid) return
  report({ step: name, state: 'start', detail: 'stopping' })
  const how = await stop(service, graceMs[name]!)
  report({ step: name, state: how === 'absent' ? 'skipped' : 'done', detail: how === 'absent' ? 'was not running' : how })
  delete service.pid
  delete service.identity
  saveStack(dir, stack)
}

function findService(stack: Stack, name: string): Service | undefined {
  return stack.services.find(service => service.name === name)
}

/** A running server keeps its port; a stopped one gets its old port back if that is still free. */
async function choosePorts(stack: Stack): Promise<PortClaim[]> {
  const claims: PortClaim[] = []
  for (const [name, preferred] of Object.entries(preferredPorts)) {
    const owner = name === 'kafka-controller' ? 'kafka' : name
    const service = findService(stack, owner)
    if (service && isRunning(service)) continue
    const before = stack.ports[name]
    const claim = (before && (await reclaimPort(before, 3000))) || (await claimPort([preferred]))
    stack.ports[name] = claim.port
    claims.push(claim)
  }
  return claims
}

function newSecrets(): Record<string, string> {
  const password = () => randomBytes(18).toString('base64url')
  return { 'mysql-root': password(), debezium: password(), binlake: password(), azurite: randomBytes(64).toString('base64') }
}

/** Waits for all, also after a failure, so that no server is left half started behind our back; then throws the first error. */
async function allDone(work: Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  const failed = results.find(result => result.status === 'rejected')
  if (failed) throw failed.reason
}
