// Row events may be in bronze before the schema change that they came after: another topic, another worker. Their table waits for it.
// Guarantee: rows are typed only once bronze holds all schema changes that were in Kafka when the rows were in bronze.
import type { EndOffsets } from '../../connectors/source.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { offsetAppId, schemaChanges } from '../bronze-names.ts'

export interface ArrivalsOptions {
  lake: Lakehouse
  /** Where each topic ends now. */
  ends: () => Promise<EndOffsets>
  /** Debezium's topic.prefix: the name of the schema-change topic. */
  topic: string
  /** Milliseconds after which a gap is taken for one of markers, which no batch carries to bronze. */
  patience?: number
  now?: () => number
}

/** Looks whether schema changes have arrived, for all tables of one process. */
export class Arrivals {
  readonly #options: ArrivalsOptions
  /** The end that was being waited for, and since when. */
  #waiting: { end: string; since: number } | undefined

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  /** False while bronze lacks schema changes that Kafka has. To be asked after the table's bronze version was read. */
  async complete(): Promise<boolean> {
    const { lake, ends, topic, patience = 60_000, now = Date.now } = this.#options
    const end = (await ends()).get(topic)
    if (!end) return true
    const bronze = await lake.current(tablePath('bronze', schemaChanges))
    const lacks = [...end.partitions].filter(
      ([partition, offset]) => (bronze?.txns.get(offsetAppId(topic, end.topicId, partition)) ?? 0n) < offset,
    )
    if (lacks.length === 0) {
      this.#waiting = undefined
      return true
    }
    const text = lacks.map(([partition, offset]) => `${partition}:${offset}`).join()
    if (this.#waiting?.end !== text) this.#waiting = { end: text, since: now() }
    return now() - this.#waiting.since >= patience
  }
}

/** Where each topic ends, the schema changes' own end read last: all that rows before the other ends were made under is before it. */
export async function endsWithSchemas(source: { ends(): Promise<EndOffsets> }, topic: string): Promise<EndOffsets> {
  const ends = await source.ends()
  const schemas = (await source.ends()).get(topic)
  if (schemas) ends.set(topic, schemas)
  return ends
}
