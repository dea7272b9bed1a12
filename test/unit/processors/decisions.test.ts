import { afterEach, expect, test, vi } from 'vitest'
import { Decisions, decideFor } from '../../../processors/decisions.ts'
import { LakeOfEvents } from './lake-of-events.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('gives back what was decided for a table, kind by kind, oldest first, also what came after the first look', async () => {
  const events = await LakeOfEvents.open()
  try {
    const decisions = new Decisions(events.duck, events.lake)
    const table = { database: 'shop', table: 'it\'s "t"' }
    expect(await decisions.of(table, 'epoch')).toEqual([])
    await decideFor(events, [
      { table, kind: 'epoch', content: { offset: '9007199254740993', note: 'a "b" \\ ü' } },
      { table: { database: 'shop', table: 'u' }, kind: 'epoch', content: {} },
      { table, kind: 'schema', content: [1] },
    ])
    expect((await decisions.of(table, 'epoch')).map(({ content }) => content)).toEqual([
      { offset: '9007199254740993', note: 'a "b" \\ ü' },
    ])
    await decideFor(events, [{ table, kind: 'epoch', content: { offset: '7' } }])
    expect((await decisions.of<{ offset: string }>(table, 'epoch')).map(({ content }) => content.offset)).toEqual([
      '9007199254740993',
      '7',
    ])
    expect((await decisions.of(table, 'schema')).map(({ content }) => content)).toEqual([[1]])
  } finally {
    await events.close()
  }
})

test('the later decision is the later one, even if the earlier was made on a machine whose clock is ahead', async () => {
  const events = await LakeOfEvents.open()
  try {
    const table = { database: 'shop', table: 't' }
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
    await decideFor(events, [{ table, kind: 'mend', content: 'first' }])
    vi.useRealTimers()
    await decideFor(events, [
      { table, kind: 'mend', content: 'second' },
      { table, kind: 'mend', content: 'third' },
    ])
    const found = await new Decisions(events.duck, events.lake).of(table, 'mend')
    expect(found.map(({ content }) => content)).toEqual(['first', 'second', 'third'])
  } finally {
    await events.close()
  }
})
