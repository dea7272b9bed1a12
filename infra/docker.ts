// The stack in containers: docker-compose.yml, then the same connector step as for processes.
// Guarantee: each state folder has its own project, so its own containers and volumes.
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { compose, composeFile, dockerObstacle, pullMissing } from './compose.ts'
import { connectShop, topicPrefix } from './connector-step.ts'
import { connectionString } from './local/azurite.ts'
import { createTopics } from './local/kafka.ts'
import { claimPort, type PortClaim } from './local/ports.ts'
import { runStatements } from './mysql/prepare.ts'
import { database, userStatements } from './mysql/users.ts'
import { type Report, step } from './report.ts'
import { mysqlUrl, serverEnv } from './stack-env.ts'
import { StackError } from './stack-error.ts'
import { type Service, type Stack, saveStack } from './state.ts'

interface Options {
  dir: string
  why: string
  report: Report
  signal?: AbortSignal
}

/** The variable of .env that sets a port, and its usual value. */
const portVariables: Record<string, [variable: string, usual: number]> = {
  mysql: ['MYSQL_PORT', 3306],
  kafka: ['KAFKA_PORT', 9092],
  connect: ['CONNECT_PORT', 8083],
  azurite: ['AZURITE_PORT', 10000],
  'kafka-ui': ['KAFKA_UI_PORT', 8080],
}

export async function upDocker(saved: Stack | undefined, options: Options): Promise<Stack> {
  const { dir, why, report, signal } = options
  const obstacle = await dockerObstacle()
  if (obstacle)
    throw new StackError(
      'STACK_TOOL_MISSING',
      `${obstacle}: start or install Docker with compose, or choose another kind of stack`,
    )
  await pullMissing(options).catch(cause => {
    throw new StackError('STACK_DOWNLOAD_FAILED', `the Docker images cannot be pulled: ${cause.message}`, {
      cause,
      retryable: true,
    })
  })
  const settings = { ...(await readDotEnv()), ...process.env }
  const stack: Stack = saved ?? { kind: 'docker', why, env: {}, services: [], ports: {}, secrets: newSecrets(settings) }
  const claims = await choosePorts(stack, settings)
  const { ports, secrets } = stack
  const url = mysqlUrl('binlake', secrets.binlake!, { port: ports.mysql!, database })
  const connectUrl = `http://127.0.0.1:${ports.connect}`
  const brokers = `127.0.0.1:${ports.kafka}`
  stack.env = serverEnv({ brokers, mysqlUrl: url, connectUrl, azure: connectionString(ports.azurite!, secrets.azurite!) })
  stack.services = Object.keys(portVariables).map(name => service(name, ports[name]!))
  saveStack(dir, stack)
  try {
    await step(report, 'containers', async () => {
      const onLine = (line: string) => report({ step: 'containers', state: 'progress', detail: line.trim() })
      await compose(['up', '--detach', '--wait', '--wait-timeout', '300'], {
        ...composeOptions(dir, stack),
        onLine,
        ...(signal ? { signal } : {}),
      })
    })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new StackError(
      'STACK_DOCKER_FAILED',
      `docker compose could not start the containers: ${(cause as Error).message}\nSee \`docker compose -p ${projectName(dir)} logs\`.`,
      { cause },
    )
  } finally {
    for (const claim of claims) await claim.lock.release()
  }
  await createTopics(brokers, [`${topicPrefix}-signals`])
  await runStatements(
    mysqlUrl('root', secrets['mysql-root']!, { port: ports.mysql!, database }),
    userStatements({ debezium: secrets.debezium!, binlake: secrets.binlake! }),
  )
  const server = { host: 'mysql', port: 3306, user: 'debezium', password: secrets.debezium!, ssl: 'preferred' }
  await connectShop({
    ...options,
    mysqlUrl: url,
    connectUrl,
    places: { ...server, prefix: topicPrefix, database, brokers: 'kafka:19092', replication: 1 },
  })
  report({ step: 'stack', state: 'done', detail: `containers of project ${projectName(dir)}` })
  return stack
}

/** Removes the containers; their volumes too with `purge`. */
export async function downDocker(stack: Stack, options: { dir: string; purge: boolean; report: Report }): Promise<void> {
  const { dir, purge, report } = options
  await step(report, 'containers', async () => {
    await compose(['down', ...(purge ? ['--volumes'] : [])], composeOptions(dir, stack))
  })
}

/** Names of the services whose container runs and is not unhealthy. */
export async function dockerAlive(dir: string, stack: Stack): Promise<Set<string>> {
  const output = await compose(['ps', '--format', 'json'], { ...composeOptions(dir, stack), timeoutMs: 20_000 }).catch(() => '')
  return parseRunning(output)
}

/** One JSON object a line, or one array of them, depending on compose's version. */
export function parseRunning(output: string): Set<string> {
  const objects = output
    .split('\n')
    .filter(line => /^[[{]/.test(line))
    .flatMap(line => JSON.parse(line) as { Service: string; State: string; Health?: string }[])
  return new Set(
    objects.filter(({ State, Health }) => State === 'running' && Health !== 'unhealthy').map(({ Service }) => Service),
  )
}

export function projectName(dir: string): string {
  return `binlake-${createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 8)}`
}

function composeOptions(dir: string, { ports, secrets }: Stack) {
  const env = Object.fromEntries(Object.entries(portVariables).map(([name, [variable]]) => [variable, String(ports[name])]))
  return {
    project: projectName(dir),
    env: { ...env, MYSQL_ROOT_PASSWORD: secrets['mysql-root']!, AZURITE_KEY: secrets.azurite! },
  }
}

function service(name: string, port: number): Service {
  const url = { mysql: `mysql://127.0.0.1:${port}`, kafka: `127.0.0.1:${port}` }[name] ?? `http://127.0.0.1:${port}`
  return { name, port, url }
}

/** A port that .env or the environment names is taken as it is; others move when they are taken. */
async function choosePorts(stack: Stack, settings: Record<string, string | undefined>): Promise<PortClaim[]> {
  const claims: PortClaim[] = []
  for (const [name, [variable, usual]] of Object.entries(portVariables)) {
    if (settings[variable]) stack.ports[name] = Number(settings[variable])
    if (stack.ports[name] !== undefined) continue
    const claim = await claimPort([usual])
    stack.ports[name] = claim.port
    claims.push(claim)
  }
  return claims
}

function newSecrets(settings: Record<string, string | undefined>): Record<string, string> {
  const password = () => randomBytes(18).toString('base64url')
  return {
    'mysql-root': settings.MYSQL_ROOT_PASSWORD || password(),
    azurite: settings.AZURITE_KEY || randomBytes(64).toString('base64'),
    debezium: password(),
    binlake: password(),
  }
}

async function readDotEnv(): Promise<Record<string, string | undefined>> {
  return parseEnv(await readFile(join(composeFile, '..', '.env'), 'utf8').catch(() => ''))
}
