import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDdl } from '../../../../processors/schema/ddl.ts'

describe('parseDdl', () => {
  it.each<[string, { from: string; to: string }[]]>([
    ['ALTER TABLE t RENAME COLUMN a TO b', [{ from: 'a', to: 'b' }]],
    ['alter table `shop`.`t` change column `a``x` "b c" INT NOT NULL DEFAULT (1 + 2), add d int', [{ from: 'a`x', to: 'b c' }]],
    [
      'ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a, ALGORITHM=INPLACE',
      [
        { from: 'a', to: 'b' },
        { from: 'b', to: 'a' },
      ],
    ],
    ['ALTER TABLE t /* RENAME COLUMN x TO y */ -- RENAME COLUMN x TO y\n CHANGE a b INT # CHANGE x y', [{ from: 'a', to: 'b' }]],
    ['ALTER TABLE t /*!80000 RENAME COLUMN a TO b */;', [{ from: 'a', to: 'b' }]],
    ["ALTER TABLE t COMMENT 'RENAME COLUMN a TO b, it''s \\' fine', ADD INDEX (a)", []],
    ['ALTER TABLE t CHANGE a a BIGINT', []],
    ['ALTER TABLE t RENAME TO u, RENAME INDEX a TO b', []],
    ['ALTER ONLINE IGNORE TABLE IF EXISTS t NOWAIT CHANGE COLUMN IF EXISTS a b INT', [{ from: 'a', to: 'b' }]],
    ['CREATE TABLE t (a INT)', []],
    ['ALTER TABLE t --\n RENAME COLUMN a TO b', [{ from: 'a', to: 'b' }]],
    ['ALTER TABLE shop.2020_t CHANGE a b INT', [{ from: 'a', to: 'b' }]],
    ['ALTER TABLE `shop`.5t CHANGE a b INT', [{ from: 'a', to: 'b' }]],
    ['ALTER TABLE shop.5e3 CHANGE a b INT', [{ from: 'a', to: 'b' }]],
  ])('reads the renames of %s', (ddl, renamedColumns) => {
    expect(parseDdl(ddl)).toMatchObject({ understood: true, renamedColumns })
  })

  it.each<[string, [string, unknown][]]>([
    ['ADD COLUMN a INT', [['a', { constant: null }]]],
    [
      'ADD a INT DEFAULT 7, ADD COLUMN b INT DEFAULT -7 FIRST',
      [
        ['a', { constant: '7' }],
        ['b', { constant: '-7' }],
      ],
    ],
    [
      "ADD (a VARCHAR(9) DEFAULT 'x, y', b DECIMAL(4,2) NOT NULL)",
      [
        ['a', { constant: 'x, y' }],
        ['b', 'implicit'],
      ],
    ],
    ["ADD `a` ENUM('p,q', 'r') NOT NULL DEFAULT 'r' COMMENT 'DEFAULT 3' AFTER b", [['a', { constant: 'r' }]]],
    ['ADD a TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP', [['a', 'computed']]],
    [
      'ADD a INT DEFAULT (7), ADD b INT DEFAULT (7 + 1), ADD c JSON DEFAULT (JSON_ARRAY())',
      [
        ['a', { constant: '7' }],
        ['b', 'computed'],
        ['c', 'computed'],
      ],
    ],
    [
      'ADD a INT AS (b + 1) STORED, ADD c INT GENERATED ALWAYS AS (b), ADD d INT AUTO_INCREMENT',
      [
        ['a', 'computed'],
        ['c', 'computed'],
        ['d', 'computed'],
      ],
    ],
    [
      "ADD a BIT(4) DEFAULT b'101', ADD b BOOL DEFAULT TRUE, ADD c CHAR(3) DEFAULT _utf8mb4'x'",
      [
        ['a', { bits: '101' }],
        ['b', { constant: '1' }],
        ['c', 'computed'],
      ],
    ],
    [
      'ADD period INT DEFAULT 5, ADD COLUMN vector INT DEFAULT 6, ADD (system INT DEFAULT 7, PERIOD FOR SYSTEM_TIME (a, b))',
      [
        ['period', { constant: '5' }],
        ['vector', { constant: '6' }],
        ['system', { constant: '7' }],
      ],
    ],
    ['ADD PERIOD FOR SYSTEM_TIME (a, b), ADD SYSTEM VERSIONING, ADD VECTOR INDEX (v)', []],
    ['ADD a DECIMAL(4,2) DEFAULT .5', [['a', { constant: '.5' }]]],
    ['ADD INDEX (a), ADD UNIQUE KEY k (b), ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (a), ADD PRIMARY KEY (a)', []],
  ])('reads the defaults of %s', (specs, added) => {
    const found = parseDdl(`ALTER TABLE t ${specs}`)
    expect(found.addedColumns.map(({ name, value }) => [name, value])).toEqual(added)
    expect(found.understood).toBe(true)
  })

  it.each([
    ['ALTER TABLE t DROP PARTITION p0, p1', 'dropped'],
    ['ALTER TABLE t TRUNCATE PARTITION ALL', 'truncated'],
    ['ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u', 'exchanged'],
    ['ALTER TABLE t CONVERT TABLE u TO PARTITION p VALUES LESS THAN (9)', 'exchanged'],
    ['ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4', undefined],
    ['ALTER TABLE t DROP COLUMN `partition`', undefined],
    ['ALTER TABLE t REORGANIZE PARTITION p INTO (PARTITION a VALUES LESS THAN (9))', undefined],
  ])('knows how partitions lose their rows: %s', (ddl, partitions) => {
    expect(parseDdl(ddl).partitions).toBe(partitions)
  })

  it.each(["ALTER TABLE t ADD a INT DEFAULT 'x", 'ALTER TABLE `t RENAME COLUMN a TO b', 'ALTER', 'ANALYZE TABLE t'])(
    'says what it does not understand: %s',
    ddl => {
      expect(parseDdl(ddl).understood).toBe(false)
    },
  )

  it('finds a rename and a default of any names, texts and comments', () => {
    const name = fc.string({ minLength: 1, maxLength: 8 }).filter(text => !text.includes('\0'))
    fc.assert(
      fc.property(name, name, fc.string({ maxLength: 12 }), (from, to, text) => {
        fc.pre(from !== to)
        const ticked = (one: string) => `\`${one.replaceAll('`', '``')}\``
        const quoted = `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
        const comment = `/* ${text.replaceAll('*/', '').replace(/^[!M]+/, '')} */`
        const ddl = `ALTER TABLE ${ticked(to)} ${comment} ADD ${ticked(to)} VARCHAR(99) DEFAULT ${quoted}, RENAME COLUMN ${ticked(from)} TO ${ticked(to)}`
        const found = parseDdl(ddl)
        expect(found.renamedColumns).toEqual([{ from, to }])
        expect(found.addedColumns).toEqual([{ name: to, value: { constant: text } }])
      }),
    )
  })

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => void parseDdl(`ALTER TABLE t ${text}`)))
  })
})
