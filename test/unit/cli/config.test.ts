import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type ConfigSources, loadConfig, need, redacted } from '../../../cli/config.ts'
import { ConfigError } from '../../../cli/config-error.ts'
import { settings } from '../../../cli/settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'binlake-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
function load(yaml: string | undefined, rest: Partial<ConfigSources> = {}) {
  const file = join(folder, `c${files++}.yaml`)
  if (yaml !== undefined) writeFileSync(file, yaml)
  return loadConfig({ cwd: folder, env: {}, ...(yaml === undefined ? {} : { file }), ...rest })
}

function problems(work: () => unknown): string[] {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').map(line => line.replace(/^.*?c\d+\.yaml/, 'c.yaml'))
    throw error
  }
  throw new Error('expected a ConfigError')
}

describe('sources', () => {
  it('has defaults for everything that a laptop needs none for', () => {
    const config = load(undefined)
    expect(config.kafka.group).toBe('binlake')
    expect(config.policy.keys).toBe(join(folder, '.binlake', 'keys'))
    expect(config.log.level).toBe('info')
    expect(config.lake.url).toBeUndefined()
  })

  it('lets flags beat the environment, that the file, that a running stack, key by key', () => {
    const stack = {
      file: join(folder, '.binlake', 'stack.json'),
      env: {
        BINLAKE_GROUP: 'stack',
        BINLAKE_TOPIC_PREFIX: 'stack',
        BINLAKE_MYSQL_URL: 'mysql://stack/x',
        BINLAKE_LAKE_URL: 'file:///stack',
      },
    }
    const env = { BINLAKE_GROUP: 'env', BINLAKE_TOPIC_PREFIX: 'env' }
    const flags = { 'kafka.group': { flag: '--set', value: 'flag' } }
    const config = load('kafka: {group: file, prefix: file}\nmysql: {url: mysql://file/x}\n', { stack, env, flags })
    expect([config.kafka.group, config.kafka.prefix, config.mysql.url, config.lake.url]).toEqual([
      'flag',
      'env',
      'mysql://file/x',
      'file:///stack',
    ])
  })

  it('reads every setting from its environment variable', () => {
    const samples: Record<string, [string, unknown]> = {
      'kafka.brokers': ['a:1, b:2', ['a:1', 'b:2']],
      'kafka.prefix': ['shop', 'shop'],
      'kafka.group': ['g', 'g'],
      'kafka.tls.enabled': ['true', true],
      'kafka.tls.ca': ['ca.pem', join(folder, 'ca.pem')],
      'kafka.tls.cert': ['/c.pem', '/c.pem'],
      'kafka.tls.key': ['k.pem', join(folder, 'k.pem')],
      'kafka.sasl.mechanism': ['SCRAM-SHA-512', 'SCRAM-SHA-512'],
      'kafka.sasl.username': ['u', 'u'],
      'kafka.sasl.password': ['p', 'p'],
      'lake.url': ['az://', 'az://'],
      'lake.azure': ['AccountName=x', 'AccountName=x'],
      'lake.key': ['a2V5', 'a2V5'],
      'lake.sas': ['sv=1&sig=x', 'sv=1&sig=x'],
      'lake.client': ['c', 'c'],
      'lake.secret': ['s', 's'],
      'lake.tenant': ['t', 't'],
      'lake.endpoint': ['https://blobs.corp', 'https://blobs.corp'],
      ...Object.fromEntries(
        ['bronze', 'silver', 'gold', 'quarantine'].flatMap(zone =>
          ['azure', 'key', 'sas', 'client', 'secret'].map(kind => [`lake.zones.${zone}.${kind}`, [zone + kind, zone + kind]]),
        ),
      ),
      'lake.retry.tries': ['2', 2],
      'lake.retry.delay': ['1s', 1_000],
      'lake.retry.timeout': ['10s', 10_000],
      'lake.retry.total': ['1m', 60_000],
      'lake.cache': ['cache', join(folder, 'cache')],
      'lake.cachesize': ['5GB', 5_000_000_000],
      'mysql.url': ['mysql://u:p@h:1/d', 'mysql://u:p@h:1/d'],
      'connect.url': ['http://h:8083', 'http://h:8083'],
      'policy.file': ['p.yaml', join(folder, 'p.yaml')],
      'policy.keys': ['keys', join(folder, 'keys')],
      'batch.records': ['10', 10],
      'batch.bytes': ['1.5 MB', 1_500_000],
      'batch.age': ['250ms', 250],
      'merge.interval': ['2m', 120_000],
      'merge.rate': ['1MB', 1e6],
      'merge.rewrites': ['7', 7],
      'merge.allowance': ['2GB', 2e9],
      'merge.rows': ['5', 5],
      'duckdb.memory': ['1GiB', 2 ** 30],
      'duckdb.threads': ['2', 2],
      'log.level': ['debug', 'debug'],
      'maintenance.enabled': ['false', false],
      'verify.every': ['6h', 21_600_000],
      'verify.memory': ['500MB', 500_000_000],
      'verify.lock': ['false', false],
      'maintenance.compact': ['30m', 1_800_000],
      'maintenance.vacuum': ['1d', 86_400_000],
      'maintenance.memory': ['1GB', 1e9],
      'maintenance.write': ['12h', 43_200_000],
      'retention.bronze.log': ['2d', 172_800_000],
      'retention.bronze.files': ['2d', 172_800_000],
      'retention.silver.log': ['2d', 172_800_000],
      'retention.silver.files': ['2d', 172_800_000],
      'retention.gold.log': ['2d', 172_800_000],
      'retention.gold.files': ['2d', 172_800_000],
      'retention.quarantine.log': ['2d', 172_800_000],
      'retention.quarantine.files': ['2d', 172_800_000],
      'retention.wait': ['3d', 259_200_000],
      'kafka.notifications': ['n', 'n'],
      'kafka.signals': ['s', 's'],
      'quarantine.budget': ['5', 5],
      'mysql.gtids': ['unordered', 'unordered'],
      'gold.transactions': ['ignore', 'ignore'],
      'gold.patience': ['2m', 120_000],
      'schema.modes': [
        'dropped=hold, shop.t.added=ignore',
        { all: { dropped: 'hold' }, tables: { 'shop.t': { added: 'ignore' } } },
      ],
    }
    expect(Object.keys(samples).sort()).toEqual(Object.keys(settings).sort())
    const env = Object.fromEntries(Object.entries(samples).map(([key, [text]]) => [settings[key]!.env, text]))
    const config = load(undefined, { env })
    for (const [key, [, expected]] of Object.entries(samples)) {
      expect(
        key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], config),
        key,
      ).toEqual(expected)
    }
  })

  it('takes an empty variable as not set', () => {
    expect(load(undefined, { env: { BINLAKE_GROUP: '' } }).kafka.group).toBe('binlake')
  })

  it("starts relative paths at the file's folder, and makes a plain folder the lake's URL", () => {
    const config = load('lake: {url: ./data}\npolicy: {file: p.yaml}\n', { cwd: '/elsewhere' })
    expect(config.lake.url).toBe(`file://${folder}/data`)
    expect(config.policy.file).toBe(join(folder, 'p.yaml'))
  })

  it('is frozen all the way down', () => {
    const config = load(undefined)
    expect(() => Object.assign(config.kafka.tls, { enabled: true })).toThrow(TypeError)
  })
})

describe('problems', () => {
  it('name file, line, key and what is expected, all at once', () => {
    const yaml =
      'kafka:\n  brokers: localhost\n  group: 5\nbatch:\n  bytes: 12\n  records: many\nlog:\n  level: loud\nlake:\n  url: ftp://x/y\n'
    expect(problems(() => load(yaml))).toEqual([
      'c.yaml:2: kafka.brokers: expected host:port, e.g. localhost:9092',
      'c.yaml:3: kafka.group: expected text',
      'c.yaml:5: batch.bytes: expected a number with a unit (b, kb, mb, gb, kib, mib, gib), e.g. 64MB',
      'c.yaml:6: batch.records: expected a whole number',
      'c.yaml:8: log.level: expected trace, debug, info, warn, error or silent',
      'c.yaml:10: lake.url: expected a URL such as file:///data/lake, abfss://account.dfs.core.windows.net or az://',
    ])
  })

  it('stand at the very line of a map of modes', () => {
    const yaml =
      'schema:\n  modes:\n    droped: hold\n    tables:\n      shop.t:\n        added: evolve\n        widened: ignore\n'
    expect(problems(() => load(yaml))).toEqual([
      'c.yaml:3: schema.modes: unknown kind of change droped; did you mean dropped?',
      'c.yaml:7: schema.modes.tables.shop.t.widened: expected evolve or hold',
    ])
    expect(problems(() => load(undefined, { env: { BINLAKE_SCHEMA_MODES: 'primary_key=ignore' } }))).toEqual([
      'environment variable BINLAKE_SCHEMA_MODES: schema.modes.primary_key: expected evolve or hold',
    ])
  })

  it('suggest the key that was meant', () => {
    expect(problems(() => load('kafka:\n  broker: a:1\nurl: x\nlog: loud\n'))).toEqual([
      'c.yaml:2: kafka.broker: unknown key; did you mean brokers?',
      'c.yaml:3: url: unknown key; did you mean lake.url or mysql.url or connect.url?',
      'c.yaml:4: log: expected level below it',
    ])
  })

  it('point at broken YAML, at a key given twice and at a key without a value', () => {
    expect(problems(() => load('kafka:\n  group: [a\n'))[0]).toMatch(/^c\.yaml:\d: /)
    expect(problems(() => load('log: {level: info}\nlog: {level: warn}\n'))).toEqual(['c.yaml:2: Map keys must be unique'])
    expect(problems(() => load('kafka:\n  group:\n'))).toEqual([
      'c.yaml:2: kafka.group: has no value; give one or remove the line',
    ])
  })

  it('say which variable or flag is wrong, never a secret', () => {
    const env = { BINLAKE_GROUP: 'g', BINLAKE_KAFKA_SASL_MECHANISM: 'GSSAPI', BINLAKE_MYSQL_URL: 'postgres://u:hunter2@h/d' }
    const said = problems(() => load(undefined, { env, flags: { 'batch.records': { flag: '--set batch.records', value: '0' } } }))
    expect(said).toEqual([
      'environment variable BINLAKE_KAFKA_SASL_MECHANISM: kafka.sasl.mechanism: expected PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512',
      'environment variable BINLAKE_MYSQL_URL: mysql.url: expected a URL such as mysql://user:password@localhost:3306/shop',
      'flag --set batch.records: batch.records: expected 1 or more',
    ])
  })

  it('say when the file cannot be read', () => {
    expect(problems(() => loadConfig({ cwd: folder, env: {}, file: 'nowhere.yaml' }))).toEqual([
      'nowhere.yaml: cannot be read (ENOENT): expected a readable YAML file',
    ])
  })

  it('say how to set what a command cannot do without', () => {
    expect(problems(() => need(undefined, 'lake.url'))[0]).toContain(
      'set BINLAKE_LAKE_URL, or lake.url in binlake.yaml, or start a local stack',
    )
    expect(need('x', 'lake.url')).toBe('x')
  })
})

describe('redacted', () => {
  it('shows every setting but no secret', () => {
    const env = {
      BINLAKE_MYSQL_URL: 'mysql://cdc:hun:ter2@p@h:3306/d',
      BINLAKE_KAFKA_PASSWORD: 'hunter2',
      AZURE_STORAGE_CONNECTION_STRING: 'AccountKey=hunter2',
      BINLAKE_CONNECT_URL: 'http://h:8083',
    }
    const shown = redacted(load(undefined, { env }))
    expect(JSON.stringify(shown)).not.toMatch(/hun|ter2/)
    expect(shown).toMatchObject({
      'mysql.url': 'mysql://cdc:***@h:3306/d',
      'lake.azure': '***',
      'connect.url': 'http://h:8083',
      'kafka.group': 'binlake',
    })
  })
})
