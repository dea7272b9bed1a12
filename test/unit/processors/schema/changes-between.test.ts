import { describe, expect, it } from 'vitest'
import { type Change, changesBetween } from '../../../../processors/schema/changes-between.ts'
import { compareTypes } from '../../../../processors/schema/compare-types.ts'
import { constantDefault } from '../../../../processors/schema/constant-default.ts'
import { parseDdl } from '../../../../processors/schema/ddl.ts'
import type { SourceColumn, SourceTable } from '../../../../processors/source-schema.ts'

function column(text: string): SourceColumn {
  const [, name = '', word = '', numbers, rest = ''] = /^(\S+) (\w+)(?:\(([^)]*)\))?(.*)$/.exec(text)!
  const labels = /^(enum|set)$/i.test(word)
  const [length, scale] = numbers === undefined || labels ? [] : numbers.split(',').map(Number)
  return {
    ...{
      name,
      typeName: `${word}${/unsigned/i.test(rest) ? ' UNSIGNED' : ''}`.toUpperCase(),
      optional: !/not null/i.test(rest),
      position: 1,
    },
    ...(length === undefined ? {} : { length }),
    ...(scale === undefined ? {} : { scale }),
    ...(labels ? { enumValues: numbers!.split(',').map(label => label.trim().replaceAll("'", '')) } : {}),
  }
}

const table = (columns: string[], primaryKey = ['id']): SourceTable => ({
  ...{ database: 'shop', table: 't', primaryKey },
  columns: columns.map((text, i) => ({ ...column(text), position: i + 1 })),
})

const changes = (before: SourceTable, now: SourceTable, ddl: string, snapshot = false): Partial<Change>[] =>
  changesBetween({ before, now, ddls: [parseDdl(`ALTER TABLE t ${ddl}`)], snapshot }).map(({ detail: _, ...rest }) => rest)

describe('changesBetween', () => {
  const before = table(['id INT', 'a INT', 'b VARCHAR(10)'])

  it.each<[string, SourceTable, Partial<Change>[]]>([
    ['ADD c INT DEFAULT 7', table(['id INT', 'a INT', 'b VARCHAR(10)', 'c INT']), [{ kind: 'added', column: 'c', fill: '7' }]],
    [
      'ADD c INT NOT NULL',
      table(['id INT', 'a INT', 'b VARCHAR(10)', 'c INT NOT NULL']),
      [{ kind: 'added', column: 'c', fill: '0' }],
    ],
    [
      'ADD c DATETIME DEFAULT NOW()',
      table(['id INT', 'a INT', 'b VARCHAR(10)', 'c DATETIME']),
      [{ kind: 'added_computed', column: 'c' }],
    ],
    ['DROP a', table(['id INT', 'b VARCHAR(10)']), [{ kind: 'dropped', column: 'a' }]],
    ['RENAME COLUMN a TO c', table(['id INT', 'c INT', 'b VARCHAR(10)']), [{ kind: 'renamed', column: 'c', from: 'a' }]],
    ['RENAME COLUMN a TO A', table(['id INT', 'A INT', 'b VARCHAR(10)']), []],
    [
      'CHANGE a b INT, CHANGE b a VARCHAR(10)',
      table(['id INT', 'b INT', 'a VARCHAR(10)']),
      [
        { kind: 'renamed', column: 'b', from: 'a' },
        { kind: 'renamed', column: 'a', from: 'b' },
      ],
    ],
    ['MODIFY b VARCHAR(20)', table(['id INT', 'a INT', 'b VARCHAR(20)']), [{ kind: 'widened', column: 'b' }]],
    ['MODIFY a INT NOT NULL', table(['id INT', 'a INT NOT NULL', 'b VARCHAR(10)']), [{ kind: 'nullability', column: 'a' }]],
    ['MODIFY b VARCHAR(10) FIRST', table(['b VARCHAR(10)', 'id INT', 'a INT']), [{ kind: 'reordered' }]],
    ['DROP PRIMARY KEY, ADD PRIMARY KEY (a)', table(['id INT', 'a INT', 'b VARCHAR(10)'], ['a']), [{ kind: 'primary_key' }]],
    ['RENAME COLUMN id TO k', table(['k INT', 'a INT', 'b VARCHAR(10)'], ['k']), [{ kind: 'renamed', column: 'k', from: 'id' }]],
    [
      'MODIFY id VARCHAR(5)',
      table(['id VARCHAR(5)', 'a INT', 'b VARCHAR(10)']),
      [{ kind: 'incompatible', column: 'id' }, { kind: 'primary_key' }],
    ],
    [
      'CHANGE id k DATE',
      table(['k DATE', 'a INT', 'b VARCHAR(10)'], ['K']),
      [{ kind: 'renamed', column: 'k', from: 'id' }, { kind: 'incompatible', column: 'k' }, { kind: 'primary_key' }],
    ],
    ['MODIFY id BIGINT', table(['id BIGINT', 'a INT', 'b VARCHAR(10)']), [{ kind: 'widened', column: 'id' }]],
    ['DROP PARTITION p', before, [{ kind: 'partition' }]],
    [
      'DROP a, ADD a INT DEFAULT 1',
      table(['id INT', 'b VARCHAR(10)', 'a INT']),
      [
        { kind: 'added', column: 'a', fill: '1' },
        { kind: 'dropped', column: 'a' },
      ],
    ],
    ['ADD INDEX (a)', before, []],
  ])('%s', (ddl, now, expected) => {
    expect(changes(before, now, ddl)).toEqual(expected)
  })

  it('does not take a column that went for one that came, unless a snapshot has read all rows anew', () => {
    const now = table(['id INT', 'c INT', 'b VARCHAR(10)'])
    expect(changes(before, now, 'ENGINE = InnoDB').map(({ kind }) => kind)).toEqual(['added_computed', 'dropped', 'unclear'])
    expect(changes(before, now, '', true).map(({ kind }) => kind)).toEqual(['added', 'dropped'])
    expect(
      changes(before, table(['id INT', 'a BIGINT', 'b VARCHAR(10)']), "MODIFY a BIGINT COMMENT 'x").map(({ kind }) => kind),
    ).toEqual(['widened', 'unclear'])
  })

  it('follows renames and defaults through several statements', () => {
    const ddls = ['ADD c INT DEFAULT 3', 'RENAME COLUMN a TO x', 'RENAME COLUMN x TO y, RENAME COLUMN c TO d'].map(ddl =>
      parseDdl(`ALTER TABLE t ${ddl}`),
    )
    const found = changesBetween({ before, now: table(['id INT', 'y INT', 'b VARCHAR(10)', 'd INT']), ddls, snapshot: false })
    expect(found).toMatchObject([
      { kind: 'renamed', column: 'y', from: 'a' },
      { kind: 'added', column: 'd', fill: '3' },
    ])
  })
})

describe('compareTypes', () => {
  it.each([
    ['INT', 'INT', 'same'],
    ['INT(11)', 'INT', 'same'],
    ['INT', 'BIGINT', 'widened'],
    ['INT', 'INT unsigned', 'widened'],
    ['INT', 'BIGINT unsigned', 'widened'],
    ['BIGINT unsigned', 'BIGINT', 'narrowed'],
    ['BIGINT', 'INT', 'narrowed'],
    ['INT', 'DECIMAL(12,2)', 'widened'],
    ['INT', 'DECIMAL(10,2)', 'incompatible'],
    ['INT', 'VARCHAR(20)', 'widened'],
    ['INT', 'VARCHAR(5)', 'incompatible'],
    ['FLOAT', 'DOUBLE', 'widened'],
    ['DOUBLE', 'FLOAT', 'narrowed'],
    ['BIGINT', 'DOUBLE', 'incompatible'],
    ['DECIMAL(10,2)', 'DECIMAL(12,4)', 'widened'],
    ['DECIMAL(10,2)', 'DECIMAL(12,1)', 'incompatible'],
    ['DECIMAL(10,2)', 'DECIMAL(8,2)', 'narrowed'],
    ['DECIMAL(38,2)', 'DECIMAL(65,2)', 'incompatible'],
    ['VARCHAR(10)', 'TEXT', 'widened'],
    ['CHAR(10)', 'VARCHAR(10)', 'same'],
    ['TEXT', 'VARCHAR(10)', 'narrowed'],
    ['VARCHAR(10)', 'CHAR(10)', 'narrowed'],
    ['VARCHAR(10)', 'NCHAR(20)', 'narrowed'],
    ['INT', 'CHAR(20)', 'widened'],
    ['CHAR(10)', 'CHARACTER(10)', 'same'],
    ["ENUM('a','b')", "ENUM('a','b','c')", 'labels'],
    ["ENUM('a','b')", 'VARCHAR(9)', 'widened'],
    ['DATETIME(3)', 'DATETIME(6)', 'widened'],
    ['DATETIME(6)', 'DATETIME', 'narrowed'],
    ['DATE', 'DATETIME', 'widened'],
    ['DATETIME', 'TIMESTAMP', 'incompatible'],
    ['BINARY(4)', 'BINARY(8)', 'incompatible'],
    ['VARBINARY(4)', 'VARBINARY(8)', 'widened'],
    ['JSON', 'TEXT', 'incompatible'],
    ['POINT', 'POINT', 'same'],
    ['TEXT(100)', 'TINYTEXT', 'same'],
    ['BOOLEAN', 'TINYINT(1)', 'same'],
    ['NUMERIC', 'DECIMAL(10,0)', 'same'],
    ['GEOMCOLLECTION', 'GEOMETRYCOLLECTION', 'same'],
  ])('%s to %s: %s', (before, now, expected) => {
    expect(compareTypes(column(`c ${before}`), column(`c ${now}`))).toBe(expected)
  })
})

describe('constantDefault', () => {
  it.each<[string, string, string | null | undefined]>([
    ['INT', "DEFAULT '7'", '7'],
    ['INT', 'DEFAULT 7.5', undefined],
    ['DECIMAL(5,2)', 'DEFAULT 1.50', '1.50'],
    ['VARCHAR(9)', 'DEFAULT 1.50', '1.50'],
    ['VARCHAR(9)', 'NOT NULL', ''],
    ['VARCHAR(9)', "DEFAULT 'a '", 'a '],
    ['CHAR(9)', "DEFAULT 'a  '", 'a'],
    ['YEAR', 'DEFAULT 1999', '1999'],
    ['YEAR', "DEFAULT '99'", undefined],
    ['BINARY(3)', "DEFAULT 'a'", '610000'],
    ["ENUM('p','Q')", "DEFAULT 'q'", 'Q'],
    ["ENUM('p','Q')", 'NOT NULL', 'p'],
    ["SET('a','b')", "DEFAULT 'B,a'", 'a,b'],
    ['BIT(4)', "DEFAULT b'101'", '5'],
    ['DATE', "DEFAULT '2026-01-02'", '2026-01-02'],
    ['DATE', "DEFAULT '20260102'", undefined],
    ['DATETIME(3)', "DEFAULT '2026-01-02 03:04:05.678'", '2026-01-02 03:04:05.678'],
    ['DATETIME', "DEFAULT '2026-01-02 03:04:05.678'", undefined],
    ['DATETIME', 'NOT NULL', undefined],
    ['TIMESTAMP', "DEFAULT '2026-01-02 03:04:05'", undefined],
    ['TIME', "DEFAULT '-1:02:03'", '-1:02:03'],
    ['JSON', 'DEFAULT NULL', null],
  ])('%s %s', (type, rest, expected) => {
    const { addedColumns } = parseDdl(`ALTER TABLE t ADD c ${type} ${rest}`)
    expect(constantDefault(column(`c ${type}`), addedColumns[0]!.value)).toBe(expected)
  })
})
