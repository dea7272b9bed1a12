// Maintains a LakeOfEvents that another process made, as if it were some days later: `maintain-worker.ts <folder> <days> [fail point]`.
import { pino } from 'pino'
import { armFailPoint } from '../../../../lake/fail-point.ts'
import { Checkpoints } from '../../../../processors/maintenance/checkpoints.ts'
import { applyRetention, cleanTable, compactTable, places, vacuumTable } from '../../../../processors/maintenance/maintain.ts'
import { defaultRetentions } from '../../../../processors/maintenance/retention.ts'
import { UntakenFiles } from '../../../../processors/maintenance/untaken.ts'
import { LakeOfEvents } from '../lake-of-events.ts'

const day = 86_400_000
const [folder, days, point] = process.argv.slice(2) as [string, string, string | undefined]
const events = await LakeOfEvents.open(folder)
const { lake, duck } = events
const maintained = {
  lake,
  untaken: new UntakenFiles(lake),
  retentions: defaultRetentions,
  patience: 7 * day,
  longestWrite: day / 4,
  memory: 300e6,
  now: () => Date.now() + Number(days) * day,
}
if (point) armFailPoint(point)
for (const place of await places(lake)) {
  const checkpoints = new Checkpoints(duck, pino({ level: 'silent' }))
  const snapshot = (await lake.current(place.path))!
  await applyRetention(maintained, place, snapshot)
  await cleanTable(duck, maintained, place)
  await compactTable(duck, maintained, place, { minFiles: 2 })
  for (let version = 0; version < 12; version++) checkpoints.consider(lake.table(place.path), (await lake.current(place.path))!)
  await checkpoints.finish()
  await vacuumTable(maintained, place)
}
await duck.close()
