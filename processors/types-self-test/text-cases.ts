// Text in several character sets, labels, bytes and JSON at their limits.
import { column, type TypeColumn, type Where } from './case.ts'

const utf8 = (hex: string) => `CONVERT(x'${hex}' USING utf8mb4)`
/** Grinning face, a flag of two characters, and a letter with a combining accent. */
const beyondBmp = utf8('F09F9880F09F87A9F09F87AA65CC81')
const controls = utf8('00011F0A0D097F5C222C7B7D')
const long = (bytes: number) => `REPEAT(${utf8('C3A9')}, ${bytes / 2})`

const texts: TypeColumn[] = [
  column('CHAR(5)', { empty: "''", full: "'abcde'", 'trailing spaces': "'ab  '", 'beyond BMP': utf8('F09F9880') }),
  column('VARCHAR(50)', {
    empty: "''",
    spaces: "'  a  '",
    'beyond BMP': beyondBmp,
    controls,
    'looks like NULL': "'\\\\N'",
    'looks like a number': "'007'",
  }),
  column('TINYTEXT', { empty: "''", full: long(254) }),
  column('TEXT', { empty: "''", full: long(65_534), 'beyond BMP': beyondBmp }),
  column('MEDIUMTEXT', { '200 kB': long(200_000) }),
  column('LONGTEXT', { '200 kB': long(200_000), controls }),
  column('NVARCHAR(20)', { accents: utf8('C3A9C3BC') }),
]

/** Of each character set a text that is peculiar to it. */
const charsets: [charset: string, hex: string, where?: Where][] = [
  ['latin1', 'E282ACC3A9C3BFC5B8'],
  ['latin2', 'C581C3B3C58264C5BA'],
  ['latin5', 'C49EC4B1C59E'],
  ['cp1250', 'C5BDC59BE282AC'],
  ['cp1251', 'D096D0B5D0B4E282AC'],
  ['koi8r', 'D096D0B5D0B4'],
  ['greek', 'CE91CEB8CEAE'],
  ['hebrew', 'D790D791D7AA'],
  ['sjis', 'E697A5E69CACE8AA9E'],
  ['ujis', 'E697A5E69CACE8AA9E'],
  ['euckr', 'ED959CEAB5AD'],
  ['big5', 'E7B981E9AB94'],
  ['gbk', 'E6BC82E4BAAE'],
  ['gb2312', 'E6BC82E4BAAE'],
  ['gb18030', 'E6BC82F09F9880', { mysql: [8, 0] }],
  ['ascii', '617A7E'],
  ['utf8mb3', 'E697A5C3A9'],
  ['ucs2', 'E697A5C3A9'],
  ['utf16', 'E697A5F09F9880'],
  ['utf16le', 'E697A5F09F9880'],
  ['utf32', 'E697A5F09F9880'],
]
const inCharsets: TypeColumn[] = charsets.map(([charset, hex, where]) => {
  return column(
    `VARCHAR(20) CHARACTER SET ${charset}`,
    { own: utf8(hex), ascii: "'az~'", empty: "''" },
    { name: `c_in_${charset}`, ...(where ? { where } : {}) },
  )
})

const kanji = utf8('E697A5E69CACE8AA9E')
/** Debezium's table of MariaDB's character sets lacks it. */
const cp932: TypeColumn = column(
  'VARCHAR(20) CHARACTER SET cp932',
  {
    kanji: { value: kanji, where: { mysql: [8, 0] } },
    'MariaDB kanji': {
      value: kanji,
      where: { mariadb: [10, 0] },
      lost: { stream: 'text of character set cp932 comes from MariaDB’s binlog with its characters replaced' },
    },
    ascii: "'az~'",
  },
  { name: 'c_in_cp932' },
)

const bytes: TypeColumn[] = [
  column('BINARY(4)', { padded: "x'01'", full: "x'FFFEFDFC'", zeros: "x'00'" }),
  column('VARBINARY(20)', { empty: "''", zeros: "x'000000'", all: "x'00FF807F0A1F5C22'" }),
  column('TINYBLOB', { empty: "''", full: "REPEAT(x'FF', 255)" }),
  column('BLOB', { empty: "''", full: "REPEAT(x'00', 65535)" }),
  column('MEDIUMBLOB', { '200 kB': "REPEAT(x'F1', 200000)" }),
  column('LONGBLOB', { '200 kB': "REPEAT(x'F1', 200000)" }),
]

const labels: TypeColumn[] = [
  column(
    "ENUM('a','it''s','c,d','\u00e9','back\\\\slash')",
    {
      first: "'a'",
      quote: "'it''s'",
      comma: "'c,d'",
      accent: utf8('C3A9'),
      backslash: "'back\\\\slash'",
      invalid: "'z'",
      'number 0': '0',
    },
    { name: 'c_enum' },
  ),
  column(
    `ENUM(${Array.from({ length: 300 }, (_, i) => `'l${i + 1}'`).join(',')})`,
    { 'label 255': "'l255'", 'label 300': "'l300'" },
    { name: 'c_enum_300' },
  ),
  column("SET('x','y','z z','\u00e9')", { empty: "''", one: "'x'", all: '15', invalid: "'q'", accent: '8' }, { name: 'c_set' }),
  column(
    `SET(${Array.from({ length: 64 }, (_, i) => `'m${i + 1}'`).join(',')})`,
    { all: '18446744073709551615', last: "'m64'" },
    { name: 'c_set_64' },
  ),
]

const inMysql: Where = { mysql: [8, 0] }
const shorterTime = 'a TIME inside a JSON document comes from the binlog without the zeros at its end'
const withoutType = "bytes inside a JSON document come from the binlog without MySQL's base64:type…: before them"
const negativeTime = 'a negative TIME inside a JSON document loses its sign in the binlog'

const json: TypeColumn = column('JSON', {
  null: "'null'",
  'empty object': "'{}'",
  'empty list': "'[]'",
  'empty text': `'""'`,
  integers: "'[0,-1,9007199254740993,9223372036854775807,-9223372036854775808,18446744073709551615]'",
  doubles: "'[0.1,1.0,-0.0,1e300,5e-324,1.7976931348623157e308,123456789.123456789]'",
  'beyond a double': { value: "'[1e400,-1e400,1e-400]'", where: { mariadb: [10, 2] } },
  'text like a number': `'["1e400","007","NaN"]'`,
  'keys in any order': `'{"b": 1, "a": {"z": [true, false, null], "aa": 2}}'`,
  escapes: `'{"k\\\\"\\\\\\\\\\\\u001f": "a\\\\nb\\\\t\\\\u0000/\\\\/"}'`,
  'beyond BMP': `CONCAT('["', ${beyondBmp}, '"]')`,
  nested: `CONCAT(REPEAT('[', 30), '1', REPEAT(']', 30))`,
  decimals: {
    value: "JSON_ARRAY(CAST('1.10' AS DECIMAL(5,2)), CAST('-12345678901234567890123456789.123456789' AS DECIMAL(50,9)))",
    where: inMysql,
  },
  dates: {
    value: "JSON_ARRAY(CAST('2024-02-29' AS DATE), CAST('2024-02-29 01:02:03.456789' AS DATETIME(6)))",
    where: inMysql,
  },
  time: { value: "JSON_ARRAY(CAST('12:13:14.5' AS TIME(3)))", where: inMysql, lost: { stream: shorterTime } },
  'negative time': { value: "JSON_ARRAY(CAST('-12:13:14' AS TIME))", where: inMysql, lost: { stream: negativeTime } },
  bytes: { value: "JSON_ARRAY(CAST(x'00FF10' AS BINARY))", where: inMysql, lost: { stream: withoutType } },
})

/** Not here: MariaDB's INET4 and INET6. Debezium's parser does not know them, and a table that has one stops its connector. */
export const textCases: TypeColumn[] = [
  ...texts,
  ...inCharsets,
  cp932,
  ...bytes,
  ...labels,
  json,
  column(
    'UUID',
    {
      zeros: "'00000000-0000-0000-0000-000000000000'",
      all: "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
      ordered: "'5147b82b-e5d7-11f1-a25e-02fc00000001'",
    },
    { where: { mariadb: [10, 7] } },
  ),
]
