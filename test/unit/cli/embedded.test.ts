// The commands together, on the embedded stack: what a person does in the first ten minutes.
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { binlake, emptyFolder } from './run-cli.ts'

const patient = 60_000
let cwd: string
const run = (...args: string[]) => binlake(args, { cwd })

beforeAll(async () => {
  cwd = emptyFolder()
  expect(await run('up', '--stack', 'embedded')).toMatchObject({ code: 0, stdout: '' })
  const generated = await run('generate', '--orders', '60', '--customers', '40', '--json')
  expect(generated.code).toBe(0)
  expect(JSON.parse(generated.stdout).rows.orders.insert).toBe(60)
  const before = await run('status')
  expect([before.code, before.stdout]).toEqual([3, expect.stringContaining('11 topics are not in the lake yet')])
  const ran = await run('run', '--until-caught-up', '--json')
  expect(ran.code, ran.stderr).toBe(0)
  expect(JSON.parse(ran.stdout)).toMatchObject({ quarantined: 0, halted: [] })
}, patient)

describe('the embedded stack', { timeout: patient }, () => {
  it('keeps its keys and the customers file to their owner or apart', () => {
    expect(statSync(join(cwd, '.binlake', 'keys')).mode & 0o077).toBe(0)
    expect(JSON.parse(readFileSync(join(cwd, '.binlake', 'customers.json'), 'utf8')).length).toBeGreaterThan(30)
  })

  it('status is well', async () => {
    const { code, stdout } = await run('status', '--json')
    const { state, problems, tables } = JSON.parse(stdout)
    expect({ code, state, problems }).toEqual({ code: 0, state: 'ok', problems: [] })
    expect(tables.find(({ table }: { table: string }) => table === 'shop.orders')).toMatchObject({
      lag: 0,
      silver: { rows: 60, behind: 0 },
    })
  })

  it('verify proves silver equal, and finds what differs', async () => {
    const equal = await run('verify', '--json')
    expect(equal.code, equal.stderr).toBe(0)
    expect(JSON.parse(equal.stdout).tables).toHaveLength(9)

    expect((await run('generate', '--orders', '5', '--seed', '2')).code).toBe(0)
    const differs = await run('verify', '--table', 'orders')
    expect(differs.code).toBe(4)
    expect(differs.stdout).toMatch(/shop\.orders tok_v1_\w+: missing in silver/)

    const nothing = await run('verify', '--table', 'nowhere')
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('VERIFY_NOTHING')])

    expect((await run('run', '--until-caught-up')).code).toBe(0)
    expect((await run('verify')).code).toBe(0)
  })

  it('sql answers from gold and hides what the policy masks', async () => {
    const { stdout } = await run('sql', '--json', 'select sum(orders) as orders from gold.daily_sales')
    expect(JSON.parse(stdout)[0].orders).toBeGreaterThan(0)
    const emails = await run('sql', '--csv', 'select email from silver.customers')
    expect(emails.stdout).not.toContain('@')
    expect(emails.stdout).toContain('tok_v1_')
  })

  it('run follows until it is asked to stop, which is a success', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = spawn(process.execPath, [resolve('cli/main.ts'), 'run'], { cwd, env: { PATH: process.env.PATH, HOME: cwd } })
      let err = ''
      const started = new Promise<void>(done => {
        child.stderr.on('data', bytes => {
          err += bytes
          if (err.includes('reading topics')) done()
        })
      })
      await started
      child.kill(signal)
      expect(await new Promise(done => child.on('close', done)), err).toBe(0)
      expect(err).toContain('records to bronze')
    }
  })

  it('status --watch looks again and again, until Ctrl-C', async () => {
    const child = spawn(process.execPath, [resolve('cli/main.ts'), 'status', '--watch', '0.1', '--json'], {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd },
    })
    let out = ''
    await new Promise<void>(done => {
      child.stdout.on('data', bytes => {
        out += bytes
        if (out.split('\n').length > 2) done()
      })
    })
    child.kill('SIGINT')
    expect(await new Promise(done => child.on('close', done))).toBe(0)
    expect(
      out
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).state),
    ).toContain('ok')
  })

  it('replay rebuilds the same', async () => {
    const replayed = await run('replay', 'orders', '--json')
    expect(replayed.code, replayed.stderr).toBe(0)
    expect(JSON.parse(replayed.stdout)).toMatchObject([{ table: 'shop.orders' }])
    expect((await run('verify', '--table', 'orders')).code).toBe(0)
    expect((await run('replay', 'nowhere')).code).toBe(2)
  })

  it('status says what is wrong', async () => {
    const policy = join(cwd, 'policy.yaml')
    const { code, stdout } = await binlake(['status', '--json', '--set', `policy.file=${policy}`], { cwd })
    expect(code).toBe(1)
    expect(JSON.parse(stdout).problems[0]).toContain('CONFIG_UNREADABLE')
  })

  it('down --purge takes the data away and leaves the keys', async () => {
    expect((await run('down', '--purge')).code).toBe(0)
    expect((await run('tables')).code).toBe(2)
    expect(statSync(join(cwd, '.binlake', 'keys')).isDirectory()).toBe(true)
  })
})

it('demo shows it all, twice', { timeout: 2 * patient }, async () => {
  const folder = emptyFolder()
  for (let time = 1; time <= 2; time++) {
    // A lake of the person's own, which the demo must not touch.
    const own = { BINLAKE_LAKE_URL: `file://${folder}/own`, BINLAKE_KAFKA_BROKERS: '127.0.0.1:1' }
    const { code, stdout, stderr } = await binlake(['demo', '--stack', 'embedded', '--orders', '40'], { cwd: folder, env: own })
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('Which categories earn most?')
    expect(stderr).toContain('What to type next:')
    expect(() => statSync(join(folder, 'own'))).toThrow()
  }
})
