// What `binlake explain` says of one key, on forged histories through the real line.
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { explainReport } from '../../../../cli/explain-report.ts'
import { sql } from '../../../../lake/sql.ts'
import { MaskKey } from '../../../../privacy/keys.ts'
import { compileMask } from '../../../../privacy/mask.ts'
import { parsePolicy } from '../../../../privacy/policy.ts'
import { bindKey, tokenSql } from '../../../../privacy/token.ts'
import type { AskedKey } from '../../../../processors/explain/asked-key.ts'
import { type Explanation, explainKey } from '../../../../processors/explain/explain.ts'
import { drop, mend } from '../../../../processors/quarantine/mend.ts'
import { tokenKey } from '../../../../processors/replay/key-token.ts'
import type { SourceTable } from '../../../../processors/source-schema.ts'
import { c, d, Forge, r, raw, t, tombstone, u, valueText } from '../../scenarios/forge.ts'

const log = pino({ level: 'silent' })

async function explained(s: Forge, asked: AskedKey | number, { values = false } = {}): Promise<Explanation | undefined> {
  const { schema, policy: text } = await s.way('t')
  const policy = parsePolicy(text, 'policy.yaml')
  const { duck, lake } = s.events
  const keys = new Map()
  const context = { duck, lake, log, policy, keys, gold: [] }
  const key = typeof asked === 'number' ? { ordered: [String(asked)] } : asked
  return explainKey(context, { schema, mask: compileMask(policy, schema, keys) }, { asked: key, values, gold: true })
}

const verdicts = (explanation: Explanation | undefined) =>
  explanation!.events.map(({ offset, outcome, why }) => `${offset} ${outcome}: ${why}`)

describe('explain', () => {
  it('says which event won, which was sent twice and which is older, and why', async () => {
    await using s = await Forge.open()
    const [first, second] = [c(1, 'a', { pos: 100 }), u(1, 'b', { pos: 200 })]
    const third = u(1, 'c', { pos: 300, file: 'binlog.000002' })
    await s.steps(first, c(2, 'other', { pos: 150 }), second, third, second)
    await s.steps(r(1, 'old', { pos: 250, snapshot: 'incremental' }))
    expect(verdicts(await explained(s, 1))).toEqual([
      '0 APPLY: the first event of the key',
      '2 APPLY: follows 0:0: its position binlog.000001:200 (there binlog.000001:100) is higher',
      '3 APPLY: follows 0:2: its position binlog.000002:300 (there binlog.000001:200) is higher',
      '4 DUP: the same event as 0:2, sent twice: binlog.000001:200, row 0',
      '5 STALE: older than what the key has from 0:3: its position binlog.000001:250 (there binlog.000002:300) is lower',
    ])
    expect(await explained(s, 3)).toBeUndefined()
  })

  it('names GTIDs, servers, truncates, tombstones, and what silver holds', async () => {
    await using s = await Forge.open()
    await s.steps(
      c(1, 'a', { gtid: 'aa:5', order: 1 }),
      u(1, 'b', { gtid: 'aa:5', order: 2 }),
      u(1, 'c', { gtid: 'bb:1', order: 1 }),
    )
    await s.steps(
      d(1, { gtid: 'bb:2', order: 1 }),
      tombstone(1),
      t({ gtid: 'bb:3', order: 1 }),
      c(1, 'd', { gtid: 'bb:4', order: 1 }),
    )
    const found = await explained(s, 1, { values: true })
    expect(verdicts(found)).toEqual([
      '0 APPLY: the first event of the key',
      '1 APPLY: follows 0:0: its place 2 in the transaction (there 1) is higher',
      "2 APPLY: nothing compares it with 0:1 (GTIDs of two servers), so Kafka's order decides: it came later",
      "3 APPLY: follows 0:2: its GTID's number 2 (there 1) is higher",
      '4 SKIPPED: a tombstone: what it stands for, the deletion before it says',
      '5 SKIPPED: a truncate; the key had no row then',
      "6 APPLY: follows 0:3: its GTID's number 4 (there 2) is higher",
    ])
    expect(found!.silver.row).toMatchObject({ table: 'silver/shop/t', offset: 6n, values: { id: '1', v: 'd' } })
    expect(found!.silver.history.map(({ op, seq }) => [op, seq])).toEqual([
      ['c', 0n],
      ['u', 1n],
      ['u', 2n],
      ['d', 3n],
      ['c', 6n],
    ])
    expect(found!.silver.history.map(({ validTo }) => validTo === null)).toEqual([false, false, false, false, true])
    expect(found!.events[6]!.value).toContain('"v":"d"')
    expect((await explained(s, 1))!.events[6]).not.toHaveProperty('value')
  })

  it('follows a tombstone that stands alone, and names a row by a token of a finding', async () => {
    await using s = await Forge.open()
    await s.steps(c(1, 'a', { pos: 100 }), c(2, 'x', { pos: 110 }), tombstone(1), c(1, 'b', { pos: 50 }))
    const found = await explained(s, 1)
    expect(verdicts(found)).toEqual([
      '0 APPLY: the first event of the key',
      '2 APPLY: a tombstone whose deletion is not in the topic: the row ends',
      "3 APPLY: nothing compares it with 0:2 (a tombstone has no position), so Kafka's order decides: it came later",
    ])
    expect(found!.events.filter(({ differs }) => differs)).toEqual([])
    const { duck, lake } = s.events
    const key = tokenKey(new Map(), (await lake.current('bronze/shop/t'))!.metaData.id)
    await bindKey(duck, key)
    const named = await duck.row<{ token: string }>(sql`SELECT ${tokenSql(sql`'1'`, key, 'exact')} AS token`)
    expect(verdicts(await explained(s, { ordered: [named!.token], whole: named!.token }))).toEqual(verdicts(found))
  })

  it('stops at the event that the table stands still at', async () => {
    await using s = await Forge.open()
    await s.steps(
      c(1, 'a', { pos: 1_000 }),
      u(1, 'b', { pos: 10, ts: 1_800_000_900_000 }),
      u(1, 'c', { pos: 20, ts: 1_800_000_901_000 }),
    )
    const found = await explained(s, 1)
    expect(found!.events.map(({ outcome, waits }) => [outcome, waits])).toEqual([
      ['APPLY', false],
      ['HALT', true],
      ['NOT REACHED', true],
    ])
    expect(found!.halted).toContain('binlake resume')
  })

  it('shows what waits in quarantine, what was corrected and what was given up', async () => {
    await using s = await Forge.open()
    await s.steps(
      c(1, 'a'),
      raw('broken', { key: { id: 1 } }),
      raw('broken', { key: { id: 1 } }),
      raw('broken', { key: { id: 2 } }),
    )
    const way = s.events.way(await s.way('t'))
    await mend(s.events.duck, way, {
      at: { partition: 0, offset: 1n },
      value: Buffer.from(valueText({ ...u(1, 'b'), pos: 20 })!),
    })
    await s.refine()
    const found = await explained(s, 1)
    expect(verdicts(found)).toEqual([
      '0 APPLY: the first event of the key',
      '1 APPLY: follows 0:0: its position binlog.000001:20 (there binlog.000001:10) is higher',
    ])
    expect(found!.quarantined.map(({ offset, settled }) => [offset, settled])).toEqual([
      [1n, 'mended'],
      [2n, null],
    ])
    expect(found!.decisions.map(({ kind, words }) => [kind, words])).toEqual([['mend', 'corrected: 0:1']])
    await drop(s.events.duck, { lake: s.events.lake, name: way.schema }, { because: 'a test', at: { partition: 0, offset: 2n } })
    expect((await explained(s, 1))!.quarantined.map(({ offset }) => offset)).toEqual([1n])
  })

  it('reads a composite key by its types, in order or by name', async () => {
    const pair: SourceTable = {
      database: 'shop',
      table: 't',
      primaryKey: ['b', 'a'],
      columns: [
        { name: 'a', typeName: 'DECIMAL', length: 6, scale: 2, optional: false, position: 1 },
        { name: 'b', typeName: 'VARCHAR', optional: false, position: 2 },
        { name: 'v', typeName: 'VARCHAR', optional: true, position: 3 },
      ],
    }
    await using s = await Forge.open({ schemas: [pair] })
    await s.steps(c({ a: '1.50', b: 'x,y' }, 'one'), c({ a: '1.50', b: 'x' }, 'two'))
    for (const asked of [{ ordered: ['x,y', '1.5'] }, { values: { A: '01.50', b: 'x,y' } }, { at: { partition: 0, offset: 0n } }])
      expect(verdicts(await explained(s, asked))).toEqual(['0 APPLY: the first event of the key'])
    await expect(explained(s, { ordered: ['x'] })).rejects.toThrow(
      /1 value for 2 key columns; its key is \(b, a\).*--key b=… --key a=…/,
    )
    await expect(explained(s, { values: { b: 'x' } })).rejects.toThrow(/a is missing/)
    await expect(explained(s, { values: { b: 'x', a: '1', v: '2' } })).rejects.toThrow(/v is no key column/)
  })

  it('finds a masked key by its own value and by the one in silver', async () => {
    await using s = await Forge.open()
    const policy = parsePolicy(
      'version: 1\nkeys:\n  pii: {current: v1, canonical: exact}\ntables:\n  t:\n    id: {class: direct, strategy: token, domain: pii, allow_key: true}\n    v: {class: direct, strategy: partial.name}\n',
      'policy.yaml',
    )
    const keys = new Map([['pii', new MaskKey({ domain: 'pii', version: 'v1' }, Buffer.alloc(32, 7))]])
    const { schema } = await s.way('t')
    const { duck, lake } = s.events
    await s.ingest(c(1, 'Ada Lovelace'), c(2, 'Alan Turing'), u(1, 'Ada King'))
    const mask = compileMask(policy, schema, keys)
    const { refine } = await import('../../../../processors/refine.ts')
    await refine(duck, { lake, log, schema, mask, maxRows: 100 })
    const context = { duck, lake, log, policy, keys, gold: [] }
    const ask = (value: string) =>
      explainKey(context, { schema, mask }, { asked: { ordered: [value] }, values: false, gold: false })
    const own = await ask('1')
    expect(own!.events.map(({ offset }) => offset)).toEqual([0n, 2n])
    expect(own!.key.id).toMatch(/^tok_v1_/)
    expect((await ask(own!.key.id!))!.events.map(({ offset }) => offset)).toEqual([0n, 2n])
    expect(own!.columns.map(({ column, rule }) => [column, rule])).toEqual([
      ['id', 'token (domain pii)'],
      ['v', 'partial.name'],
    ])
    expect(
      JSON.stringify(own, (_, one) => (typeof one === 'bigint' ? String(one) : one)) + (await explainReport(own!)),
    ).not.toMatch(/Ada|King|Lovelace/)
  })

  it('says which gold rows the key feeds', async () => {
    await using s = await Forge.open()
    await s.steps(c(1, 'a'), c(2, 'a'), c(3, 'b'))
    const { schema, policy: text } = await s.way('t')
    const policy = parsePolicy(text, 'policy.yaml')
    const { duck, lake } = s.events
    const model = (name: string, query: string, from: string) => {
      const [zone, table] = from.split('.') as ['silver', string]
      return { name, description: '', text: query, inputs: [{ schema: zone, table }], hash: name }
    }
    const gold = [
      model('by_v', 'SELECT v, count(*) AS n FROM silver.t GROUP BY v', 'silver.t'),
      model('few', 'SELECT v FROM gold.by_v WHERE n < 2', 'gold.by_v'),
      model('three', 'SELECT * FROM silver.t WHERE id = 3', 'silver.t'),
    ]
    const { refreshGold } = await import('../../../../processors/gold.ts')
    await refreshGold({ duck, lake, models: gold, log })
    const context = { duck, lake, log, policy, keys: new Map(), gold }
    const mask = compileMask(policy, schema, new Map())
    const found = await explainKey(context, { schema, mask }, { asked: { ordered: ['1'] }, values: true, gold: true })
    expect(found!.gold).toEqual([
      { model: 'by_v', rows: 1, instead: 1, examples: [{ v: 'a', n: '2' }] },
      { model: 'few', rows: 0, instead: 1 },
      { model: 'three', rows: 0, instead: 0 },
    ])
    const page = await explainReport(found!)
    expect(page).toContain('gold.by_v: 1 row depends on it; without it 1 other row would be there')
    expect(page).toContain('gold.three: no row depends on it')
  })
})
