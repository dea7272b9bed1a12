// A table with changes that no binlog tells of: after a full snapshot and its sweep silver is what the source is, and a rebuild comes to the same.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { generationsOf, lastFullScan } from '../../../../processors/snapshots/generations.ts'
import type { Notification } from '../../../../processors/snapshots/notifications.ts'
import { multiplied } from '../../multiplied.ts'
import { c, d, Forge, r, u } from '../../scenarios/forge.ts'
import type { Forged } from '../../scenarios/forged-event.ts'
import { look, snapshotOf } from '../../scenarios/forged-snapshot.ts'

const deed = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constantFrom('write', 'delete', 'lose'), id: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('merge', 'again', 'snapshot', 'late sweep'), id: fc.constant(0) }) },
)

it('silver is the source after every sweep, and a rebuild is the same', { timeout: multiplied(240_000) }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 4, maxLength: 14 }), async deeds => {
      await using s = await Forge.open()
      const source = new Map<number, string>()
      let sent: Forged[] = []
      for (const [n, { what, id }] of [...deeds, { what: 'snapshot', id: 0 }].entries()) {
        const pos = 1_000 + 10 * n
        const live = source.has(id)
        if (what === 'write') {
          source.set(id, `v${n}`)
          sent = [live ? u(id, `v${n}`, { pos }) : c(id, `v${n}`, { pos })]
          await s.ingest(...sent)
        } else if (what === 'delete' && live) {
          source.delete(id)
          sent = [d(id, { pos })]
          await s.ingest(...sent)
        } else if (what === 'lose') source.delete(id)
        else if (what === 'again' && sent.length > 0) await s.ingest(...sent)
        else if (what === 'merge') await s.refine()
        else if (what === 'snapshot' || what === 'late sweep') {
          if (n === 0) continue
          await snapshotOf(
            s,
            [...source].map(([key, v]) => r(key, v, { pos })),
          )
          if (what === 'snapshot') await look(s)
        }
      }
      await look(s)
      await s.refine()
      expect(await s.silver()).toEqual([...source].map(([id, v]) => [String(id), v]).sort())
      if ((await s.history()).length > 0) expect(await s.identical()).toBe('identical')
    }),
    { numRuns: multiplied(6), endOnFailure: true },
  )
})

const note = (type: string, more: Partial<Notification> = {}): Notification => ({
  id: `${type}-${Math.random()}`,
  aggregate: 'Initial Snapshot',
  type,
  at: 1,
  table: undefined,
  status: undefined,
  rows: undefined,
  tables: [],
  ...more,
})
const scanned = (table: string, status = 'SUCCEEDED') => note('TABLE_SCAN_COMPLETED', { table, status, tables: ['a.t', 'a.u'] })

it('snapshots are told apart by how they ended, and a table by how its scan did', () => {
  const cut = [note('STARTED', { at: 1 }), scanned('a.t')]
  const failed = [note('STARTED', { at: 2 }), scanned('a.t', 'SQL_EXCEPTION'), scanned('a.u'), note('COMPLETED', { at: 3 })]
  const all = generationsOf([...cut, ...failed, note('SKIPPED'), note('STARTED', { at: 9 })])
  expect(all.map(({ outcome, started, ended }) => [outcome, started, ended])).toEqual([
    ['aborted', 1, 2],
    ['completed', 2, 3],
    ['running', 9, undefined],
  ])
  expect(lastFullScan(all, 'a.t')).toBeUndefined()
  expect(lastFullScan(all, 'a.u')?.started).toBe(2)
})

it('an incremental snapshot that was stopped for one table goes on with the other', () => {
  const own = { aggregate: 'Incremental Snapshot', id: 'signal' } as const
  const [one] = generationsOf([
    note('STARTED', { ...own, tables: ['a.t', 'a.u'] }),
    note('ABORTED', { ...own, tables: ['a.t'] }),
    note('TABLE_SCAN_COMPLETED', { ...own, table: 'a.u', status: 'EMPTY' }),
    note('COMPLETED', own),
  ])
  expect(one).toMatchObject({ outcome: 'completed' })
  expect([...one!.scans].map(([table, { status }]) => [table, status])).toEqual([
    ['a.t', 'STOPPED'],
    ['a.u', 'EMPTY'],
  ])
  expect(lastFullScan([one!], 'a.u')).toBeUndefined()
})
