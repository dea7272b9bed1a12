// A damaged data file of silver is named as such where gold reads it, with the command that mends it.
import { readFile, writeFile } from 'node:fs/promises'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { dataPath } from '../../../lake/path.ts'
import { damagedFile } from '../../../processors/damaged-file.ts'
import { refreshGold } from '../../../processors/gold.ts'
import { LakeOfEvents } from './lake-of-events.ts'

const model = {
  name: 'amounts',
  description: '',
  text: 'SELECT v, count(*) AS n FROM silver.t GROUP BY v',
  inputs: [{ schema: 'silver', table: 't' }],
  hash: 'amounts',
}

it('names the file and the command, and a replay mends it', async () => {
  const events = await LakeOfEvents.open()
  try {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'c', id: 2, v: 'b', pos: 20 })
    await events.refine()
    const { duck, lake } = events
    const [add] = (await lake.current('silver/shop/t'))!.files.values()
    const file = await lake.store.fetch(dataPath(lake.table('silver/shop/t'), add!.path))
    const whole = await readFile(file)
    await writeFile(file, whole.subarray(0, whole.length - 40))
    const gold = () => refreshGold({ duck, lake, models: [model], log: pino({ level: 'silent' }) })
    const { failed } = await gold()
    expect(failed).toMatchObject([{ model: 'amounts', code: 'GOLD_FILE_DAMAGED' }])
    expect(failed[0]!.reason).toContain(`data file ${add!.path} of silver/shop/t is damaged`)
    expect(failed[0]!.reason).toContain('binlake replay shop.t')
    await events.replay()
    expect((await gold()).committed).toEqual(['amounts'])
  } finally {
    await events.close()
  }
})

it('takes no error about a value for one', () => {
  expect(damagedFile('Conversion Error: Could not convert string to INT32')).toBeUndefined()
  expect(damagedFile('Invalid Input Error: Malformed JSON')).toBeUndefined()
  expect(damagedFile('Invalid Error: Out of buffer')).toContain('--prove')
})
