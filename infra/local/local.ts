// The stack as plain processes: MySQL, Kafka, Connect with Debezium, Azurite.
// Guarantee: what runs already is left alone, what does not is started with its old data and port.
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { connectorName, connectShop, topicPrefix } from '../connector-step.ts'
import { database } from '../mysql/users.ts'
import type { Report } from '../report.ts'
import { mysqlUrl, serverEnv } from '../stack-env.ts'
import { type Service, type Stack, saveStack } from '../state.ts'
import { azuriteServer, connectionString } from './azurite.ts'
import { connectServer } from './connect.ts'
import { createTopics, kafkaServer } from './kafka.ts'
import { mysqlServer } from './mysql.ts'
import { claimPort, type PortClaim } from './ports.ts'
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

/** Connect first, so that it says goodbye to a Kafka that still answers; MySQL last. */
const stopOrder: Record<string, number> = { connect: 30_000, kafka: 30_000, azurite: 15_000, mysql: 60_000 }

export async function upLocal(saved: Stack | undefined, options: Options): Promise<Stack> {
  const { dir, report, why } = options
  const stack: Stack = saved ?? { kind: 'local', why, env: {}, services: [], ports: {}, secrets: newSecrets() }
  const claims = await choosePorts(stack)
  try {
    const { ports, secrets } = stack
    const brokers = `127.0.0.1:${ports.kafka}`
    const url = mysqlUrl('binlake', secrets.binlake!, { port: ports.mysql!, database })
    const connectUrl = `http://127.0.0.1:${ports.connect}`
    const azure = connectionString(ports.azurite!, secrets.azurite!)
    stack.env = serverEnv({ brokers, mysqlUrl: url, connectUrl, azure })
    await saveStack(dir, stack)
    await mkdir(join(dir, 'local'), { recursive: true, mode: 0o700 })
    const folder = (name: string) => join(dir, 'local', name)
    const start = async (definition: Promise<ServerDefinition> | ServerDefinition) => ensure(stack, await definition, options)
    await allDone([
      start(mysqlServer({ ...options, folder: folder('mysql'), port: ports.mysql!, secrets })),
      start(azuriteServer({ folder: folder('azurite'), port: ports.azurite!, key: secrets.azurite! })),
      (async () => {
        await start(
          kafkaServer({ ...options, folder: folder('kafka'), port: ports.kafka!, controllerPort: ports['kafka-controller']! }),
        )
        await createTopics(brokers, [`${topicPrefix}-signals`])
        await start(connectServer({ ...options, folder: folder('connect'), port: ports.connect!, brokers }))
      })(),
    ])
    const server = { host: '127.0.0.1', port: ports.mysql!, user: 'debezium', password: secrets.debezium!, ssl: 'preferred' }
    const places = { ...server, prefix: topicPrefix, database, brokers, replication: 1 }
    await connectShop({ ...options, mysqlUrl: url, connectUrl, places })
    report({ step: 'stack', state: 'done', detail: `local processes, connector ${connectorName}` })
    return stack
  } finally {
    for (const claim of claims) await claim.lock.release()
  }
}

/** Stops every process that is still ours. The saved stack keeps ports and passwords for the next `up`. */
export async function downLocal(stack: Stack, options: { dir: string; report: Report }): Promise<void> {
  const { dir, report } = options
  for (const [name, graceMs] of Object.entries(stopOrder)) {
    const service = stack.services.find(candidate => candidate.name === name)
    if (!service?.pid) continue
    report({ step: name, state: 'start', detail: 'stopping' })
    const how = await stop(service, graceMs)
    report({ step: name, state: how === 'absent' ? 'skipped' : 'done', detail: how === 'absent' ? 'was not running' : how })
    delete service.pid
    delete service.identity
    await saveStack(dir, stack)
  }
}

async function ensure(stack: Stack, definition: ServerDefinition, { dir, report, signal }: Options): Promise<void> {
  const saved = stack.services.find(service => service.name === definition.name)
  await ensureServer(definition, saved, {
    report,
    ...(signal ? { signal } : {}),
    started: async (service: Service) => {
      stack.services = [...stack.services.filter(other => other.name !== service.name), service]
      await saveStack(dir, stack)
    },
  })
}

/** A running server keeps its port; a stopped one gets its old port back if that is still free. */
async function choosePorts(stack: Stack): Promise<PortClaim[]> {
  const claims: PortClaim[] = []
  for (const [name, preferred] of Object.entries(preferredPorts)) {
    const owner = name === 'kafka-controller' ? 'kafka' : name
    const service = stack.services.find(candidate => candidate.name === owner)
    if (service && isRunning(service)) continue
    const before = stack.ports[name]
    const claim = await claimPort(before === undefined ? [preferred] : [before, preferred])
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
