// Numbers at their limits.
import { column, type TypeColumn } from './case.ts'

const integers: [type: string, bits: number][] = [
  ['TINYINT', 8],
  ['SMALLINT', 16],
  ['MEDIUMINT', 24],
  ['INT', 32],
  ['BIGINT', 64],
]

const whole: TypeColumn[] = integers.flatMap(([type, bits]) => {
  const half = 2n ** BigInt(bits - 1)
  const beyondDouble = bits === 64 ? { '2^53+1': '9007199254740993' } : {}
  return [
    column(type, { min: `${-half}`, 'minus 1': '-1', zero: '0', max: `${half - 1n}`, ...beyondDouble }),
    column(`${type} UNSIGNED`, { zero: '0', half: `${half}`, max: `${half * 2n - 1n}`, ...beyondDouble }),
  ]
})

const nines = (n: number) => '9'.repeat(n)

const decimals: TypeColumn[] = [
  ...[
    [5, 0],
    [20, 4],
    [38, 0],
    [38, 30],
    [65, 0],
    [65, 30],
  ].map(([precision, scale]) => {
    const max = scale === 0 ? nines(precision!) : `${nines(precision! - scale!)}.${nines(scale!)}`
    const least = scale === 0 ? '1' : `0.${'0'.repeat(scale! - 1)}1`
    return column(`DECIMAL(${precision},${scale})`, { min: `-${max}`, max, least, 'minus least': `-${least}`, zero: '0' })
  }),
  column('DECIMAL(10,2) UNSIGNED', { zero: '0', max: '99999999.99' }),
]

const floats: TypeColumn[] = [
  column('FLOAT', {
    max: '3.402823e38',
    min: '-3.402823e38',
    'least normal': '1.17549e-38',
    subnormal: '1.4e-45',
    tenth: '0.1',
    'seven digits': '16777216',
    'minus zero': '-0e0',
  }),
  column('FLOAT(7,4)', { max: '999.9999', min: '-999.9999' }),
  column('FLOAT(53)', { '17 digits': '0.30000000000000004e0' }),
  column('DOUBLE', {
    max: '1.7976931348623157e308',
    min: '-1.7976931348623157e308',
    'least normal': '2.2250738585072014e-308',
    subnormal: '5e-324',
    '17 digits': '0.30000000000000004e0',
    '2^53+2': '9007199254740994e0',
    whole: '1e15',
    'minus zero': '-0e0',
  }),
  column('DOUBLE(20,5)', { max: '999999999999999.99999', min: '-123.45678' }),
]

const bits: TypeColumn[] = [1, 7, 8, 9, 12, 33, 63, 64].map(length =>
  column(`BIT(${length})`, {
    zero: "b'0'",
    one: "b'1'",
    'high bit': `b'1${'0'.repeat(length - 1)}'`,
    all: `b'${'1'.repeat(length)}'`,
  }),
)

const onlyTrue = 'a column declared BOOL while Debezium streams arrives as true or false; one declared TINYINT(1) as its number'

export const numberCases: TypeColumn[] = [
  ...whole,
  column('INT(8) UNSIGNED ZEROFILL', { small: '42', max: '4294967295' }),
  column('BOOL', {
    false: 'false',
    true: 'true',
    two: { value: '2', lost: { snapshot: onlyTrue, stream: onlyTrue } },
    min: { value: '-128', lost: { snapshot: onlyTrue, stream: onlyTrue } },
  }),
  column('TINYINT(1)', { false: '0', true: '1', two: '2', min: '-128' }),
  ...decimals,
  ...floats,
  ...bits,
  column('YEAR', {
    first: '1901',
    last: '2155',
    zero: { value: '0000', lost: { snapshot: 'the year 0000 becomes 2000' } },
    2000: '2000',
    1999: "'1999'",
  }),
]
