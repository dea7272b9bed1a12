// Scenario 49 of cdc-spec §8: killed at each step of the line, and of a mend; what is there afterwards is what would be there without.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRecords } from '../../../processors/quarantine/records.ts'
import { envelope, LakeOfEvents } from '../processors/lake-of-events.ts'

const folders: string[] = []
afterAll(() => Promise.all(folders.map(folder => rm(folder, { recursive: true, force: true }))))

async function newFolder(from?: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'binlake-crashes-'))
  folders.push(folder)
  if (from) await cp(from, folder, { recursive: true, preserveTimestamps: true })
  return folder
}

/** How the process ended: `SIGKILL`, or its exit code. */
async function worker(folder: string, work: 'line' | 'mend', point?: string): Promise<string | number | null> {
  const args = [join(import.meta.dirname, 'crash-worker.ts'), folder, work, ...(point ? [point] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TMPDIR: folder } })
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return signal ?? code
}

/** Six rows that come, change, go and come again, with one run of the connector sent twice. */
const log = [
  ...[1, 2, 3, 4].map((id, i) => ({ op: 'c', id, v: String(10 * id), pos: 10 + i })),
  { op: 'u', id: 1, v: '15', pos: 20 },
  { op: 'd', id: 2, v: null, pos: 21 },
  { op: 'u', id: 1, v: '15', pos: 20 },
  { op: 'd', id: 2, v: null, pos: 21 },
  { op: 'c', id: 5, v: '50', pos: 22 },
  { op: 'c', id: 2, v: '21', pos: 23 },
  { op: 'u', id: 5, v: '55', pos: 24 },
]
const rows = [
  ['1', '15'],
  ['2', '21'],
  ['3', '30'],
  ['4', '40'],
  ['5', '55'],
]

const record = (offset: number, key: unknown, value: string | null) => ({
  ...{ partition: 0, offset: String(offset), timestamp: 1_800_000_000_000 + offset, headers: null },
  ...{ key: JSON.stringify({ id: key }), value },
})

describe('scenario 49: the line killed at each step', { timeout: 120_000 }, () => {
  it.each([
    ...[
      'write:uploaded',
      'commit:before-put:2',
      'commit:after-put',
      'commit:after-put:2',
      'commit:after-put:5',
      'commit:after-put:10',
    ],
    ...['merge:history-committed', 'merge:markers-committed:2'],
  ])('%s', async point => {
    const folder = await newFolder()
    await writeFile(join(folder, 'topic.json'), JSON.stringify(log.map((event, i) => record(i, event.id, envelope(event)))))
    expect(await worker(folder, 'line', point)).toBe('SIGKILL')
    expect(await worker(folder, 'line')).toBe(0)
    const events = await LakeOfEvents.open(folder)
    try {
      expect(await events.rows('bronze/shop/t', '_partition', '_offset')).toEqual(
        log.map((_, offset) => ['0', String(offset)]).sort((a, b) => (a[1]! < b[1]! ? -1 : 1)),
      )
      expect(await events.rows('silver/shop/t', 'id', 'v')).toEqual(rows)
      expect(await events.rows('silver/shop/t_history', '_op')).toHaveLength(log.length - 2)
      const amount = rows.reduce((sum, [, v]) => sum + Number(v), 0)
      expect(await events.rows('gold/total', 'n', 'amount')).toEqual([[String(rows.length), String(amount)]])
      expect((await events.replay({ proveOnly: true }))?.verdict).toBe('identical')
    } finally {
      await events.duck.close()
    }
  })
})

describe('scenario 49: a mend killed at each step', { timeout: 120_000 }, () => {
  let template: string
  beforeAll(async () => {
    template = await newFolder()
    const update = { op: 'u', id: 1, v: 'b', pos: 20 }
    const values = [
      { op: 'c', id: 1, v: 'a', pos: 10 },
      'cut off',
      { ...update, v: 'c', pos: 30 },
      { op: 'c', id: 2, v: 'x', pos: 40 },
    ]
    const topic = values.map((value, i) => record(i, i === 3 ? 2 : 1, typeof value === 'string' ? value : envelope(value)))
    await writeFile(join(template, 'topic.json'), JSON.stringify(topic))
    await writeFile(join(template, 'value.json'), envelope(update))
    const events = await LakeOfEvents.open(template)
    await events.append(
      { topic: 'shop.shop.t', topicId: 'topic-1' },
      topic.map(one => ({ ...one, offset: BigInt(one.offset) })),
    )
    await events.refine()
    await events.duck.close()
  }, 60_000)

  it.each([
    ...['commit:before-put', 'quarantine:decided', 'commit:before-put:2', 'quarantine:in-bronze', 'commit:after-put:3'],
    ...['quarantine:settled', 'merge:history-committed', 'merge:markers-committed', 'commit:after-put:6'],
  ])('%s', async point => {
    const folder = await newFolder(template)
    expect(await worker(folder, 'mend', point)).toBe('SIGKILL')
    expect(await worker(folder, 'mend')).toBe(0)
    const events = await LakeOfEvents.open(folder)
    try {
      expect(await events.rows('bronze/shop/t', '_offset')).toEqual([['0'], ['1'], ['2'], ['3']])
      expect(await events.rows('silver/shop/t', 'id', 'v')).toEqual([
        ['1', 'c'],
        ['2', 'x'],
      ])
      expect(await events.rows('silver/shop/t_history', '_seq', 'v')).toEqual([
        ['0', 'a'],
        ['1', 'b'],
        ['2', 'c'],
        ['3', 'x'],
      ])
      expect(await openRecords(events, { database: 'shop', table: 't' })).toMatchObject({ records: 0 })
      expect((await events.replay({ proveOnly: true }))?.verdict).toBe('identical')
    } finally {
      await events.duck.close()
    }
  })
})
