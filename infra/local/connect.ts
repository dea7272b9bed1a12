// Kafka Connect of the local stack, with Debezium's MySQL connector on its plugin path.
// Guarantee: source offsets are written exactly once, and a restarted worker takes its work back without delay.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Report } from '../report.ts'
import { ensureJava } from './java.ts'
import { javaArgs, properties } from './java-server.ts'
import { debeziumPlugin, kafkaJars } from './maven.ts'
import type { ServerDefinition } from './service.ts'

interface Options {
  folder: string
  port: number
  brokers: string
  /** Connect's plugin.path; default: Debezium's MySQL connector. */
  plugins?: string
  /** Names the worker's group and its three topics, when Kafka has another worker that must not share them. */
  group?: string
  report: Report
  signal?: AbortSignal
}

export async function connectServer(options: Options): Promise<ServerDefinition> {
  const { folder, port } = options
  const java = await ensureJava(options)
  const jars = await kafkaJars(options)
  const plugins = options.plugins ?? (await debeziumPlugin(options))
  const config = join(folder, 'connect.properties')
  const url = `http://127.0.0.1:${port}`
  return {
    name: 'connect',
    url,
    port,
    logFile: join(folder, 'connect.log'),
    cwd: folder,
    command: java,
    args: javaArgs(jars, 'org.apache.kafka.connect.cli.ConnectDistributed', { heapMb: 768, args: [config] }),
    ready: () => answers(url),
    readyWithinMs: 180_000,
    prepare: async () => {
      await mkdir(folder, { recursive: true })
      await writeFile(config, properties(workerSettings({ ...options, plugins })))
    },
  }
}

/** cdc-spec §7, "Worker". */
export function workerSettings(options: {
  port: number
  brokers: string
  plugins: string
  group?: string
}): Record<string, string | number> {
  const { group } = options
  const topics = Object.fromEntries(
    ['config', 'offset', 'status'].flatMap(kind => [
      [`${kind}.storage.topic`, `_connect-${kind}${group ? `-${group}` : ''}`],
      [`${kind}.storage.replication.factor`, 1],
    ]),
  )
  return {
    'bootstrap.servers': options.brokers,
    'group.id': `binlake-connect${group ? `-${group}` : ''}`,
    ...topics,
    'offset.storage.partitions': 1,
    'status.storage.partitions': 1,
    'exactly.once.source.support': 'enabled',
    'offset.flush.interval.ms': 5000,
    'connector.client.config.override.policy': 'All',
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'key.converter.schemas.enable': 'false',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'false',
    listeners: `http://127.0.0.1:${options.port}`,
    'rest.advertised.host.name': '127.0.0.1',
    'rest.advertised.port': options.port,
    'plugin.path': options.plugins,
    'plugin.discovery': 'service_load',
    'scheduled.rebalance.max.delay.ms': 0,
  }
}

/** Listing connectors asks the worker's own state: it answers only once the worker has joined its group and read its topics. */
async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/connectors`, { signal: AbortSignal.timeout(3000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
