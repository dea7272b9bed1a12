// The topics of an embedded log: a folder each, with its id and its partition files.
// Guarantee: a topic is there with its id and all its partitions, or not at all; created again, it has another id.
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedLogError } from './embedded-error.ts'

export interface Topic {
  name: string
  topicId: string
  partitions: number
}

/** In name order; empty when there is no log yet. */
export function readTopics(dir: string): Topic[] {
  let names: string[]
  try {
    names = readdirSync(join(dir, 'log')).filter(validName).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return names.map(name => readTopic(dir, name)).filter(topic => topic !== undefined)
}

export function readTopic(dir: string, name: string): Topic | undefined {
  try {
    const { topicId, partitions } = JSON.parse(readFileSync(join(topicDir(dir, name), 'topic.json'), 'utf8'))
    return { name, topicId, partitions }
  } catch (error) {
    // Deleted between the listing and the look.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export function partitionFile(dir: string, topic: string, partition: number): string {
  return join(topicDir(dir, topic), `${partition}.log`)
}

/** Throws RangeError on a name Kafka would refuse, or when the topic exists. */
export function makeTopic(dir: string, name: string, partitions: number): Topic {
  if (!validName(name)) throw new RangeError(`topic ${JSON.stringify(name)}: only letters, digits, '.', '_' and '-' are allowed`)
  if (!Number.isSafeInteger(partitions) || partitions < 1) throw new RangeError(`topic ${name}: needs at least one partition`)
  if (readTopic(dir, name)) throw new RangeError(`topic ${name} exists`)
  const topicId = randomUUID()
  const made = join(dir, 'log', `~${topicId}`)
  mkdirSync(made, { recursive: true })
  for (let partition = 0; partition < partitions; partition++) writeFileSync(join(made, `${partition}.log`), '')
  writeFileSync(join(made, 'topic.json'), JSON.stringify({ topicId, partitions }))
  renameSync(made, topicDir(dir, name))
  return { name, topicId, partitions }
}

/** No error when there is none. */
export function removeTopic(dir: string, name: string): void {
  const gone = join(dir, 'log', `~${randomUUID()}`)
  try {
    renameSync(topicDir(dir, name), gone)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  rmSync(gone, { recursive: true })
}

/** Removes what an interrupted making or removing left. Only the writer may. */
export function sweepTopics(dir: string): void {
  for (const name of readdirSync(join(dir, 'log'))) if (name.startsWith('~')) rmSync(join(dir, 'log', name), { recursive: true })
}

export function noTopic(dir: string, name: string): EmbeddedLogError {
  return new EmbeddedLogError('EMBEDDED_LOG_NO_TOPIC', `the embedded log in ${dir} has no topic ${name}; create it first`)
}

function topicDir(dir: string, name: string): string {
  return join(dir, 'log', name)
}

function validName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}
