// Every setting there is: its type, default, environment variable and what it means.
// Guarantee: a key that is not here is refused, and a test holds docs/configuration.md to this list.
import { z } from 'zod'
import { schemaModes } from './schema-modes.ts'

const units = {
  bytes: { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 1 << 10, mib: 1 << 20, gib: 1 << 30 },
  ms: { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5 },
}

/** A number with a unit, such as `64MB` or `30s`; the result counts the smallest unit. */
function amount(kind: keyof typeof units, example: string) {
  const factors: Record<string, number> = units[kind]
  return z.union([z.string(), z.number()]).transform((input, context) => {
    const match = /^(\d+(?:\.\d+)?)\s*([a-z]+)$/i.exec(String(input).trim())
    const factor = match && factors[match[2]!.toLowerCase()]
    if (factor) return Math.round(Number(match[1]) * factor)
    context.addIssue({
      code: 'custom',
      message: `expected a number with a unit (${Object.keys(factors).join(', ')}), e.g. ${example}`,
    })
    return z.NEVER
  })
}

/** How long something is kept: a reader that has just read the log needs an hour to be sure of its files. */
function kept(days: number) {
  return amount('ms', '1d')
    .pipe(z.number().min(36e5, 'expected 1h or more'))
    .default(days * 864e5)
}
const retention = (days: number) => z.object({ log: kept(days), files: kept(days) }).prefault({})

function whole(min: number, max: number) {
  return z.coerce
    .number('expected a whole number')
    .int('expected a whole number')
    .min(min, `expected ${min} or more`)
    .max(max, `expected at most ${max}`)
}

const flag = z.union([z.boolean(), z.stringbool({ error: 'expected true or false' })], { error: 'expected true or false' })
const text = z.string('expected text').min(1, 'expected text, found nothing')
/** In place of a server's address: the embedded stack's folder. */
const embedded = /^embedded:./
const address = text.refine(value => embedded.test(value) || /^[^\s:/]+:\d{1,5}$/.test(value), {
  error: 'expected host:port, e.g. localhost:9092',
})
const brokers = z
  .union([z.string(), z.array(z.string())], { error: 'expected host:port, or a list of them' })
  .transform(list =>
    (typeof list === 'string' && !embedded.test(list) ? list.split(',') : [list].flat()).map(item => item.trim()),
  )
  .pipe(z.array(address).min(1, 'expected at least one host:port'))

function url(protocols: string[], example: string) {
  const known = new RegExp(`^(${protocols.join('|')})://`)
  return text.refine(
    value => (known.test(value) && URL.canParse(value)) || (protocols.includes('embedded') && embedded.test(value)),
    { error: `expected a URL such as ${example}` },
  )
}

/** Ways into an Azure account; connectors/azure-access.ts says which goes first. */
const azureAccess = {
  azure: text.optional(),
  key: text.optional(),
  sas: text.optional(),
  client: text.optional(),
  secret: text.optional(),
}
const zoneAccess = z.object(azureAccess).prefault({})

/** The whole configuration. Paths are absolute, durations milliseconds, sizes bytes. */
export const settingsSchema = z.object({
  kafka: z
    .object({
      brokers: brokers.optional(),
      prefix: text.regex(/^[A-Za-z0-9._-]+$/, 'expected a topic prefix of letters, digits, . _ -').optional(),
      group: text.default('binlake'),
      notifications: text.optional(),
      signals: text.optional(),
      tls: z
        .object({ enabled: flag.default(false), ca: text.optional(), cert: text.optional(), key: text.optional() })
        .prefault({}),
      sasl: z
        .object({
          mechanism: z
            .enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], { error: 'expected PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512' })
            .optional(),
          username: text.optional(),
          password: text.optional(),
        })
        .prefault({}),
    })
    .prefault({}),
  lake: z.object({
    url: url(['file', 'abfss', 'az'], 'file:///data/lake, abfss://account.dfs.core.windows.net or az://')
      .refine(value => value.startsWith('file:') || !/[?#]/.test(value), {
        error: 'expected a URL without a query: a shared access signature goes into lake.sas',
      })
      .optional(),
    ...azureAccess,
    tenant: text.optional(),
    endpoint: url(['http', 'https'], 'https://account.blob.core.windows.net').optional(),
    zones: z.object({ bronze: zoneAccess, silver: zoneAccess, gold: zoneAccess, quarantine: zoneAccess }).prefault({}),
    retry: z
      .object({
        tries: whole(1, 100).default(4),
        delay: amount('ms', '200ms').default(200),
        timeout: amount('ms', '30s').default(30_000),
        total: amount('ms', '60s').default(60_000),
      })
      .prefault({}),
    cache: text,
    cachesize: amount('bytes', '20GB').default(20e9),
  }),
  mysql: z
    .object({
      url: url(['mysql', 'mariadb', 'embedded'], 'mysql://user:password@localhost:3306/shop').optional(),
      gtids: z.enum(['ordered', 'unordered'], { error: 'expected ordered or unordered' }).default('ordered'),
    })
    .prefault({}),
  connect: z.object({ url: url(['http', 'https'], 'http://localhost:8083').optional() }).prefault({}),
  policy: z.object({ file: text.optional(), keys: text }),
  batch: z
    .object({
      records: whole(1, 10_000_000).default(250_000),
      bytes: amount('bytes', '64MB').default(256e6),
      age: amount('ms', '1s').default(1_000),
    })
    .prefault({}),
  merge: z
    .object({
      interval: amount('ms', '30s').default(30_000),
      rate: amount('bytes', '20MB')
        .refine(value => value > 0, 'expected more than 0')
        .default(20e6),
      rewrites: whole(1, 100_000).default(100),
      allowance: amount('bytes', '100GB')
        .refine(value => value > 0, 'expected more than 0')
        .default(100e9),
      rows: whole(1, 100_000_000).default(500_000),
    })
    .prefault({}),
  gold: z
    .object({
      transactions: z.enum(['whole', 'ignore'], { error: 'expected whole or ignore' }).default('whole'),
      patience: amount('ms', '5m').default(300_000),
    })
    .prefault({}),
  maintenance: z
    .object({
      enabled: flag.default(true),
      compact: amount('ms', '1h').default(36e5),
      vacuum: amount('ms', '6h').default(216e5),
      memory: amount('bytes', '300MB').default(300e6),
      write: amount('ms', '6h').default(216e5),
    })
    .prefault({}),
  verify: z
    .object({
      every: amount('ms', '6h').pipe(z.number().min(1_000, 'expected 1s or more')).optional(),
      memory: amount('bytes', '300MB').default(300e6),
      lock: flag.default(true),
    })
    .prefault({}),
  retention: z
    .object({ bronze: retention(1), silver: retention(1), gold: retention(1), quarantine: retention(7), wait: kept(7) })
    .prefault({}),
  quarantine: z.object({ budget: whole(0, 1_000_000_000).default(1_000) }).prefault({}),
  schema: z.object({ modes: schemaModes.prefault({}) }).prefault({}),
  duckdb: z.object({ memory: amount('bytes', '1GB').default(800e6), threads: whole(1, 1024).optional() }).prefault({}),
  log: z
    .object({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
          error: 'expected trace, debug, info, warn, error or silent',
        })
        .default('info'),
    })
    .prefault({}),
})

export type Settings = z.output<typeof settingsSchema>

/** One leaf of the configuration. */
export interface Setting {
  /** The environment variable that sets it. */
  env: string
  /** A file or folder: relative to the file that names it, else to the working directory. `url`: either that or a URL. */
  path?: true | 'url'
  /** Never printed. `url` hides only the password inside. */
  secret?: true | 'url'
}

/** Every setting by its dotted key in binlake.yaml. */
export const settings: Record<string, Setting> = {
  'kafka.brokers': { env: 'BINLAKE_KAFKA_BROKERS' },
  'kafka.prefix': { env: 'BINLAKE_TOPIC_PREFIX' },
  'kafka.group': { env: 'BINLAKE_GROUP' },
  'kafka.notifications': { env: 'BINLAKE_NOTIFICATIONS' },
  'kafka.signals': { env: 'BINLAKE_SIGNALS' },
  'kafka.tls.enabled': { env: 'BINLAKE_KAFKA_TLS' },
  'kafka.tls.ca': { env: 'BINLAKE_KAFKA_CA', path: true },
  'kafka.tls.cert': { env: 'BINLAKE_KAFKA_CERT', path: true },
  'kafka.tls.key': { env: 'BINLAKE_KAFKA_KEY', path: true },
  'kafka.sasl.mechanism': { env: 'BINLAKE_KAFKA_SASL_MECHANISM' },
  'kafka.sasl.username': { env: 'BINLAKE_KAFKA_USERNAME' },
  'kafka.sasl.password': { env: 'BINLAKE_KAFKA_PASSWORD', secret: true },
  'lake.url': { env: 'BINLAKE_LAKE_URL', path: 'url' },
  'lake.azure': { env: 'AZURE_STORAGE_CONNECTION_STRING', secret: true },
  'lake.key': { env: 'BINLAKE_LAKE_KEY', secret: true },
  'lake.sas': { env: 'BINLAKE_LAKE_SAS', secret: true },
  'lake.client': { env: 'BINLAKE_LAKE_CLIENT' },
  'lake.secret': { env: 'BINLAKE_LAKE_SECRET', secret: true },
  'lake.tenant': { env: 'BINLAKE_LAKE_TENANT' },
  'lake.endpoint': { env: 'BINLAKE_LAKE_ENDPOINT' },
  ...ofZone('bronze'),
  ...ofZone('silver'),
  ...ofZone('gold'),
  ...ofZone('quarantine'),
  'lake.retry.tries': { env: 'BINLAKE_LAKE_TRIES' },
  'lake.retry.delay': { env: 'BINLAKE_LAKE_DELAY' },
  'lake.retry.timeout': { env: 'BINLAKE_LAKE_TIMEOUT' },
  'lake.retry.total': { env: 'BINLAKE_LAKE_TOTAL' },
  'lake.cache': { env: 'BINLAKE_CACHE', path: true },
  'lake.cachesize': { env: 'BINLAKE_CACHE_SIZE' },
  'mysql.url': { env: 'BINLAKE_MYSQL_URL', secret: 'url' },
  'mysql.gtids': { env: 'BINLAKE_MYSQL_GTIDS' },
  'connect.url': { env: 'BINLAKE_CONNECT_URL', secret: 'url' },
  'policy.file': { env: 'BINLAKE_POLICY', path: true },
  'policy.keys': { env: 'BINLAKE_KEYS', path: true },
  'batch.records': { env: 'BINLAKE_BATCH_RECORDS' },
  'batch.bytes': { env: 'BINLAKE_BATCH_BYTES' },
  'batch.age': { env: 'BINLAKE_BATCH_AGE' },
  'merge.interval': { env: 'BINLAKE_MERGE_INTERVAL' },
  'merge.rate': { env: 'BINLAKE_MERGE_RATE' },
  'merge.rewrites': { env: 'BINLAKE_MERGE_REWRITES' },
  'merge.allowance': { env: 'BINLAKE_MERGE_ALLOWANCE' },
  'merge.rows': { env: 'BINLAKE_MERGE_ROWS' },
  'quarantine.budget': { env: 'BINLAKE_QUARANTINE_BUDGET' },
  'schema.modes': { env: 'BINLAKE_SCHEMA_MODES' },
  'gold.transactions': { env: 'BINLAKE_GOLD_TRANSACTIONS' },
  'gold.patience': { env: 'BINLAKE_GOLD_PATIENCE' },
  'duckdb.memory': { env: 'BINLAKE_DUCKDB_MEMORY' },
  'duckdb.threads': { env: 'BINLAKE_DUCKDB_THREADS' },
  'log.level': { env: 'LOG' },
  'maintenance.enabled': { env: 'BINLAKE_MAINTENANCE' },
  'maintenance.compact': { env: 'BINLAKE_MAINTENANCE_COMPACT' },
  'maintenance.vacuum': { env: 'BINLAKE_MAINTENANCE_VACUUM' },
  'maintenance.memory': { env: 'BINLAKE_MAINTENANCE_MEMORY' },
  'maintenance.write': { env: 'BINLAKE_MAINTENANCE_WRITE' },
  'verify.every': { env: 'BINLAKE_VERIFY_EVERY' },
  'verify.memory': { env: 'BINLAKE_VERIFY_MEMORY' },
  'verify.lock': { env: 'BINLAKE_VERIFY_LOCK' },
  'retention.bronze.log': { env: 'BINLAKE_RETENTION_BRONZE_LOG' },
  'retention.bronze.files': { env: 'BINLAKE_RETENTION_BRONZE_FILES' },
  'retention.silver.log': { env: 'BINLAKE_RETENTION_SILVER_LOG' },
  'retention.silver.files': { env: 'BINLAKE_RETENTION_SILVER_FILES' },
  'retention.gold.log': { env: 'BINLAKE_RETENTION_GOLD_LOG' },
  'retention.gold.files': { env: 'BINLAKE_RETENTION_GOLD_FILES' },
  'retention.quarantine.log': { env: 'BINLAKE_RETENTION_QUARANTINE_LOG' },
  'retention.quarantine.files': { env: 'BINLAKE_RETENTION_QUARANTINE_FILES' },
  'retention.wait': { env: 'BINLAKE_RETENTION_WAIT' },
}

/** A zone's own way into the account. */
function ofZone(zone: string): Record<string, Setting> {
  const env = `BINLAKE_${zone.toUpperCase()}`
  return {
    [`lake.zones.${zone}.azure`]: { env: `${env}_CONNECTION`, secret: true },
    [`lake.zones.${zone}.key`]: { env: `${env}_KEY`, secret: true },
    [`lake.zones.${zone}.sas`]: { env: `${env}_SAS`, secret: true },
    [`lake.zones.${zone}.client`]: { env: `${env}_CLIENT` },
    [`lake.zones.${zone}.secret`]: { env: `${env}_SECRET`, secret: true },
  }
}
