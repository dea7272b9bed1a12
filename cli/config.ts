// The one reader of process.env: defaults, a running stack, binlake.yaml, the environment and flags become one frozen object.
// Guarantee: later sources win key by key, and every wrong value is reported with the place it stands.
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from './config-error.ts'
import { type Given, readConfigFile } from './config-file.ts'
import { type Settings, settings, settingsSchema } from './settings.ts'

/** What the command line and a running stack add to file and environment. */
export interface ConfigSources {
  /** `--config`: must exist. Without it `binlake.yaml` in `cwd` is read if there is one. */
  file?: string
  /** Settings from flags, by key. */
  flags?: Record<string, { flag: string; value: string }>
  cwd: string
  /** Where a local stack keeps its state; default: `.binlake` in `cwd`. */
  state?: string
  env: Readonly<Record<string, string | undefined>>
  /** The variables that a running stack announces, and the file that says so. */
  stack?: { env: Readonly<Record<string, string>>; file: string }
}

/** The configuration of this process, frozen. Durations are milliseconds, sizes bytes, paths absolute. */
export type Config = Readonly<Settings>

/** The environment and folder this process was started with. */
export function surroundings(): Pick<ConfigSources, 'cwd' | 'env'> {
  return { cwd: process.cwd(), env: process.env }
}

/** Merges the sources. Throws ConfigError (exit code 2) that lists every problem. */
export function loadConfig(sources: ConfigSources): Config {
  const given = new Map<string, Given>()
  for (const one of [
    ...defaults(sources),
    ...fromStack(sources),
    ...fromFile(sources),
    ...fromEnvironment(sources),
    ...fromFlags(sources),
  ]) {
    given.set(one.key, one)
  }
  const tree: Record<string, unknown> = {}
  for (const one of given.values()) place(tree, one.key.split('.'), located(one))
  const parsed = settingsSchema.safeParse(tree)
  if (parsed.success) return freeze(parsed.data)
  const problems = parsed.error.issues.map(issue => {
    const path = issue.path.map(String)
    const key = Object.keys(settings).find(known => path.join('.').startsWith(known)) ?? path.join('.')
    const inner = issue.code === 'invalid_union' ? issue.errors.flat().at(-1)?.message : undefined
    // Places in a list are no keys.
    const below = path.slice(key.split('.').length).filter(part => !/^\d+$/.test(part))
    const keys = issue.code === 'unrecognized_keys' ? [...below, ...issue.keys] : below
    const one = given.get(key)
    const where = (keys.length > 0 ? one?.whereIn?.(keys) : undefined) ?? one?.where ?? 'configuration'
    return `${where}: ${[key, ...below].join('.')}: ${inner ?? issue.message}`
  })
  throw new ConfigError('CONFIG_INVALID', [...new Set(problems)].sort(new Intl.Collator('en', { numeric: true }).compare))
}

/** The value of a setting that this command cannot do without. Throws ConfigError that names all the ways to set it. */
export function need<Value>(value: Value | undefined, key: string): Value {
  if (value !== undefined) return value
  const env = settings[key]!.env
  const ways = `set ${env}, or ${key} in binlake.yaml, or start a local stack with \`binlake up\``
  throw new ConfigError('CONFIG_MISSING', [`configuration: ${key}: not set; ${ways}`])
}

/** The configuration for people to read: secrets replaced by `***`. */
export function redacted(config: Config): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const [key, { secret }] of Object.entries(settings)) {
    const value = key.split('.').reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], config)
    if (value === undefined) continue
    if (secret === 'url') shown[key] = withoutPassword(String(value))
    else shown[key] = secret ? '***' : value
  }
  return shown
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/[^:@/]*):.*@/i, '$1:***@')
}

function defaults({ cwd, env, state = '.binlake' }: ConfigSources): Given[] {
  const cache = env.XDG_CACHE_HOME ? join(env.XDG_CACHE_HOME, 'binlake') : join(homedir(), '.cache', 'binlake')
  return [
    { key: 'lake.cache', value: cache, where: 'default', base: cwd },
    { key: 'policy.keys', value: resolve(cwd, state, 'keys'), where: 'default', base: cwd },
  ]
}

function fromStack({ stack, cwd }: ConfigSources): Given[] {
  if (!stack) return []
  return variables(stack.env, cwd, env => `${relative(cwd, stack.file)}: ${env}`)
}

function fromFile({ file, cwd }: ConfigSources): Given[] {
  const path = resolve(cwd, file ?? 'binlake.yaml')
  if (file === undefined && !existsSync(path)) return []
  return readConfigFile(path, { name: file ?? basename(path), base: dirname(path) })
}

function fromEnvironment({ env, cwd }: ConfigSources): Given[] {
  return variables(env, cwd, name => `environment variable ${name}`)
}

function variables(env: ConfigSources['env'], base: string, where: (name: string) => string): Given[] {
  const found: Given[] = []
  for (const [key, { env: name }] of Object.entries(settings)) {
    const value = env[name]
    if (value !== undefined && value !== '') found.push({ key, value, where: where(name), base })
  }
  return found
}

function fromFlags({ flags = {}, cwd }: ConfigSources): Given[] {
  return Object.entries(flags).map(([key, { flag, value }]) => ({ key, value, where: `flag ${flag}`, base: cwd }))
}

/** Relative paths become absolute where they were written; a plain folder for the lake becomes its URL. */
function located({ key, value, base }: Given): unknown {
  const { path } = settings[key]!
  if (!path || typeof value !== 'string') return value
  if (path === 'url') return value.includes('://') ? value : pathToFileURL(resolve(base, value)).href
  return resolve(base, value.startsWith('~/') ? join(homedir(), value.slice(2)) : value)
}

function place(tree: Record<string, unknown>, path: string[], value: unknown): void {
  const [first, ...rest] = path as [string, ...string[]]
  if (rest.length === 0) tree[first] = value
  else {
    tree[first] ??= {}
    place(tree[first] as Record<string, unknown>, rest, value)
  }
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(freeze)
  }
  return value
}
