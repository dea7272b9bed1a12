// Kafka's and Debezium's programs, from Maven's central repository (or the mirror that Maven is set up with).
// Guarantee: fixed versions, and Java or Maven is asked for only when the cache does not hold them yet.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../command.ts'
import type { Report } from '../report.ts'
import { cached } from './download.ts'
import { ensureMaven } from './java.ts'

export const kafkaVersion = '4.3.0'
export const debeziumVersion = '3.6.1.Final'
/** The newest release of Debezium's MariaDB connector that Maven's central repository has. */
export const debeziumMariadbVersion = '3.5.0.Final'

const copier = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1'

const kafkaArtifacts = [
  ...['kafka_2.13', 'kafka-tools', 'connect-runtime', 'connect-json'].map(name => ['org.apache.kafka', name, kafkaVersion]),
  ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.4'],
]

interface Options {
  report: Report
  signal?: AbortSignal
}

/** The folder of jars of the broker and of Connect (about 55 MB). */
export async function kafkaJars(options: Options): Promise<string> {
  const name = `kafka-${kafkaVersion}`
  const folder = await cached(
    name,
    async folder => {
      const mvn = await ensureMaven(options)
      await writeFile(join(folder, 'pom.xml'), pom(kafkaArtifacts))
      await run(mvn, ['-B', `${copier}:copy-dependencies`, `-DoutputDirectory=${join(folder, 'libs')}`], {
        cwd: folder,
        ...watch(`download ${name}`, options),
      })
    },
    options,
  )
  return join(folder, 'libs')
}

/** Connect's plugin.path with Debezium's MySQL connector in it (31 MB packed). */
export async function debeziumPlugin(options: Options): Promise<string> {
  const name = `debezium-mysql-${debeziumVersion}`
  return cached(
    name,
    async folder => {
      const mvn = await ensureMaven(options)
      const artifact = `io.debezium:debezium-connector-mysql:${debeziumVersion}:tar.gz:plugin`
      const archive = join(folder, `debezium-connector-mysql-${debeziumVersion}-plugin.tar.gz`)
      const rest = watch(`download ${name}`, options)
      await run(mvn, ['-B', `${copier}:copy`, `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], { cwd: folder, ...rest })
      await run('tar', ['-xzf', archive, '-C', folder], rest)
      await run('rm', [archive])
    },
    options,
  )
}

/** Connect's plugin.path with Debezium's MariaDB connector in it, which comes as single jars (16 MB). */
export async function debeziumMariadbPlugin(options: Options): Promise<string> {
  const name = `debezium-mariadb-${debeziumMariadbVersion}`
  return cached(
    name,
    async folder => {
      const mvn = await ensureMaven(options)
      const project = join(folder, 'debezium-connector-mariadb')
      await mkdir(project)
      await writeFile(join(project, 'pom.xml'), pom([['io.debezium', 'debezium-connector-mariadb', debeziumMariadbVersion]]))
      // Connect brings its own API and clients.
      const jars = [`-DoutputDirectory=${project}`, '-DincludeScope=runtime', '-DexcludeGroupIds=org.apache.kafka']
      await run(mvn, ['-B', `${copier}:copy-dependencies`, ...jars], { cwd: project, ...watch(`download ${name}`, options) })
    },
    options,
  )
}

/** A project with nothing but dependencies. */
export function pom(artifacts: readonly (readonly string[])[]): string {
  const dependencies = artifacts.map(
    ([group, artifact, version]) =>
      `    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  )
  return `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>binlake</groupId>
  <artifactId>servers</artifactId>
  <version>1</version>
  <dependencies>
${dependencies.join('\n')}
  </dependencies>
</project>
`
}

/** Counts the files that Maven says it has fetched; how many there will be it does not say. */
function watch(step: string, { report, signal }: Options) {
  let done = 0
  const onLine = (line: string) => {
    const file = /Downloaded from .*\/([^/ ]+\.(?:jar|gz)) /.exec(line)?.[1]
    if (file) report({ step, state: 'progress', detail: file, done: ++done })
  }
  return { onLine, ...(signal ? { signal } : {}) }
}
