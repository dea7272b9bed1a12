// Which stack suits this machine when nobody says: Docker, else processes, else none at all.
// Guarantee: the answer says why, also why the better kinds were not taken.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { works } from './command.ts'
import { dockerObstacle, pullMissing } from './compose.ts'
import { hasApt } from './local/apt.ts'
import { cacheRoot } from './local/download.ts'
import { findJava } from './local/java.ts'
import { debeziumVersion, kafkaVersion } from './local/maven.ts'
import { machineMysqld } from './local/mysqld.ts'
import type { Report } from './report.ts'
import type { StackKind } from './state.ts'

interface Options {
  report: Report
  signal?: AbortSignal
}

export async function chooseKind(options: Options): Promise<{ kind: StackKind; why: string }> {
  const noDocker = await whyNotDocker(options)
  if (!noDocker) return { kind: 'docker', why: 'a Docker engine answers and has the images' }
  const noLocal = await localObstacle()
  if (!noLocal) return { kind: 'local', why: `${noDocker}; processes need no Docker` }
  return { kind: 'embedded', why: `${noDocker}; ${noLocal}` }
}

/** Why Docker is not taken, or undefined. Images that are missing are pulled, for five minutes at most. */
async function whyNotDocker(options: Options): Promise<string | undefined> {
  const obstacle = await dockerObstacle()
  if (obstacle) return obstacle
  return pullMissing({ ...options, timeoutMs: 300_000 }).then(
    () => undefined,
    () => {
      options.signal?.throwIfAborted()
      return 'the Docker images cannot be pulled'
    },
  )
}

/** Why processes cannot be used, or undefined. */
async function localObstacle(): Promise<string | undefined> {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return 'processes are for Linux on x64 or arm64'
  const installs = process.getuid?.() === 0 && hasApt()
  if (!installs && !(await findJava())) return 'there is no Java 17'
  const warm = [`kafka-${kafkaVersion}`, `debezium-mysql-${debeziumVersion}`].every(name => existsSync(join(cacheRoot(), name)))
  if (!installs && !warm && !(await works('mvn', ['-v']))) return 'there is no Maven to fetch Kafka with'
  const mysql = hasApt() || existsSync(join(cacheRoot(), `mysql-${process.arch}`)) || (await machineMysqld())
  return mysql ? undefined : 'there is no MySQL'
}
