import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEngine, type QueryEngine } from '../../../sql/engine.ts'
import { type Format, render } from '../../../sql/format.ts'
import { type SmallLake, smallLake } from './small-lake.ts'

let lake: SmallLake
let engine: QueryEngine
beforeAll(async () => {
  lake = await smallLake()
  engine = openEngine(lake.store)
})
afterAll(() => lake[Symbol.asyncDispose]())

async function shown(query: string, format: Format, maxRows = 0) {
  await using result = await engine.query(query)
  let text = ''
  const told = await render(result, format, {
    maxRows,
    print: async piece => {
      text += piece
    },
  })
  return { text, ...told }
}

describe('json', () => {
  it('is one array of objects, however many blocks the rows come in', async () => {
    const { text, rows } = await shown('select range as n from range(5000)', 'json')
    expect(JSON.parse(text)).toEqual(Array.from({ length: 5_000 }, (_, n) => ({ n })))
    expect(rows).toBe(5_000)
  })

  it('is [] without rows', async () => {
    expect((await shown('select 1 where false', 'json')).text).toBe('[]\n')
  })

  it('keeps every digit', async () => {
    const query = `select 9007199254740991 a, 9007199254740992 b, 0.10::decimal(18,2) c, 123456789012345.6::decimal(20,1) d,
      {x: 9007199254740993::bigint} e, [1.5::decimal(3,1)] f, interval 90 minute g, null h, 1 as a`
    expect(JSON.parse((await shown(query, 'json')).text)).toEqual([
      {
        a: 9007199254740991,
        b: '9007199254740992',
        c: 0.1,
        d: '123456789012345.6',
        e: { x: '9007199254740993' },
        f: [1.5],
        g: '01:30:00',
        h: null,
        'a:1': 1,
      },
    ])
  })
})

describe('csv', () => {
  it('quotes what RFC 4180 asks for and tells NULL from the empty text', async () => {
    const { text } = await shown(
      `select 'a,b' as "x,y", 'say "hi"' as q, '' as e, null as n, 12.50::decimal(18,2) as d, [1, 2] as l`,
      'csv',
    )
    expect(text).toBe('"x,y",q,e,n,d,l\n"a,b","say ""hi""","",,12.50,"[1,2]"\n')
  })
})

describe('table', () => {
  it('puts numbers to the right and leaves NULL empty', async () => {
    const { text } = await shown(`select 1 as n, 'a' as t, null as e union all select 200, 'bc', null order by n`, 'table')
    expect(text.split('\n')).toEqual([
      '┌─────┬────┬───┐',
      '│   n │ t  │ e │',
      '├─────┼────┼───┤',
      '│   1 │ a  │   │',
      '│ 200 │ bc │   │',
      '└─────┴────┴───┘',
      '',
    ])
  })

  it('shows no control character of a value, and cuts what is very long', async () => {
    const { text } = await shown(`select 'a' || chr(27) || '[31m' || chr(10) || chr(155) as t, repeat('x', 500) as l`, 'table')
    expect(text).toContain('a\\u001b[31m\\n\\u009b')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what must not be there
    expect(text).not.toMatch(/[\x1b\x9b]/)
    expect(text).toContain(`${'x'.repeat(99)}…`)
  })

  it('stops at the row cap and says so', async () => {
    const told = await shown('select range from range(100000)', 'table', 3)
    expect(told).toMatchObject({ rows: 3, cut: true })
    expect(told.text.split('\n')).toHaveLength(8)
    expect(await shown('select range from range(3)', 'table', 3)).toMatchObject({ rows: 3, cut: false })
  })
})
