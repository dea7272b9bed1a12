// Whether all that MySQL had committed up to a point is in silver, though the lake has not heard of the point itself: not every transaction
// reaches it (grants, other databases). Connect knows how far the connector has read, Kafka what it has sent, the lake what it has taken.
// Guarantee: true only if nothing of the point's past can be on its way any more.
import type { SourcePoint } from '../connectors/source-rows.ts'
import { connectorOf } from '../infra/debezium/captures.ts'
import { connectRequest } from '../infra/debezium/connect-api.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { offsetAppId } from '../processors/bronze-names.ts'
import { allTaken } from '../processors/verify/all-taken.ts'
import { includes } from '../processors/verify/includes.ts'
import { openSource } from './open-source.ts'
import type { Session } from './session.ts'

type Offsets = { offsets?: { offset?: { file?: string; pos?: number | string; gtids?: string } }[] }

/** What it returns gives false where Connect or Kafka cannot be asked. */
export function sourcePassed({ config, log, signal }: Session, lake: Lakehouse) {
  return async (point: SourcePoint): Promise<boolean> => {
    const { url } = config.connect
    const { prefix } = config.kafka
    if (!url || !prefix) return false
    try {
      const { name } = await connectorOf(url, prefix, { signal })
      const answer = await connectRequest<Offsets>(url, `/connectors/${encodeURIComponent(name)}/offsets`, { signal })
      const [read] = (answer?.offsets ?? []).flatMap(({ offset }) => offset ?? [])
      if (!read || !includes(read, point)) return false
      await using open = await openSource(config, log)
      const ends = await open.source.ends()
      const tables = await lake.bronzeTables()
      for (const [topic, { topicId, partitions }] of ends) {
        for (const [partition, end] of partitions) {
          const held = tables.map(({ snapshot }) => snapshot.txns.get(offsetAppId(topic, topicId, partition)))
          if (end > (held.find(next => next !== undefined) ?? 0n)) return false
        }
      }
      return await allTaken(lake)
    } catch (error) {
      signal.throwIfAborted()
      log.debug({ err: error }, 'Connect or Kafka could not be asked how far the connector has read')
      return false
    }
  }
}
