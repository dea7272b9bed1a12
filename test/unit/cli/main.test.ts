import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SmallLake, shopLake } from '../sql/small-lake.ts'
import { binlake, emptyFolder } from './run-cli.ts'

describe('usage', () => {
  it('help lists the commands on stdout', async () => {
    const { code, stdout, stderr } = await binlake(['--help'])
    expect([code, stderr]).toEqual([0, ''])
    for (const command of ['up', 'down', 'tables', 'sql']) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    expect(stdout).toContain('Exit codes: 0 ok')
  })

  it('a fail point that is none is refused', async () => {
    const { code, stderr } = await binlake(['tables'], { env: { BINLAKE_FAIL_POINT: 'commit:never' } })
    expect(code).toBe(2)
    expect(stderr).toContain('environment variable BINLAKE_FAIL_POINT: no such fail point: commit:never')
  })

  it("a command's help has examples and the global options", async () => {
    const { code, stdout } = await binlake(['sql', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:\n  $ binlake sql "')
    expect(stdout).toContain('--config <file>')
  })

  it.each([
    [['tabels'], "unknown command 'tabels'\n(Did you mean tables?)"],
    [['tables', '--jsn'], "unknown option '--jsn'\n(Did you mean --json?)"],
    [['sql', '--timeout', 'soon', 'select 1'], 'expected a number of seconds above 0'],
    [['sql', '--json', '--csv', 'select 1'], "option '--json' cannot be used with option '--csv'"],
    [['up', '--stack', 'cloud'], 'Allowed choices are docker, local, embedded'],
    [['tables', '--set', 'batch.record=1'], 'flag --set: batch.record: unknown key; did you mean batch.records?'],
    [['tables', '--set', 'batch'], 'expected key=value'],
    [['tables'], 'lake.url: not set; set BINLAKE_LAKE_URL'],
    [['tables', '--lake', './nowhere'], 'there is no such folder'],
    [['tables', '--config', 'nowhere.yaml'], 'nowhere.yaml: cannot be read (ENOENT)'],
  ])('%j ends with exit code 2 and says why', async (args, message) => {
    const { code, stdout, stderr } = await binlake(args)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })

  it('names the line of a wrong setting', async () => {
    const cwd = emptyFolder()
    writeFileSync(join(cwd, 'binlake.yaml'), 'lake:\n  url: .\nbatch:\n  age: soon\n')
    const { code, stderr } = await binlake(['tables'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toContain('binlake.yaml:4: batch.age: expected a number with a unit (ms, s, m, h, d), e.g. 1s')
  })

  it('shows where an error arose only when asked', async () => {
    expect((await binlake(['tables'])).stderr).not.toContain('config.ts')
    expect((await binlake(['tables', '--debug'])).stderr).toContain('config.ts')
    expect((await binlake(['tables'], { env: { LOG: 'debug' } })).stderr).toContain('config.ts')
  })

  it('colours nothing where there is no terminal', async () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour
    expect((await binlake(['tables'])).stderr).not.toMatch(/\x1b/)
  })
})

describe('with a lake', () => {
  let lake: SmallLake
  beforeAll(async () => {
    lake = await shopLake()
  })
  afterAll(() => lake[Symbol.asyncDispose]())
  const run = (args: string[], input = '') => binlake(args, { env: { BINLAKE_LAKE_URL: `file://${lake.folder}` }, input })

  it('tables lists them all', async () => {
    const { code, stdout } = await run(['tables', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toContainEqual({
      table: 'silver."shop.customers"',
      zone: 'silver',
      rows: 1,
      files: 1,
      bytes: expect.any(Number),
      version: 0,
      committed: expect.stringMatching(/^20\d\d-\d\d-\d\dT/),
    })
    expect((await run(['tables'])).stdout).toMatch(/bronze\.orders +│ 5,000 │ +1 │/)
  })

  it('sql prints data on stdout and nothing else', async () => {
    expect(await run(['sql', '--csv', 'select id, total from silver.orders order by id'])).toEqual({
      code: 0,
      stdout: 'id,total\n1,12.50\n9007199254740993,12345678901234.56\n',
      stderr: '',
    })
    const tokyo = { env: { BINLAKE_LAKE_URL: `file://${lake.folder}`, TZ: 'Asia/Tokyo' } }
    const moment = await binlake(['sql', '--csv', 'select placed_at from silver.orders where id = 1'], tokyo)
    expect(moment.stdout, 'UTC, wherever this machine is').toBe('placed_at\n2026-01-01 10:00:00+00\n')
    expect(JSON.parse((await run(['sql', '--json', 'from gold.daily_sales'])).stdout)).toEqual([{ day: '2026-01-01', net: 12.5 }])
  })

  it('sql runs the statements of a pipe, up to the first that fails', async () => {
    const { code, stdout, stderr } = await run(
      ['sql', '--csv'],
      "select 1 as a; select ';' as b -- ;\n; select * from silver.nope; select 3 as c",
    )
    expect([code, stdout]).toEqual([2, 'a\n1\nb\n;\n'])
    expect(stderr).toContain('SQL_UNKNOWN_TABLE')
  })

  it('sql says that a table was cut', async () => {
    const { stdout, stderr } = await run(['sql', 'from bronze.orders', '--max-rows', '2'])
    expect(stdout.trim().split('\n')).toHaveLength(6)
    expect(stderr).toContain('the first 2 rows')
  })

  it('a reader that goes away ends it quietly', async () => {
    const main = resolve('cli/main.ts')
    const child = spawn('sh', ['-c', `"${process.execPath}" "${main}" sql --csv 'from range(3000000)' | head -1`], {
      env: { ...process.env, BINLAKE_LAKE_URL: `file://${lake.folder}` },
    })
    let [out, err] = ['', '']
    child.stdout.on('data', bytes => {
      out += bytes
    })
    child.stderr.on('data', bytes => {
      err += bytes
    })
    await new Promise(done => child.on('close', done))
    expect([out, err]).toEqual(['range\n', ''])
  })

  it('Ctrl-C ends a query with 130', async () => {
    const query = 'select count(*) from range(100000000) a, range(1000000) b where a.range * b.range = 3'
    const child = spawn(process.execPath, [resolve('cli/main.ts'), 'sql', query], {
      env: { ...process.env, BINLAKE_LAKE_URL: `file://${lake.folder}` },
    })
    setTimeout(() => child.kill('SIGINT'), 1_500)
    let err = ''
    child.stderr.on('data', bytes => {
      err += bytes
    })
    expect(await new Promise(done => child.on('close', done))).toBe(130)
    expect(err).toContain('interrupted')
  })
})
