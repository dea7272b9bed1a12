// The type self-test's outcome as a table for people.
import type { TypesOutcome } from './verify-types.ts'

/** A line a value, then what was lost and why, then the verdict. */
export async function drawnTypes({ equal, server, types, notes }: TypesOutcome): Promise<string> {
  const { box } = await import('../sql/format.ts')
  const columns = ['type', 'limit', 'snapshot', 'stream'].map(name => ({ name, type: 'VARCHAR' }))
  const table = box(
    columns,
    types.map(({ type, limit, snapshot, stream }) => [type, limit, shown(snapshot), shown(stream)]),
  )
  const lost = [
    ...Map.groupBy(
      types.filter(({ why }) => why),
      ({ why }) => why,
    ),
  ].map(([why, of]) => `lost by Debezium, ${of.map(({ type, limit }) => `${type} ${limit}`).join(', ')}: ${why}`)
  const bad = types.filter(({ snapshot, stream }) => [snapshot, stream].some(way => way === 'different' || way === 'missing'))
  const verdict = equal
    ? `equal: ${types.length.toLocaleString('en')} values of ${new Set(types.map(({ type }) => type)).size} types on ${server}`
    : `NOT equal: ${bad.length} of ${types.length.toLocaleString('en')} values on ${server}`
  return `${[table, ...lost, ...notes, verdict].join('\n')}\n`
}

function shown(verdict: string): string {
  return verdict === 'different' || verdict === 'missing' ? verdict.toUpperCase() : verdict
}
