import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DdlTable, Location } from '../../../sql/ddl/table.ts'
import { type DdlEngine, ddl, ddlEngines, ddlText } from '../../../sql/ddl.ts'
import { multiplied } from '../multiplied.ts'

const azure = {
  kind: 'azure',
  account: 'mylake',
  suffix: 'core.windows.net',
  container: 'silver',
  prefix: 'team/x',
  path: 'shop/orders',
} as const
const local = { kind: 'local', folder: '/data/lake/silver/shop/orders' } as const
const emulator = {
  kind: 'emulator',
  endpoint: 'http://127.0.0.1:10000/devstoreaccount1',
  container: 'silver',
  prefix: '',
  path: 'shop/orders',
} as const

const orders = (location: Location): DdlTable[] => [
  { zone: 'silver', name: 'orders', location },
  {
    zone: 'silver',
    name: 'orders_history',
    location: { ...location, ...inside(`${(location as { path?: string }).path}_history`) },
    historyKey: ['shop', 'id'],
  },
]
const inside = (path: string) => ({ path })

/** Engines that read a place, with what they are told of it. */
const told: [DdlEngine, Location, RegExp][] = [
  [
    'spark',
    local,
    /CREATE TABLE IF NOT EXISTS `silver`\.`orders` USING DELTA LOCATION 'file:\/\/\/data\/lake\/silver\/shop\/orders'/,
  ],
  ['spark', azure, /LOCATION 'abfss:\/\/silver@mylake\.dfs\.core\.windows\.net\/team\/x\/shop\/orders'/],
  [
    'databricks',
    azure,
    /EXTERNAL LOCATION IF NOT EXISTS `binlake_silver` URL 'abfss:\/\/silver@mylake\.dfs\.core\.windows\.net\/team\/x' WITH \(STORAGE CREDENTIAL `<storage credential>`\)/,
  ],
  [
    'fabric',
    azure,
    /"location":"https:\/\/mylake\.dfs\.core\.windows\.net","subpath":"\/silver\/team\/x\/shop\/orders","connectionId":"'"\$CONNECTION_1"'"/,
  ],
  [
    'trino',
    azure,
    /CALL "delta"\.system\.register_table\(schema_name => 'silver', table_name => 'orders', table_location => 'abfss:\/\/silver@mylake/,
  ],
  ['trino', local, /table_location => 'file:\/\/\/data\/lake\/silver\/shop\/orders'/],
  ['duckdb', local, /VIEW "silver"\."orders" AS SELECT \* FROM delta_scan\('file:\/\/\/data\/lake\/silver\/shop\/orders'\)/],
  ['duckdb', azure, /SECRET "binlake_mylake" \(TYPE azure, PROVIDER credential_chain, ACCOUNT_NAME 'mylake'\)/],
  ['clickhouse', local, /`silver`\.`orders` ENGINE = DeltaLakeLocal\('\/data\/lake\/silver\/shop\/orders'\)/],
  [
    'clickhouse',
    azure,
    /DeltaLakeAzure\('https:\/\/mylake\.blob\.core\.windows\.net', 'silver', 'team\/x\/shop\/orders', 'mylake', '<account key>'\)/,
  ],
  [
    'clickhouse',
    emulator,
    /DeltaLakeAzure\('http:\/\/127\.0\.0\.1:10000\/devstoreaccount1', 'silver', 'shop\/orders', 'devstoreaccount1', '<account key>'\)/,
  ],
  ['snowflake', azure, /STORAGE_BASE_URL = 'azure:\/\/mylake\.blob\.core\.windows\.net\/silver\/team\/x\/'/],
  [
    'snowflake',
    azure,
    /ICEBERG TABLE IF NOT EXISTS "SILVER"\."ORDERS" EXTERNAL_VOLUME = 'BINLAKE_SILVER' CATALOG = 'BINLAKE_DELTA' BASE_LOCATION = 'shop\/orders'/,
  ],
]

test.each(told)('%s, %j', (engine, location, expected) => {
  expect(ddl(engine, orders(location)).statements.join('\n')).toMatch(expected)
})

test.each(ddlEngines.flatMap(engine => [local, azure, emulator].map(location => [engine, location.kind, location] as const)))(
  '%s either reads a lake on %s or refuses with where it can',
  (engine, kind, location) => {
    const able = told.some(([one, place]) => one === engine && place.kind === kind)
    if (able) expect(ddl(engine, orders(location)).statements.length).toBeGreaterThan(1)
    else {
      expect(() => ddl(engine, orders(location))).toThrow(
        expect.objectContaining({ code: 'DDL_UNSUPPORTED', message: expect.stringContaining(`${engine} cannot read`) }),
      )
    }
  },
)

test('histories get a view that closes their versions', () => {
  const text = ddlText('spark', orders(local))
  expect(text).toContain('VIEW `silver`.`orders_history_view`')
  expect(text).toContain('lead(`_valid_from`) OVER (PARTITION BY `shop`, `id` ORDER BY `_valid_from`, `_seq`)')
})

test('names that an engine cannot take are replaced, and stay apart', () => {
  const tables = ['shop.orders', 'shop orders', 'SHOP_ORDERS', '日本', '1st'].map(name => ({
    zone: 'silver',
    name,
    location: azure,
  }))
  const names = ddl('databricks', tables).statements.flatMap(
    text => /^CREATE TABLE IF NOT EXISTS `silver`\.`(.*?)`/.exec(text)?.[1] ?? [],
  )
  expect(names).toEqual(['shop_orders', 'shop_orders_2', 'SHOP_ORDERS_3', '__', '_1st'])
  const kept = ddl(
    'duckdb',
    tables.map(table => ({ ...table, location: local })),
  ).statements
  expect(kept.join('\n')).toContain('"silver"."shop orders"')
})

/** Everything that quoting must survive. */
const hostile = fc
  .array(
    fc.constantFrom(
      "'",
      '"',
      '`',
      '\\',
      ';',
      '--',
      '/*',
      '*/',
      '\n',
      '\r',
      '\u2028',
      ' ',
      '$',
      `\${x}`,
      '%',
      '#',
      '?',
      'é',
      '日',
      '😀',
      'a',
      'B',
      '_',
      '.',
    ),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map(parts => parts.join(''))

/** One token after the other, as the engines' scanners cut a statement. */
function scan(
  text: string,
  { nameQuote, backslashText, backslashName }: { nameQuote: string; backslashText: boolean; backslashName: boolean },
) {
  const tokens: { kind: 'name' | 'text' | 'plain'; value: string }[] = []
  for (let at = 0; at < text.length; ) {
    const quote = text[at]!
    if (quote !== "'" && quote !== nameQuote) {
      const last = tokens.at(-1)
      if (last?.kind === 'plain') last.value += quote
      else tokens.push({ kind: 'plain', value: quote })
      at++
      continue
    }
    const backslash = quote === "'" ? backslashText : backslashName
    let value = ''
    for (at++; ; ) {
      if (at >= text.length) throw new Error('a quote that does not end')
      if (backslash && text[at] === '\\') {
        value += text[at + 1]
        at += 2
      } else if (text[at] === quote) {
        if (text[at + 1] !== quote) break
        value += quote
        at += 2
      } else value += text[at++]
    }
    at++
    tokens.push({ kind: quote === "'" ? 'text' : 'name', value })
  }
  return tokens
}

const scanners = {
  spark: { nameQuote: '`', backslashText: true, backslashName: false },
  databricks: { nameQuote: '`', backslashText: true, backslashName: false },
  trino: { nameQuote: '"', backslashText: false, backslashName: false },
  duckdb: { nameQuote: '"', backslashText: false, backslashName: false },
  clickhouse: { nameQuote: '`', backslashText: true, backslashName: true },
  snowflake: { nameQuote: '"', backslashText: true, backslashName: false },
}

describe('whatever the names and folders hold', () => {
  test.each(Object.entries(scanners))('%s: a statement stays one statement, and says those names', (engine, scanner) => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (name, folder, column) => {
        const location: Location =
          engine === 'spark' || engine === 'duckdb' || engine === 'clickhouse'
            ? { kind: 'local', folder: `/${folder}` }
            : { ...azure, prefix: folder }
        const tables = [
          { zone: 'silver', name, location },
          { zone: 'silver', name: `${name}_history`, location, historyKey: [column] },
        ]
        const { statements } = ddl(engine as DdlEngine, tables)
        const scanned = statements.map(text => scan(text, scanner))
        for (const tokens of scanned)
          for (const { kind, value } of tokens) if (kind === 'plain') expect(value).not.toMatch(/[;'"`\\]|--|\/\*/)
        const names = scanned.flat().flatMap(({ kind, value }) => (kind === 'name' ? [value] : []))
        if (engine !== 'snowflake') expect(names).toContain(engine === 'trino' ? column.toLowerCase() : column)
        if (engine === 'duckdb' || engine === 'clickhouse') expect(names).toContain(name)
        const texts = scanned.flat().flatMap(({ kind, value }) => (kind === 'text' ? [value] : []))
        if (engine === 'clickhouse') expect(texts).toContain(`/${folder}`)
        else if (engine === 'spark') expect(texts).toContain(`file:///${folder}`)
        else if (engine !== 'duckdb') expect(texts.some(text => text.includes(folder))).toBe(true)
      }),
    )
  })

  test('comments stay comments', () => {
    fc.assert(
      fc.property(hostile, column => {
        const text = ddlText('fabric', [{ zone: 'silver', name: 'h', location: azure, historyKey: [column] }])
        const [comments, rest] = [
          text.split('\n').filter(line => line.startsWith('# ')),
          text.split('\n').filter(line => !line.startsWith('# ')),
        ]
        expect(comments.length).toBeGreaterThan(4)
        expect(rest).toHaveLength(4)
      }),
    )
  })

  test('a shell gets the very JSON', () => {
    fc.assert(
      fc.property(hostile, folder => {
        const { statements } = ddl('fabric', [{ zone: 'silver', name: 'h', location: { ...azure, prefix: folder } }])
        const script = `az() { printf '%s' "\${@: -1}"; }\n${statements.join('\n')}`
        const body = JSON.parse(execFileSync('bash', ['-c', script], { encoding: 'utf8' })) as { target: { adlsGen2: object } }
        expect(body.target.adlsGen2).toEqual({
          location: 'https://mylake.dfs.core.windows.net',
          subpath: `/silver/${folder}/shop/orders`,
          connectionId: '<id of a connection to https://mylake.dfs.core.windows.net>',
        })
      }),
      { numRuns: multiplied(25) },
    )
  })
})

test('no engine is told a secret: places hold none, ways in are placeholders', () => {
  for (const engine of ddlEngines) {
    const text = ddlText(engine, orders(azure))
    expect(text).toMatch(/<[a-z ]+>|credential_chain|azure\.auth-type=DEFAULT/)
    expect(text).not.toMatch(/sig=|AccountKey=/)
  }
})
