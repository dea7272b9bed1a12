// Finds full snapshots whose tables are to be swept, and puts the sweep into bronze once all that the snapshot sent is there.
// Guarantee: never after an incremental, conditional, aborted or failed scan; a worker that repeats this after a crash sweeps once.
import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { EndOffsets } from '../../connectors/source.ts'
import { commit } from '../../lake/commit.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { prune } from '../../lake/prune.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { isDebeziums, livesBefore, offsetAppId, topicsOf } from '../bronze-names.ts'
import { Decisions, decideFor } from '../decisions.ts'
import type { TableName } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'
import { isConditional, isSignalTopic } from './conditional.ts'
import { type Generation, generationsOf, lastFullScan } from './generations.ts'
import { readNotifications } from './notifications.ts'
import { type Sweep, type SweepPlace, sweepAppId, sweepsIn } from './sweep-decision.ts'
import { unreadRows } from './unread-rows.ts'

export interface SweepsOptions {
  duck: Duck
  lake: Lakehouse
  log: Logger
  /** Where each topic ends now. */
  ends: () => Promise<EndOffsets>
}

/** Content of a decision of kind `scan`: how far a table's topic must be read before the snapshot's sweep. */
interface Scan {
  generation: string
  ends: { topic: string; topicId: string; partition: number; offset: string }[]
}

const tries = 5

/** Looks after the sweeps of one process's tables. */
export class Sweeps {
  readonly #options: SweepsOptions
  readonly #decisions: Decisions
  /** By table, the generation that needs no more looking. */
  readonly #settled = new Map<string, string>()

  /** By table, the generation whose unread records were told of. */
  readonly #told = new Map<string, string>()

  constructor(options: SweepsOptions) {
    this.#options = options
    this.#decisions = new Decisions(options.duck, options.lake)
  }

  /** Puts the sweep of a table's newest full snapshot into bronze if it is due. True if it did: silver has a step to take. */
  async look(name: TableName): Promise<boolean> {
    const { duck, lake, log } = this.#options
    if (isDebeziums(name)) return false
    const table = `${name.database}.${name.table}`
    const generation = lastFullScan(generationsOf(await readNotifications(duck, lake)), table)
    if (!generation || this.#settled.get(table) === generation.id) return false
    const bronze = await lake.current(tablePath('bronze', name))
    if (!bronze) return false
    if (!(await this.#isDue(bronze, generation))) {
      this.#settled.set(table, generation.id)
      return false
    }
    const ends = await this.#ends(name, bronze, generation)
    if (!(await this.#reached(ends)) || (await this.#unread(name, generation, ends))) return false
    const conditional = await isConditional(duck, lake, { name, generation })
    if (conditional) log.info({ table }, 'the snapshot read only a part of the table: rows that it did not meet stay')
    const done = conditional || (await this.#sweep(name, generation))
    if (done) this.#settled.set(table, generation.id)
    return done && !conditional
  }

  /** Whether rows that the snapshot met wait in quarantine: they are there, and nobody can say which they are. */
  async #unread(name: TableName, { id, started }: Generation, ends: Scan['ends']): Promise<boolean> {
    const { duck, lake, log } = this.#options
    const records = await unreadRows(duck, lake, { name, started, ends })
    if (records === 0) return false
    const table = nameOf(name)
    if (this.#told.get(table) !== id)
      log.warn(
        { table, generation: id, records },
        `records of a full snapshot are in quarantine: rows that it did not meet stay until they are settled, by \`binlake quarantine replay ${table}\` or \`drop\``,
      )
    this.#told.set(table, id)
    return true
  }

  /** Not if it was swept already, nor at the table's first snapshot: there is nothing that it could have missed. */
  async #isDue(bronze: Snapshot, generation: Generation): Promise<boolean> {
    if (sweepsIn(bronze).some(swept => swept.generation === generation.id)) return false
    const started = sql`make_timestamptz(${BigInt(generation.started) * 1_000n})`
    const predicate = { column: '_kafka_ts', operator: '<', values: [started], plain: false } as const
    return (await prune(this.#options.duck, bronze, [[predicate]])).length > 0
  }

  /** Whether bronze holds all that the topics held then. */
  async #reached(ends: Scan['ends']): Promise<boolean> {
    const tables = await this.#options.lake.bronzeTables()
    return ends.every(({ topic, topicId, partition, offset }) => {
      const held = tables.map(({ snapshot }) => snapshot.txns.get(offsetAppId(topic, topicId, partition)))
      return BigInt(offset) <= (held.find(next => next !== undefined) ?? 0n)
    })
  }

  /** The ends of the table's topics, read after the snapshot's end was known, and kept: under constant writing they are reached all the same. */
  async #ends(name: TableName, bronze: Snapshot, { id }: Generation): Promise<Scan['ends']> {
    const known = (await this.#decisions.of<Scan>(name, 'scan')).find(({ content }) => content.generation === id)
    if (known) return known.content.ends
    const now = await this.#options.ends()
    // Signals too: they say whether the snapshot was one of the whole table.
    const topics = new Set([...topicsOf(bronze).map(({ topic }) => topic), ...[...now.keys()].filter(isSignalTopic)])
    const ends = [...topics].flatMap(topic => {
      const end = now.get(topic)
      return [...(end?.partitions ?? [])].map(([partition, offset]) => ({
        topic,
        topicId: end!.topicId,
        partition,
        offset: String(offset),
      }))
    })
    await decideFor(this.#options, [{ table: name, kind: 'scan', content: { generation: id, ends } satisfies Scan }])
    return ends
  }

  async #sweep(name: TableName, generation: Generation): Promise<boolean> {
    const { lake, log } = this.#options
    const path = tablePath('bronze', name)
    for (let tried = 0; tried < tries; tried++) {
      const bronze = (await lake.current(path))!
      const before = sweepsIn(bronze)
      if (before.some(swept => swept.generation === generation.id)) return true
      const sweep: Sweep = {
        id: randomUUID(),
        generation: generation.id,
        started: generation.started,
        completed: generation.ended!,
        places: placesOf(bronze),
      }
      await decideFor(this.#options, [{ table: name, kind: 'sweep', content: sweep }])
      try {
        // An overwrite that replaces nothing: it lands right behind the version that the places were read from, or not at all.
        const committed = await commit(lake.table(path), {
          base: bronze,
          mode: 'overwrite',
          operation: 'STREAMING UPDATE',
          txns: [{ appId: sweepAppId(sweep), version: BigInt(before.length + 1) }],
          removes: [],
          userMetadata: JSON.stringify({ sweep: sweep.id }),
        })
        lake.committed(path, committed)
        log.info(
          { table: `${name.database}.${name.table}`, generation: generation.id },
          'a full snapshot was taken: rows that it did not meet go',
        )
        return true
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error
      }
    }
    return false
  }
}

function placesOf(bronze: Snapshot): SweepPlace[] {
  return topicsOf(bronze).map(({ topic, topicId, partition }) => ({
    topic,
    topicId,
    life: livesBefore(bronze, topic, topicId),
    partition,
    offset: String(bronze.txns.get(offsetAppId(topic, topicId, partition))!),
  }))
}
