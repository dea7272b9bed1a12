// Replays a LakeOfEvents that another process made, and is killed at a fail point: `replay-worker.ts <folder> <fail point>`.
import { armFailPoint } from '../../../../lake/fail-point.ts'
import { LakeOfEvents } from '../lake-of-events.ts'

const [folder, point] = process.argv.slice(2) as [string, string]
const events = await LakeOfEvents.open(folder)
armFailPoint(point)
await events.replay()
await events.duck.close()
