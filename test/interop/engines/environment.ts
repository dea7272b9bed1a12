// What the other engines need: a Python environment with delta-rs, DuckDB's delta extension, polars and Spark, and Delta's jars.
// Made once in the cache folder that all checkouts share; two test runs at once make it once.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../../../infra/command.ts'
import { cached } from '../../../infra/local/download.ts'
import { ensureJava, ensureMaven } from '../../../infra/local/java.ts'
import type { StackEvent } from '../../../infra/report.ts'

/** DuckDB's extension and DuckDB itself must be of one version. */
const packages = [
  'deltalake==1.6.6',
  'duckdb==1.5.5',
  'duckdb-extension-delta==1.5.5',
  'polars==2.1.0',
  'pyarrow==26.0.1',
  'pyspark==4.0.1',
  'tzdata==2026.6',
]

/** Made for Spark 4.0; Spark brings the rest along. Their pom's other dependencies are not fetched. */
const jars = ['io.delta:delta-spark_2.13:4.0.0', 'io.delta:delta-storage:4.0.0']

const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy'

/** The Python of the environment. Fails with what to install if this machine cannot make one. */
export async function enginesPython(): Promise<string> {
  const version = await run('python3', ['-c', 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])']).catch(
    cause => {
      throw new Error('reading tables with other engines needs python3 with venv (Debian: apt-get install python3-venv)', {
        cause,
      })
    },
  )
  const digest = createHash('sha256').update(packages.join()).digest('hex').slice(0, 12)
  const folder = await cached(`engines-python${version.trim()}-${digest}`, install, { report })
  return join(folder, 'venv/bin/python')
}

async function install(folder: string): Promise<void> {
  const venv = join(folder, 'venv')
  await run('python3', ['-m', 'venv', venv])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  await run(join(venv, 'bin/python'), [...pip, ...packages])
  await writeFile(join(folder, 'packages.txt'), packages.join('\n'))
}

/** The folder of Delta's jars for Spark; makes sure of Java, too. */
export async function deltaJars(): Promise<string> {
  await ensureJava({ report })
  return cached(
    `delta-${jars[0]!.split(':')[2]}`,
    async folder => {
      const mvn = await ensureMaven({ report })
      for (const jar of jars) await run(mvn, ['-B', copy, `-Dartifact=${jar}`, `-DoutputDirectory=${folder}`], { cwd: folder })
    },
    { report },
  )
}

/** Downloads take minutes on a new machine: say so. */
function report({ step, state, detail }: StackEvent): void {
  if (state !== 'progress') process.stderr.write(`${step}: ${state}${detail ? ` (${detail})` : ''}\n`)
}
