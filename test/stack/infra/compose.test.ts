// docker-compose.yml as compose itself reads it. Compose comes with Docker, else from the machine's package mirror.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { run, works } from '../../../infra/command.ts'
import { composeFile, images } from '../../../infra/compose.ts'
import { aptUnpacked } from '../../../infra/local/apt.ts'
import { machineMirror } from '../../../infra/local/apt-mirror.ts'
import { workerSettings } from '../../../infra/local/connect.ts'
import { kafkaSettings } from '../../../infra/local/kafka.ts'
import { debeziumVersion, kafkaVersion } from '../../../infra/local/maven.ts'
import { serverSettings } from '../../../infra/local/mysql.ts'

interface Service {
  image: string
  command?: string[]
  environment?: Record<string, string>
  ports: { host_ip: string; target: number; published: string }[]
  healthcheck?: { test: string[] }
}

const secrets = { MYSQL_ROOT_PASSWORD: 'root-pw', AZURITE_KEY: 'a2V5' }
let composeCommand: string[] = []

beforeAll(async () => {
  if (await works('docker', ['compose', 'version'])) {
    composeCommand = ['docker', 'compose']
    return
  }
  const { release } = await machineMirror()
  const pattern = release.id === 'ubuntu' ? '^docker-compose-v2$' : '^docker-compose$'
  const folder = await aptUnpacked('docker-compose', { pattern, hint: 'install docker compose', report: () => {} })
  composeCommand = [join(folder, 'usr/libexec/docker/cli-plugins/docker-compose')]
})

async function config(env: Record<string, string>): Promise<Record<string, Service>> {
  const [command, ...rest] = composeCommand
  const args = [...rest, '-f', composeFile, '--env-file', '/dev/null', 'config', '--format', 'json']
  const output = await run(command!, args, { cwd: tmpdir(), env })
  return (JSON.parse(output) as { services: Record<string, Service> }).services
}

test('compose accepts the file, and every service has a health check and ports on this machine only', async () => {
  const services = await config(secrets)
  expect(Object.keys(services).toSorted()).toEqual(['azurite', 'connect', 'kafka', 'kafka-ui', 'mysql'])
  for (const service of Object.values(services)) {
    expect(service.healthcheck?.test.length).toBeGreaterThan(1)
    expect(service.ports.map(port => port.host_ip)).toEqual(['127.0.0.1'])
  }
  expect(
    Object.values(services)
      .map(service => service.image)
      .toSorted(),
  ).toEqual((await images()).toSorted())
})

test('ports are set by the environment', async () => {
  const ports = { MYSQL_PORT: '20001', KAFKA_PORT: '20002', CONNECT_PORT: '20003', AZURITE_PORT: '20004', KAFKA_UI_PORT: '20005' }
  const services = await config({ ...secrets, ...ports })
  expect(
    Object.values(services)
      .flatMap(service => service.ports.map(port => port.published))
      .toSorted(),
  ).toEqual(Object.values(ports))
  expect(services.kafka!.environment!.KAFKA_ADVERTISED_LISTENERS).toContain('HOST://127.0.0.1:20002')
})

test('without passwords it says what to do', async () => {
  await expect(config({ AZURITE_KEY: 'a2V5', MYSQL_ROOT_PASSWORD: '' })).rejects.toThrow('copy .env.example to .env')
})

test('containers and processes have the same versions and settings', async () => {
  const { mysql, kafka, connect } = await config(secrets)
  expect(kafka!.image).toBe(`apache/kafka:${kafkaVersion}`)
  expect(connect!.image).toBe(`quay.io/debezium/connect:${debeziumVersion}`)
  const flags = new Map(mysql!.command!.map(flag => flag.slice(2).split('=') as [string, string]))
  const own = Object.entries(serverSettings).map(([name, value]) => [name.replace('loose-', ''), value] as const)
  const differing = own.filter(([name, value]) => flags.get(name) !== value).map(([name]) => name)
  // The image's defaults, or what only a server without a container needs.
  expect(differing.toSorted()).toEqual([
    'bind-address',
    'binlog-format',
    'max-connections',
    'performance-schema',
    'secure-file-priv',
    'skip-name-resolve',
    'table-open-cache',
  ])
  const kafkaOwn = kafkaSettings({ port: 9092, controllerPort: 9093, data: '/var/lib/kafka/data' })
  const inContainer = (name: string) => kafka!.environment![`KAFKA_${name.toUpperCase().replaceAll('.', '_')}`]
  const kafkaDiffering = Object.entries(kafkaOwn).filter(([name, value]) => inContainer(name) !== String(value))
  expect(kafkaDiffering.map(([name]) => name).toSorted()).toEqual([
    'advertised.listeners',
    'controller.quorum.voters',
    'listener.security.protocol.map',
    'listeners',
    'num.io.threads',
    'num.network.threads',
    'num.recovery.threads.per.data.dir',
  ])
  const worker = workerSettings({ port: 8083, brokers: 'kafka:19092', plugins: '' })
  const env = connect!.environment!
  for (const name of [
    'exactly.once.source.support',
    'connector.client.config.override.policy',
    'scheduled.rebalance.max.delay.ms',
    'offset.storage.partitions',
  ]) {
    expect(env[`CONNECT_${name.toUpperCase().replaceAll('.', '_')}`]).toBe(String(worker[name]))
  }
  expect(env.OFFSET_FLUSH_INTERVAL_MS).toBe(String(worker['offset.flush.interval.ms']))
  expect([env.CONFIG_STORAGE_TOPIC, env.OFFSET_STORAGE_TOPIC, env.STATUS_STORAGE_TOPIC]).toEqual([
    worker['config.storage.topic'],
    worker['offset.storage.topic'],
    worker['status.storage.topic'],
  ])
})
