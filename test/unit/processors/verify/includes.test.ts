// Has the connector read up to a point? By GTIDs, else by position in one binlog.
import { describe, expect, it } from 'vitest'
import { includes } from '../../../../processors/verify/includes.ts'

const [a, b] = ['f4dea778-e5d6-11f1-952a-02fc00000001', '3e11fa47-71ca-11e1-9e33-c80aa9429562']
const point = (rest: object) => ({ exact: true, how: '', ...rest })

describe('includes', () => {
  it('compares sets of GTIDs', () => {
    expect(includes({ gtids: `${a}:1-10` }, point({ gtids: `${a}:1-10` }))).toBe(true)
    expect(includes({ gtids: `${a}:1-9` }, point({ gtids: `${a}:1-10` }))).toBe(false)
    expect(includes({ gtids: `${a}:1-4:5-12,${b}:1-3` }, point({ gtids: `${b}:2-3,${a}:1-10` }))).toBe(true)
    expect(includes({ gtids: `${a}:1-4:6-12` }, point({ gtids: `${a}:1-10` }))).toBe(false)
    expect(includes({ gtids: `${a}:1-12` }, point({ gtids: `${a}:1-10,${b}:1` }))).toBe(false)
  })

  it('or positions, files by their number', () => {
    expect(includes({ file: 'bin.1000000', pos: 4 }, point({ file: 'bin.999999', pos: 900n }))).toBe(true)
    expect(includes({ file: 'bin.000001', pos: '900' }, point({ file: 'bin.000001', pos: 900n }))).toBe(true)
    expect(includes({ file: 'bin.000001', pos: 899 }, point({ file: 'bin.000001', pos: 900n }))).toBe(false)
    expect(includes({ file: 'other.000009', pos: 899 }, point({ file: 'bin.000001', pos: 900n }))).toBe(false)
    expect(includes({}, point({ gtids: `${a}:1` }))).toBe(false)
  })

  it('takes the position where the newest transaction is not in the set yet', () => {
    expect(
      includes({ gtids: `${a}:1-9`, file: 'bin.000001', pos: 900 }, point({ gtids: `${a}:1-10`, file: 'bin.000001', pos: 900n })),
    ).toBe(true)
  })
})
