// Takes a forged topic into a LakeOfEvents, silver and gold, or mends its quarantine, and may be killed on the way:
// `crash-worker.ts <folder> line|mend [fail point]`. The topic is in `<folder>/topic.json`; where to go on, the lake says.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { armFailPoint } from '../../../lake/fail-point.ts'
import { heldOffsets } from '../../../processors/bronze.ts'
import { refreshGold } from '../../../processors/gold.ts'
import { mend } from '../../../processors/quarantine/mend.ts'
import { type KafkaRecord, LakeOfEvents } from '../processors/lake-of-events.ts'

/** What gold sums up: rows and the sum of their amounts. */
export const total = {
  name: 'total',
  description: '',
  text: 'SELECT count(*) AS n, sum(v::INTEGER)::BIGINT AS amount FROM silver.t',
  inputs: [{ schema: 'silver', table: 't' }],
  hash: 'total',
} as const

/** Records that one batch takes. */
const batch = 4

if (import.meta.main) {
  const [folder, work, point] = process.argv.slice(2) as [string, 'line' | 'mend', string | undefined]
  const events = await LakeOfEvents.open(folder)
  if (point) armFailPoint(point)
  await (work === 'line' ? takeAll(events, folder) : mendAll(events))
  await events.duck.close()
}

async function takeAll(events: LakeOfEvents, folder: string): Promise<void> {
  const topic = (JSON.parse(await readFile(join(folder, 'topic.json'), 'utf8')) as (KafkaRecord & { offset: string })[]).map(
    record => ({ ...record, offset: BigInt(record.offset) }),
  )
  const log = pino({ level: 'silent' })
  for (;;) {
    const bronze = await events.lake.current('bronze/shop/t')
    const next = (bronze && heldOffsets(bronze, 'shop.shop.t', 'topic-1').get(0)) ?? 0n
    const records = topic.filter(({ offset }) => offset >= next).slice(0, batch)
    if (records.length === 0) break
    await events.append({ topic: 'shop.shop.t', topicId: 'topic-1' }, records)
    while ((await events.refine())?.more);
    await refreshGold({ duck: events.duck, lake: events.lake, models: [total], log })
  }
  while (await events.refine());
  await refreshGold({ duck: events.duck, lake: events.lake, models: [total], log })
}

async function mendAll(events: LakeOfEvents): Promise<void> {
  const { duck } = events
  const way = events.way()
  const correction = await readFile(join(events.folder, 'value.json')).catch(() => undefined)
  await mend(duck, way, correction ? { at: { partition: 0, offset: 1n }, value: correction } : {}).catch(
    (error: Error & { code?: string }) => {
      // An earlier try has settled it.
      if (error.code !== 'QUARANTINE_UNKNOWN') throw error
    },
  )
  while (await events.refine());
}
