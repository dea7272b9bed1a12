// The decisions about a table that have to do with one of its keys: those about its events' places, and those about all rows.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { Decisions } from '../decisions.ts'
import type { EpochDecision } from '../order/epochs.ts'
import type { Mend } from '../quarantine/mends.ts'
import type { SourceTable } from '../source-schema.ts'
import type { ExplainedEvent } from './events-of-key.ts'

export interface DecisionAbout {
  at: Date
  kind: string
  /** What it says, without any value. */
  words: string
}

/** Oldest first. */
export async function decisionsAbout(
  duck: Duck,
  lake: Lakehouse,
  { schema, events }: { schema: SourceTable; events: readonly ExplainedEvent[] },
): Promise<DecisionAbout[]> {
  const decisions = new Decisions(duck, lake)
  const epochs = await decisions.of<EpochDecision>(schema, 'epoch')
  const sweeps = await decisions.of<{ generation: string }>(schema, 'sweep')
  const schemas = await decisions.of<Record<string, unknown>>(schema, 'schema')
  const mends = await decisions.of<Mend>(schema, 'mend')
  const found = [
    ...epochs.map(({ at, content }) => ({
      at,
      kind: 'epoch',
      words: `a new epoch begins with ${content.places.map(({ partition, offset }) => `${partition}:${offset}`).join(', ')}`,
    })),
    ...sweeps.map(({ at, content }) => ({
      at,
      kind: 'sweep',
      words: `rows that full snapshot ${content.generation} did not meet are deleted`,
    })),
    ...schemas.map(({ at, content }) => ({ at, kind: 'schema', words: `about a change of its schema: ${said(content)}` })),
    ...mends.flatMap(({ at, content }) => {
      const about = events.filter(event => isAmong(content, event))
      if (about.length === 0) return []
      const places = [...new Set(about.map(({ partition, offset }) => `${partition}:${offset}`))].join(', ')
      return [{ at, kind: 'mend', words: `${content.how}: ${places}${content.because ? ` (${content.because})` : ''}` }]
    }),
  ]
  return found.sort((a, b) => a.at.getTime() - b.at.getTime())
}

function isAmong({ places }: Mend, { topic, partition, offset }: ExplainedEvent): boolean {
  return places.some(
    place =>
      place.topic === topic &&
      place.partition === partition &&
      place.offsets.some(([from, to]) => BigInt(from) <= offset && offset <= BigInt(to)),
  )
}

/** Names and kinds only: a schema decision holds nothing else, but what it holds is its owner's. */
function said(content: Record<string, unknown>): string {
  const parts = ['verdict', 'decision', 'kind', 'change', 'mode'].flatMap(name =>
    typeof content[name] === 'string' ? [content[name] as string] : [],
  )
  return parts.length > 0 ? parts.join(', ') : 'see `binlake schema show`'
}
