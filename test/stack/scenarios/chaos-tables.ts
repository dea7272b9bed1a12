// The tables that chaos writes to: a kind of key each, and values at the edges of their types.
import type { Random } from './chaos-random.ts'

export interface ChaosTable {
  name: string
  create: string
  /** Empty: a table without a key. */
  key: readonly string[]
  /** One of few keys, so that the same are written again and again. */
  keyOf(random: Random): unknown[]
  values: Record<string, (random: Random) => unknown>
  /** Columns come and go. */
  evolves?: true
  truncates?: true
}

const texts = [
  '',
  ' ',
  'a',
  'A',
  'ä',
  'é',
  'e\u0301',
  'ß',
  '😀 family 👨‍👩‍👧',
  'line\nbreak',
  'tab\t',
  'quote "\'`',
  'back\\slash',
  '\u001f',
  '\u0000',
  'null',
  'NULL',
  '0',
  '-0',
  '{"a":1}',
  '日本語',
  'x'.repeat(300),
]
const text = (random: Random) => (random.chance(0.3) ? random.pick(texts) : `text ${random.int(1e6)}`)
const money = (random: Random) => (random.int(2e7) / 100 - 1e5).toFixed(2)
const maybe =
  (value: (random: Random) => unknown, probability = 0.2) =>
  (random: Random) =>
    random.chance(probability) ? null : value(random)
const one =
  (...list: readonly unknown[]) =>
  (random: Random) =>
    random.pick(list)

const wideTypes: Record<string, [type: string, value: (random: Random) => unknown]> = {
  flag: ['TINYINT(1)', one(0, 1, 2, -128, 127)],
  tiny: ['TINYINT UNSIGNED', one(0, 255)],
  medium: ['MEDIUMINT', one(-8388608, 8388607)],
  unsigned_int: ['INT UNSIGNED', one(0, 4294967295)],
  big: ['BIGINT', one('-9223372036854775808', '9223372036854775807', '9007199254740993')],
  unsigned_big: ['BIGINT UNSIGNED', one('0', '9223372036854775808', '18446744073709551615')],
  exact: ['DECIMAL(65,30)', one('0', `-${'9'.repeat(35)}.${'9'.repeat(30)}`, `0.${'0'.repeat(29)}1`)],
  short_exact: ['DECIMAL(20,4)', one('-0.0100', '9999999999999999.9999')],
  single: ['FLOAT', one(0, -1.5, 0.1, 3.4e38, 1e-30)],
  double_value: ['DOUBLE', one(0, -1.5, 0.1, 1.7976931348623157e308, 5e-324, 1e22)],
  bits: ['BIT(12)', random => random.int(4096)],
  bit_one: ['BIT(1)', one(0, 1)],
  day: ['DATE', one('1000-01-01', '1969-12-31', '1970-01-01', '9999-12-31')],
  moment: ['DATETIME(6)', one('1000-01-01 00:00:00.000001', '9999-12-31 23:59:59.499999', '2026-03-29 02:30:00.123456')],
  moment_ms: ['DATETIME(3)', one('1969-12-31 23:59:59.999', '2026-10-25 02:30:00.001')],
  stamp: ['TIMESTAMP(6) NULL', one('1970-01-01 00:00:01.000000', '2038-01-19 03:14:07.499999', '2026-10-25 01:30:00.000001')],
  span: ['TIME(6)', one('-838:59:59.000000', '838:59:59.000000', '25:00:00.000001', '-00:00:00.000001')],
  // Not 0: Debezium 3.6.1's snapshot says 2000 for it (its binlog reader says 0), which nothing behind it can tell.
  jahr: ['YEAR', one(1901, 2000, 2155)],
  document: [
    'JSON',
    one(
      '{"a": 1, "b": [1, 2.5, null, "x"]}',
      '[]',
      '"text"',
      'null',
      '1.10',
      '{"b": 1, "aa": 2}',
      '12345678901234567890',
      '{"😀": "\\u0000"}',
    ),
  ],
  choice: ["ENUM('small','größer','with,comma','it''s')", one('small', 'größer', 'with,comma', "it's")],
  several: ["SET('a','b','c d')", one('', 'a', 'a,b', 'a,b,c d')],
  bytes: ['VARBINARY(40)', random => Buffer.from([0, 255, random.int(256), 0x1f, 0x0a])],
  fixed: ['BINARY(4)', one(Buffer.from([1, 0]), Buffer.from([0, 0, 0, 0]), Buffer.from('abcd'))],
  blob_value: ['BLOB', random => Buffer.alloc(random.int(200), random.int(256))],
  latin: ['VARCHAR(50) CHARACTER SET latin1', one('', 'café', 'naïve €', 'ÿ')],
  fixed_text: ['CHAR(8)', one('', 'a', 'b  ')],
  long_text: ['TEXT', text],
}

const evolving: Pick<ChaosTable, 'values' | 'evolves'> = { values: { label: maybe(text), amount: money }, evolves: true }

export const chaosTables: readonly ChaosTable[] = [
  {
    name: 'accounts',
    create:
      'id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0, touched TIMESTAMP(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)',
    key: ['id'],
    keyOf: random => [1 + random.int(400)],
    ...evolving,
  },
  {
    name: 'pairs',
    create:
      'left_part VARCHAR(20) NOT NULL, right_part VARCHAR(20) NOT NULL, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0, PRIMARY KEY (left_part, right_part)',
    key: ['left_part', 'right_part'],
    keyOf: random => [
      random.pick(['a|b', 'a', 'b', '', '|', 'x']),
      random.pick(['c', 'b|c', '|', '', 'd', `n${random.int(30)}`]),
    ],
    ...evolving,
    truncates: true,
  },
  {
    name: 'words',
    create:
      'word VARCHAR(40) COLLATE utf8mb4_0900_ai_ci NOT NULL PRIMARY KEY, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0',
    key: ['word'],
    keyOf: random => [
      random.pick([
        'a',
        'A',
        'ä',
        'straße',
        'STRASSE',
        'word',
        'Word',
        'wörd',
        'word ',
        ' word',
        '',
        `w${random.int(60)}`,
        `W${random.int(60)}`,
      ]),
    ],
    ...evolving,
  },
  {
    name: 'padded',
    create:
      'word VARCHAR(40) COLLATE utf8mb4_general_ci NOT NULL PRIMARY KEY, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0',
    key: ['word'],
    keyOf: random => [random.pick(['p', 'p ', 'P', 'p  ', 'q', 'Q ', '', ' ', `r${random.int(30)}`])],
    values: evolving.values,
  },
  {
    name: 'bigs',
    create: 'id BIGINT UNSIGNED NOT NULL PRIMARY KEY, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0',
    key: ['id'],
    keyOf: random => [
      random.pick([
        '0',
        '1',
        '9007199254740992',
        '9007199254740993',
        '9223372036854775807',
        '9223372036854775808',
        '18446744073709551614',
        '18446744073709551615',
        String(random.int(100)),
      ]),
    ],
    ...evolving,
    truncates: true,
  },
  {
    name: 'moments',
    create:
      "at DATETIME(6) NOT NULL, kind ENUM('x','y') NOT NULL, price DECIMAL(20,4) NOT NULL, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0, PRIMARY KEY (at, kind, price)",
    key: ['at', 'kind', 'price'],
    keyOf: random => [
      `2026-11-21 10:00:00.00000${random.int(9)}`,
      random.pick(['x', 'y']),
      random.pick(['1.0000', '-1.5000', '0.0001']),
    ],
    values: evolving.values,
  },
  {
    name: 'raw_keys',
    create: 'id VARBINARY(16) NOT NULL PRIMARY KEY, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0',
    key: ['id'],
    keyOf: random => [Buffer.from([random.int(3), random.pick([0, 0x1f, 0xff, 0x41]), ...(random.chance(0.3) ? [0] : [])])],
    values: evolving.values,
  },
  {
    name: 'bulk',
    create: 'id INT NOT NULL PRIMARY KEY, label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0',
    key: ['id'],
    keyOf: random => [1 + random.int(20_000)],
    values: evolving.values,
  },
  {
    name: 'keyless',
    create: 'label TEXT NULL, amount DECIMAL(12,2) NOT NULL DEFAULT 0',
    key: [],
    keyOf: () => [],
    // Of few values, so that equal rows abound.
    values: { label: maybe(one('a', 'A', 'a ', '', 'null', '😀')), amount: one('0.00', '1.00', '-1.50') },
    evolves: true,
    truncates: true,
  },
  {
    name: 'wide',
    create: `id INT NOT NULL PRIMARY KEY, ${Object.entries(wideTypes)
      .map(([name, [type]]) => `${name} ${type}`)
      .join(', ')}`,
    key: ['id'],
    keyOf: random => [random.int(200)],
    values: Object.fromEntries(Object.entries(wideTypes).map(([name, [, value]]) => [name, maybe(value, 0.1)])),
  },
]

/** What a condition names rows by: the key, or, for want of one, the first column. */
export function namedBy({ key, values }: ChaosTable): readonly string[] {
  return key.length > 0 ? key : Object.keys(values).slice(0, 1)
}

/** Names that columns of evolving tables may get; the policy must know them before they come. */
export const spareColumns: readonly string[] = Array.from({ length: 60 }, (_, i) => `c${i}`)

/** The policy's rules for all of them: everything is kept, so that everything is compared. */
export function chaosRules(): Record<string, Record<string, 'keep'>> {
  const columnsOf = ({ key, values, evolves, create }: ChaosTable) => [
    ...key,
    ...Object.keys(values),
    ...(create.includes('touched ') ? ['touched'] : []),
    ...(evolves ? spareColumns : []),
  ]
  return Object.fromEntries(
    chaosTables.map(table => [table.name, Object.fromEntries(columnsOf(table).map(name => [name, 'keep' as const]))]),
  )
}
