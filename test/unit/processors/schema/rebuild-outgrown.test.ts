import { expect, it } from 'vitest'
import { c, Forge } from '../../scenarios/forge.ts'
import { ddl, type ForgedColumn, keep } from '../../scenarios/schema-events.ts'

const id: ForgedColumn = { name: 'id', type: 'INT' }
const n = (type: string): ForgedColumn => ({ name: 'n', type })

it('takes no rows from after its schema was read: a wider type, still on its way, may be theirs', async () => {
  await using s = await Forge.open({ schemas: [], policy: keep('id', 'n') })
  const created = ddl({ pos: 5, type: 'CREATE', ddl: 'CREATE TABLE `t` (…)', columns: [id, n('SMALLINT')], snapshot: 'true' })
  await s.step(created, c(1, { id: 1, n: 1 }, { pos: 10 }))
  await s.ingest(
    ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY n INT', columns: [id, n('INT')] }),
    c(2, { id: 2, n: 70_000 }, { pos: 30 }),
  )
  const { lake } = s.events
  const upTo = (await lake.current('bronze/shop/t'))!.version
  const known = await s.way('shop.t')
  await s.ingest(
    ddl({ pos: 40, ddl: 'ALTER TABLE t MODIFY n BIGINT', columns: [id, n('BIGINT')] }),
    c(3, { id: 3, n: 5_000_000_000 }, { pos: 50 }),
  )
  expect(await s.events.refine({ ...known, upTo })).toMatchObject({ version: upTo, rows: 2, more: true })
  expect(await s.silver('t', 'id', 'n')).toEqual([
    ['1', '1'],
    ['2', '70000'],
  ])
  await s.refine()
  expect(await s.silver('t', 'id', 'n')).toEqual([
    ['1', '1'],
    ['2', '70000'],
    ['3', '5000000000'],
  ])
  expect(await lake.current('quarantine/shop/t')).toBeUndefined()
  expect(await s.identical()).toBe('identical')
})
