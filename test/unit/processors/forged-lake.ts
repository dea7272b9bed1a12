// A lake in a folder that follows a forged server through the real stage, bronze and silver.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { pino } from 'pino'
import { openStore } from '../../../connectors/open-store.ts'
import { Spool } from '../../../connectors/spool.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { compileMask } from '../../../privacy/mask.ts'
import { type Policy, parsePolicy } from '../../../privacy/policy.ts'
import { appendBronze } from '../../../processors/bronze.ts'
import { refine } from '../../../processors/refine.ts'
import { SourceSchemas } from '../../../processors/source-schemas.ts'
import type { ForgedServer } from './forged-server.ts'

export class ForgedLake {
  readonly folder: string
  readonly duck: Duck
  readonly lake: Lakehouse
  readonly log = pino({ level: 'silent' })
  readonly keys = new Map()
  readonly policy: Policy
  readonly #server: ForgedServer
  readonly #topics = new Map()
  readonly #offsets = new Map<string, bigint>()
  #taken = 0

  private constructor(folder: string, duck: Duck, lake: Lakehouse, server: ForgedServer) {
    this.folder = folder
    this.duck = duck
    this.lake = lake
    this.#server = server
    const rules = server.tables.map(
      table => `  ${table}:\n    id: {class: operational, strategy: keep}\n    v: {class: operational, strategy: keep}\n`,
    )
    this.policy = parsePolicy(`version: 1\ntables:\n${rules.join('')}`, 'policy.yaml')
  }

  static async open(server: ForgedServer): Promise<ForgedLake> {
    const folder = await mkdtemp(joinPath(tmpdir(), 'binlake-forged-'))
    const store = await openStore(`file://${folder}/lake`, { cacheDir: joinPath(folder, 'cache') })
    return new ForgedLake(folder, await Duck.open({ threads: 1 }), new Lakehouse(store), server)
  }

  /** Takes the next records into bronze, in one batch a topic; default: all there are. Leaves out topics of these tables. */
  async ingest({ records = Number.POSITIVE_INFINITY, without = [] as string[] } = {}): Promise<void> {
    const next = this.#server.records.slice(this.#taken, this.#taken + records)
    this.#taken += next.length
    const byTopic = Map.groupBy(next, ({ topic }) => topic)
    for (const [topic, some] of byTopic) {
      if (without.some(table => topic.endsWith(`.${table}`))) continue
      const spool = new Spool(joinPath(this.folder, `${randomUUID()}.spool`))
      const from = this.#offsets.get(topic) ?? 0n
      let offset = from
      for (const { key, value, time } of some) {
        spool.append(0, offset, time, null, key === null ? null : Buffer.from(key), Buffer.from(value))
        offset++
      }
      spool.covered(0, from, offset)
      this.#offsets.set(topic, offset)
      const ingest = { duck: this.duck, lake: this.lake, log: this.log, topicPrefix: 'shop', tables: this.#topics }
      await appendBronze(ingest, spool.finish(topic, 'topic-1'))
    }
  }

  /** Merges these tables; default: all. */
  async refine(tables: readonly string[] = this.#server.tables, maxRows = 1_000_000): Promise<void> {
    const schemas = new SourceSchemas(this.duck, this.lake)
    for (const table of tables) {
      const schema = await schemas.get({ database: 'shop', table })
      if (!schema) continue
      const mask = compileMask(this.policy, schema, this.keys)
      while (await refine(this.duck, { lake: this.lake, log: this.log, schema, mask, maxRows }));
    }
  }

  async close(): Promise<void> {
    await this.duck.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}
