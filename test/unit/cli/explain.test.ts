// `binlake explain` and `binlake quarantine` from the command line, on the embedded stack.
import { beforeAll, describe, expect, it } from 'vitest'
import { binlake, emptyFolder } from './run-cli.ts'

const patient = 120_000
let cwd: string
const run = (...args: string[]) => binlake(args, { cwd })

beforeAll(async () => {
  cwd = emptyFolder()
  for (const args of [
    ['up', '--stack', 'embedded'],
    ['generate', '--orders', '40', '--customers', '20'],
    ['run', '--until-caught-up'],
  ]) {
    const { code, stderr } = await run(...args)
    expect(code, stderr).toBe(0)
  }
}, patient)

describe('explain', { timeout: patient }, () => {
  it('shows a row from bronze to gold, and no value unless asked', async () => {
    const { code, stdout, stderr } = await run('explain', 'customers', '5')
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/APPLY: the first event of the key/)
    expect(stdout).toMatch(/email +│ VARCHAR +│ token \(domain email\)/)
    expect(stdout).toMatch(/silver: silver\/shop\/customers\/part-.*brought by version 0/)
    expect(stdout).toContain('gold.customer_rfm')
    const full = JSON.parse((await run('explain', 'customers', '5', '--values', '--json')).stdout)
    const image = JSON.parse(full.events[0].value).after
    expect(image.email).toContain('@')
    for (const hidden of [image.email, image.last_name, image.phone]) expect(stdout).not.toContain(hidden)
    expect(full.silver.row.values.email).toMatch(/^tok_/)
  })

  it('takes composite keys by place and by name, and says what is wrong with others', async () => {
    const [byPlace, byName, short, unknown, both] = await Promise.all([
      run('explain', 'order_items', '1,1', '--json', '--no-gold'),
      run('explain', 'order_items', '--key', 'line_no=1', '--key', 'ORDER_ID=1', '--json', '--no-gold'),
      run('explain', 'order_items', '1'),
      run('explain', 'orders', '999999', '--no-gold'),
      run('explain', 'orders', '1', '--offset', '0:1'),
    ])
    expect(byPlace.code, byPlace.stderr).toBe(0)
    expect(byName.stdout).toBe(byPlace.stdout)
    expect([short.code, unknown.code, both.code]).toEqual([2, 1, 2])
    expect(short.stderr).toMatch(/its key is \(order_id, line_no\)/)
    expect(unknown.stderr).toMatch(/bronze has no event of that key/)
  })
})

describe('quarantine', { timeout: patient }, () => {
  it('says that nothing waits, and refuses what it cannot find', async () => {
    const [list, show, drop, place] = await Promise.all([
      run('quarantine', 'list'),
      run('quarantine', 'show', 'orders', '0:1'),
      run('quarantine', 'drop', 'orders'),
      run('quarantine', 'show', 'orders', 'one'),
    ])
    expect([list.code, list.stdout]).toEqual([0, 'nothing is in quarantine\n'])
    expect([show.code, drop.code, place.code]).toEqual([2, 2, 2])
    expect(show.stderr).toMatch(/quarantine has nothing of a table orders/)
    expect(drop.stderr).toMatch(/--because/)
  })
})
