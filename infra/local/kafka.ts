// Kafka of the local stack: one process that is broker and controller.
// Guarantee: its data does not depend on its ports, so that it may move when a port is taken.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { run } from '../command.ts'
import type { Report } from '../report.ts'
import { ensureJava } from './java.ts'
import { javaArgs, properties } from './java-server.ts'
import { kafkaJars } from './maven.ts'
import { isFree } from './ports.ts'
import type { ServerDefinition } from './service.ts'

interface Options {
  folder: string
  port: number
  controllerPort: number
  report: Report
  signal?: AbortSignal
}

export async function kafkaServer(options: Options): Promise<ServerDefinition> {
  const { folder, port } = options
  const java = await ensureJava(options)
  const jars = await kafkaJars(options)
  const data = join(folder, 'data')
  const config = join(folder, 'kafka.properties')
  return {
    name: 'kafka',
    url: `127.0.0.1:${port}`,
    port,
    logFile: join(folder, 'kafka.log'),
    cwd: folder,
    command: java,
    args: javaArgs(jars, 'kafka.Kafka', { heapMb: 512, args: [config] }),
    ready: () => answers(port),
    readyWithinMs: 120_000,
    prepare: async () => {
      await mkdir(data, { recursive: true })
      await writeFile(config, properties(kafkaSettings({ ...options, data })))
      if (existsSync(join(data, 'meta.properties'))) return
      const clusterId = randomBytes(16).toString('base64url')
      const args = ['format', '-t', clusterId, '-c', config]
      await run(java, javaArgs(jars, 'kafka.tools.StorageTool', { heapMb: 256, args }), {
        cwd: folder,
        ...(options.signal ? { signal: options.signal } : {}),
      })
    },
  }
}

/** One node: every internal topic has one replica. Buffers and message sizes suit large fetches. */
export function kafkaSettings(options: { port: number; controllerPort: number; data: string }): Record<string, string | number> {
  const { port, controllerPort, data } = options
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': data,
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'message.max.bytes': 20_971_520,
    'replica.fetch.max.bytes': 20_971_520,
    'fetch.max.bytes': 115_343_360,
    'socket.send.buffer.bytes': 1_048_576,
    'socket.receive.buffer.bytes': 1_048_576,
    'log.segment.bytes': 268_435_456,
    'num.network.threads': 3,
    'num.io.threads': 4,
    'num.recovery.threads.per.data.dir': 2,
  }
}

/** Creates topics of one partition that do not exist yet. */
export async function createTopics(broker: string, topics: readonly string[]): Promise<void> {
  const admin = new Admin({ clientId: 'binlake-stack', bootstrapBrokers: [broker], retries: 3 })
  try {
    const existing = new Set(await admin.listTopics())
    const missing = topics.filter(topic => !existing.has(topic))
    if (missing.length > 0) await admin.createTopics({ topics: missing, partitions: 1, replicas: 1 })
  } finally {
    await admin.close()
  }
}

async function answers(port: number): Promise<boolean> {
  if (await isFree(port)) return false
  const admin = new Admin({
    clientId: 'binlake-stack',
    bootstrapBrokers: [`127.0.0.1:${port}`],
    retries: 0,
    timeout: 3000,
    connectTimeout: 2000,
  })
  try {
    const { brokers } = await admin.metadata({ topics: [] })
    return brokers.size > 0
  } catch {
    return false
  } finally {
    await admin.close().catch(() => {})
  }
}
