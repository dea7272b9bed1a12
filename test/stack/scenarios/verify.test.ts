// `verify` on real servers: what is damaged or changed unseen is named, and mended; what is merely on its way is not.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../../lake/sql.ts'
import type { LakeVerdict } from '../../../processors/verify/verify-lake.ts'
import { openVerifyLine, type VerifyLine } from './verify-line.ts'

let line: VerifyLine
let stopRun: () => Promise<void>
beforeAll(async () => {
  line = await openVerifyLine()
  stopRun = await line.run()
})
afterAll(async () => {
  await stopRun?.()
  await line?.close()
})

const verify = async (...args: string[]) => {
  const { code, stdout, stderr } = await line.binlake(['verify', '--json', ...args])
  expect(`${stdout}${stderr}`).not.toContain('secret')
  return { code, stderr, ...(JSON.parse(stdout || '{}') as LakeVerdict) }
}
const found = ({ tables }: LakeVerdict) =>
  Object.fromEntries(tables.filter(({ equal }) => !equal).map(({ table, differences }) => [table.split('.')[1], differences]))

describe('verify', () => {
  it('finds silver equal at a position of the binlog', async () => {
    const outcome = await verify('--patience', '120')
    expect(outcome.tables.map(({ table, skipped }) => [table.split('.')[1], skipped])).toEqual([
      ['children', undefined],
      ['mail', undefined],
      ['parents', undefined],
    ])
    expect(outcome).toMatchObject({ code: 0, equal: true, point: { exact: true } })
  })

  it('is right while writers go on', async () => {
    let stop = false
    const writing = (async () => {
      // No faster than a connector on a busy machine can follow.
      for (let n = 1; !stop; n++, await sleep(20))
        await line.query(
          `UPDATE parents SET name = 'secret ${n}' WHERE id BETWEEN ${n % 150} AND ${(n % 150) + 20}`,
          `INSERT INTO mail VALUES ('new${n}@secret.test', ${n}) ON DUPLICATE KEY UPDATE n = n + 1`,
          `DELETE FROM mail WHERE n = ${n - 3} AND email LIKE 'new%'`,
        )
    })()
    try {
      let placed = 0
      for (let round = 1; round <= 2; round++) {
        const outcome = await verify('--patience', '60')
        expect(outcome).toMatchObject({ code: 0, equal: true })
        placed += outcome.tables.filter(({ compared }) => compared === 'at the position').length
      }
      expect(placed).toBeGreaterThan(0)
    } finally {
      stop = true
      await writing
    }
  })

  it('scenario 53: names and mends damage of silver, changes without a binlog, and children that a cascade deleted unseen', async () => {
    await verify('--patience', '60')
    await line.damage(
      'parents',
      sql`UPDATE file SET name = 'damaged' WHERE id = 20`,
      sql`DELETE FROM file WHERE id = 21`,
      sql`INSERT INTO file SELECT * REPLACE (999999 AS id) FROM file WHERE id = 22`,
    )
    await line.unlogged(
      "DELETE FROM mail WHERE email = 'person1@secret.test'",
      "UPDATE mail SET n = -5 WHERE email IN ('person2@secret.test', 'person3@secret.test')",
      "INSERT INTO mail VALUES ('unseen@secret.test', 77)",
      // What MySQL before 9.6 does by itself: the parent's deletion is logged, those of its children are not.
      'DELETE FROM children WHERE parent_id = 7',
    )
    await line.query('DELETE FROM parents WHERE id = 7')
    const outcome = await verify('--patience', '60', '--examples', '20')
    expect(found(outcome)).toEqual({
      parents: { 'missing in silver': 1, 'only in silver': 1, different: 1 },
      mail: { 'missing in silver': 1, 'only in silver': 1, different: 2 },
      children: { 'missing in silver': 0, 'only in silver': 3, different: 0 },
    })
    expect(outcome.code).toBe(4)
    expect(outcome.tables.flatMap(({ examples }) => examples)).toHaveLength(10)

    const repaired = await verify('--patience', '60', '--repair')
    const repairs = Object.fromEntries(repaired.tables.map(({ table, repair }) => [table.split('.')[1], repair]))
    expect(repairs.parents).toMatchObject({ found: 3, remade: 3, mended: 3, left: 0 })
    expect(repairs.mail).toMatchObject({ found: 4, asked: 3, deleted: 1, mended: 4, left: 0 })
    expect(repairs.children).toMatchObject({ found: 3, asked: 0, deleted: 3, mended: 3, left: 0 })
    expect(repaired.code).toBe(0)

    expect(await verify('--patience', '60')).toMatchObject({ code: 0, equal: true })
    const proof = await line.binlake(['replay', '--prove', '--json'])
    expect(proof.code, proof.stdout).toBe(0)
    // Nothing but a deletion: no transaction tells its place.
    await line.unlogged("DELETE FROM mail WHERE email = 'person5@secret.test'")
    const alone = await verify('--patience', '60', '--repair')
    expect(alone.tables.find(({ table }) => table.endsWith('.mail'))?.repair).toMatchObject({ asked: 0, deleted: 1, left: 0 })
    expect(await verify('--patience', '60')).toMatchObject({ code: 0, equal: true })
    // A row that comes back later is taken as any other.
    await line.query("INSERT INTO mail VALUES ('person1@secret.test', 5)")
    expect(await verify('--patience', '60')).toMatchObject({ code: 0, equal: true })
  })

  it('needs few grants, and says so where silver is behind', async () => {
    const url = new URL(line.mysqlUrl)
    const reader = `reader_${line.database}`
    await line.asRoot(
      `CREATE USER '${reader}'@'%' IDENTIFIED BY 'x-1-y-2'`,
      `GRANT SELECT ON ${line.database}.mail TO '${reader}'@'%'`,
    )
    url.username = reader
    url.password = 'x-1-y-2'
    const poor = await line.binlake(['verify', '--json', '--table', 'mail'], { BINLAKE_MYSQL_URL: url.href })
    expect([poor.code, (JSON.parse(poor.stdout) as LakeVerdict).equal]).toEqual([0, true])
    const hidden = await line.binlake(['verify', '--table', 'parents', '--patience', '3'], { BINLAKE_MYSQL_URL: url.href })
    expect(hidden.code).not.toBe(0)
    expect(hidden.stdout + hidden.stderr).toMatch(/no such table|GRANT SELECT/)
    await line.asRoot(`DROP USER '${reader}'@'%'`)

    await stopRun()
    await line.query("UPDATE parents SET name = 'secret later' WHERE id = 30")
    const behind = await verify('--patience', '3')
    expect(behind).toMatchObject({ code: 75, equal: false, behind: true })
    expect(behind.tables.find(({ table }) => table.endsWith('.parents'))?.behind).toContain('`binlake run`')
    stopRun = await line.run()
    expect(await verify('--patience', '60')).toMatchObject({ code: 0, equal: true })
  })

  it('waits for a schema change that the lake has not heard of', async () => {
    await stopRun()
    await line.query('ALTER TABLE children DROP COLUMN note')
    expect(await verify('--patience', '0', '--table', 'children')).toMatchObject({
      code: 75,
      tables: [{ failed: { code: 'MYSQL_TABLE_CHANGED' } }],
    })
    const waiting = verify('--patience', '120')
    await sleep(4_000)
    stopRun = await line.run()
    expect(await waiting).toMatchObject({ code: 0, equal: true })
  })
})
