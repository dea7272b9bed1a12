import { describe, expect, it } from 'vitest'
import { parsePoint } from '../../../sql/point.ts'

const uuid = '466c6c1f-e5bb-11f1-bdfc-02fc00000001'
const now = new Date('2026-11-21T12:00:00Z')

describe('parsePoint', () => {
  it.each([
    ['12', { kind: 'version', version: 12 }],
    ['2026-11-21', { kind: 'instant', instant: new Date('2026-11-21T00:00:00Z') }],
    ['2026-11-21 10:00', { kind: 'instant', instant: new Date('2026-11-21T10:00:00Z') }],
    ['2026-11-21T10:00:01.123456Z', { kind: 'instant', instant: new Date('2026-11-21T10:00:01.123Z') }],
    ['2026-11-21T10:00:00+02:00', { kind: 'instant', instant: new Date('2026-11-21T08:00:00Z') }],
    ['2026-11-21 10:00:00-05', { kind: 'instant', instant: new Date('2026-11-21T15:00:00Z') }],
    ['-90m', { kind: 'instant', instant: new Date('2026-11-21T10:30:00Z') }],
    ['binlog.000003:1547', { kind: 'position', base: 'binlog', file: 3n, pos: 1547n }],
    [
      'mysql-bin.changelog.1000000:9007199254740993',
      { kind: 'position', base: 'mysql-bin.changelog', file: 1_000_000n, pos: 9007199254740993n },
    ],
    [`${uuid}:23`, { kind: 'transaction', origin: uuid, sequence: 23n }],
    [`${uuid.toUpperCase()}:tag:23`, { kind: 'transaction', origin: `${uuid}:tag`, sequence: 23n }],
    [
      `${uuid}:1-5:7:tag:1-3,\n${uuid.replace('466', '999')}:1-2`,
      {
        kind: 'transactions',
        ranges: [
          { origin: uuid, from: 1n, to: 5n },
          { origin: uuid, from: 7n, to: 7n },
          { origin: `${uuid}:tag`, from: 1n, to: 3n },
          { origin: uuid.replace('466', '999'), from: 1n, to: 2n },
        ],
      },
    ],
  ])('%s', (text, expected) => {
    expect(parsePoint(text, now)).toMatchObject({ text: text.trim(), ...expected })
  })

  it.each([
    '',
    'yesterday',
    '2026-02-30',
    '2026-11-21 25:00',
    'binlog:12',
    'binlog.000003:',
    `${uuid}:5-3`,
    `${uuid}:`,
    `${uuid}:0-3`,
    `${uuid}:1-3,x`,
    '-5y',
  ])('refuses %j', text => {
    expect(() => parsePoint(text, now)).toThrow(expect.objectContaining({ code: 'SQL_POINT_INVALID' }))
  })
})
