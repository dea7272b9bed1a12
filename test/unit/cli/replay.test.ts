// `binlake replay` in all its ways, on the embedded stack.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { sql } from '../../../lake/sql.ts'
import { binlake, emptyFolder } from './run-cli.ts'

const patient = 120_000
let cwd: string
const run = (...args: string[]) => binlake(args, { cwd })
const replay = async (...args: string[]) => {
  const { code, stdout, stderr } = await run('replay', ...args, '--json')
  return { code, stderr, found: stdout === '' ? undefined : JSON.parse(stdout) }
}

beforeAll(async () => {
  cwd = emptyFolder()
  for (const args of [
    ['up', '--stack', 'embedded'],
    ['generate', '--orders', '60', '--customers', '40'],
    ['run', '--until-caught-up'],
  ]) {
    const { code, stderr } = await run(...args)
    expect(code, stderr).toBe(0)
  }
}, patient)

/** Changes one value in a data file of silver, in place. */
async function changeOneRow(): Promise<{ id: string }> {
  const { env } = JSON.parse(await readFile(join(cwd, '.binlake/stack.json'), 'utf8'))
  const store = await openStore(env.BINLAKE_LAKE_URL, { cacheDir: join(cwd, 'cache') })
  await using duck = await Duck.open({ threads: 1 })
  const [file] = (await new Lakehouse(store).current('silver/shop/orders'))!.files.keys()
  const path = await store.fetch(`silver/shop/orders/${file}`)
  await duck.run(sql`CREATE TABLE file AS FROM read_parquet(${path})`)
  const row = await duck.row<{ id: string }>(
    sql`UPDATE file SET currency = 'XXX' WHERE id = (SELECT max(id) FROM file) RETURNING id::VARCHAR AS id`,
  )
  await duck.run(sql`COPY file TO ${path} (FORMAT parquet)`)
  await store.close()
  return row!
}

describe('replay', { timeout: patient }, () => {
  it('--prove says identical for every table, and in words', async () => {
    const { code, found, stderr } = await replay('--prove')
    expect(code, stderr).toBe(0)
    expect(found).toHaveLength(9)
    expect(new Set(found.map(({ verdict }: { verdict: string }) => verdict))).toEqual(new Set(['identical']))
    expect((await run('replay', '--prove', 'orders')).stdout).toMatch(
      /^shop\.orders: identical \(\d+ rows in silver, history and markers;/,
    )
  })

  it('--prove names the key of a row that was changed, --find shows it, replay puts it right, and no value is printed', async () => {
    const { id } = await changeOneRow()
    const { code, found } = await replay('--prove', 'orders')
    expect([code, found[0].verdict]).toEqual([4, 'different'])
    const [{ key, columns }] = found[0].proof.parts[0].examples
    expect(columns).toEqual(['currency'])
    const told = await run('replay', '--prove', 'orders')
    expect(told.stdout).toContain(`${key}: different (currency)`)
    expect(told.stdout + told.stderr).not.toContain('XXX')
    expect((await replay('orders', '--find', key)).found).toEqual([
      { table: 'shop.orders', key: { id }, in: ['silver/shop/orders', 'silver/shop/orders_history'] },
    ])
    expect((await run('replay', '--find', 'tok_v1_nothing')).code).toBe(1)
    const put = await run('replay', 'orders')
    expect([put.code, put.stdout]).toEqual([4, expect.stringContaining('now put right')])
    expect((await replay('--prove', 'orders')).code).toBe(0)
  })

  it('--rollback takes the last rebuild back, and goes to a version or a time', async () => {
    expect((await replay('orders')).code).toBe(0)
    const { code, found } = await replay('--rollback', 'orders')
    expect([code, found]).toEqual([0, [expect.objectContaining({ table: 'shop.orders' })]])
    expect((await replay('--prove', 'orders')).code).toBe(0)
    expect((await run('replay', '--rollback', 'payments')).stderr).toContain('ROLLBACK_NOTHING')
    expect((await run('replay', '--rollback', '--to', '3')).code).toBe(2)
    expect((await run('replay', '--rollback', '--to', 'yesterday-ish', 'orders')).code).toBe(2)
    expect((await run('replay', '--rollback', '--to', 'binlog.000001:4', 'orders')).code).toBe(2)
    expect((await replay('--rollback', '--to', '0', 'orders')).found[0].versions).toMatchObject({ current: 0 })
    const tokyo = { cwd, env: { TZ: 'Asia/Tokyo' } }
    const { stderr } = await binlake(['replay', '--rollback', '--to', '2001-01-01 10:00', 'orders'], tokyo)
    expect(stderr).toContain('ROLLBACK_GONE')
    expect(stderr, 'UTC, as everywhere').toContain('2001-01-01T10:00:00.000Z')
    expect((await run('replay', '--rollback', '--to', '99', 'orders')).stderr).toMatch(/no version 99; the newest is \d+; /)
    expect((await run('replay', '--to', '0', 'orders')).stderr).toContain('--rollback')
    expect((await run('replay', '--to', '0', 'orders')).code, 'nothing is put back unless asked for').toBe(2)
    expect((await run('replay', 'orders')).code).toBe(4)
    expect((await run('verify', '--table', 'orders')).code).toBe(0)
  })

  it('--prove that was killed leaves nothing beyond the next one: a copy of bronze would be personal data', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'binlake-scratch-'))
    const left = () => readdirSync(scratch).filter(name => name.startsWith('binlake-prove-'))
    const main = resolve('cli/main.ts')
    const child = spawn(process.execPath, [main, 'replay', '--prove'], { cwd, env: { PATH: process.env.PATH, TMPDIR: scratch } })
    const ended = new Promise(done => child.on('close', done))
    await expect.poll(left, { timeout: 30_000, interval: 5 }).not.toEqual([])
    child.kill('SIGKILL')
    await ended
    expect(left()).not.toEqual([])
    const { code, stderr } = await binlake(['replay', '--prove', 'orders'], { cwd, env: { TMPDIR: scratch } })
    expect(code, stderr).toBe(0)
    expect(left()).toEqual([])
    rmSync(scratch, { recursive: true })
  })

  it('--dry-run says what would be read, written and refreshed, and writes nothing', async () => {
    const before = await run('tables', '--json')
    const { code, found } = await replay('--dry-run', 'orders')
    expect([code, found]).toEqual([
      0,
      [
        expect.objectContaining({
          table: 'shop.orders',
          byDesign: [],
          gold: ['customer_rfm', 'daily_sales', 'revenue_by_category'],
        }),
      ],
    ])
    expect((await run('replay', '--dry-run')).stdout).toContain('nothing was built or written')
    expect((await run('tables', '--json')).stdout).toBe(before.stdout)
    expect((await run('replay', '--dry-run', '--prove')).code).toBe(2)
  })

  it('--prove of a lake without bronze proves nothing, and says so', async () => {
    const lake = emptyFolder()
    const { code, stderr } = await run('replay', '--prove', '--lake', lake)
    expect([code, stderr]).toEqual([1, expect.stringContaining('bronze has no tables for silver')])
  })

  it('--as-of --to takes a URL of another kind for no folder', async () => {
    const { code, stderr } = await run('replay', '--as-of', '0', '--to', 's3://bucket/copy', 'orders')
    expect([code, stderr]).toEqual([2, expect.stringContaining('s3://bucket/copy: a lake is at')])
  })
})
