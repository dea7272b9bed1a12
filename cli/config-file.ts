// Reads binlake.yaml into single settings, each with the line it stands on.
// Guarantee: an unknown key, a wrong shape or broken YAML is reported with file and line; nothing is skipped.
import { readFileSync } from 'node:fs'
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { nearest } from '../sql/nearest.ts'
import { ConfigError } from './config-error.ts'
import { settings } from './settings.ts'

/** One setting as some source gives it. */
export interface Given {
  key: string
  value: unknown
  /** For messages: `binlake.yaml:3`, `environment variable BINLAKE_GROUP`, `flag --lake`. */
  where: string
  /** The folder that relative paths start from. */
  base: string
  /** Where a part of its value stands, by its keys; for values that are maps. */
  whereIn?: (keys: readonly string[]) => string
}

/** The settings of a YAML file. `name` is how messages call it. Throws ConfigError. */
export function readConfigFile(file: string, options: { name: string; base: string }): Given[] {
  const lines = new LineCounter()
  const document = parseDocument(read(file, options.name), { lineCounter: lines, prettyErrors: false })
  const at = (offset: number | undefined) => `${options.name}:${lines.linePos(offset ?? 0).line}`
  const problems = document.errors.map(error => `${at(error.pos[0])}: ${error.message}`)
  const found: Given[] = []

  const walk = (node: Node | null, path: string[], offset: number | undefined): void => {
    const key = path.join('.')
    if (settings[key]) {
      const value: unknown = node?.toJS(document)
      if (value === null || value === undefined) problems.push(`${at(offset)}: ${key}: has no value; give one or remove the line`)
      else {
        const where = at(node?.range?.[0] ?? offset)
        found.push({
          key,
          value,
          where,
          base: options.base,
          ...(isMap(node) ? { whereIn: keys => at(offsetIn(node, keys)) } : {}),
        })
      }
      return
    }
    if (!isMap(node)) {
      problems.push(`${at(offset)}: ${key || 'the file'}: expected ${childrenOf(path).join(', ')} below it`)
      return
    }
    for (const { key: name, value } of node.items) {
      const label = isScalar(name) ? String(name.value) : String(name)
      const childOffset = (name as Node).range?.[0]
      const child = [...path, label]
      if (isKnown(child)) walk(value as Node | null, child, childOffset)
      else problems.push(`${at(childOffset)}: ${child.join('.')}: unknown key${suggestion(label, path)}`)
    }
  }
  if (problems.length === 0 && document.contents !== null) walk(document.contents, [], 0)
  if (problems.length > 0) throw new ConfigError('CONFIG_INVALID', problems)
  return found
}

function read(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(
      'CONFIG_UNREADABLE',
      [`${name}: cannot be read (${(cause as NodeJS.ErrnoException).code}): expected a readable YAML file`],
      {
        cause,
      },
    )
  }
}

/** Where a key stands below a map, or the last of its parents that is there. */
function offsetIn(map: Node, keys: readonly string[]): number | undefined {
  const [first, ...rest] = keys
  const pair = isMap(map) ? map.items.find(({ key }) => isScalar(key) && String(key.value) === first) : undefined
  if (!pair) return map.range?.[0]
  const below = pair.value as Node | null
  return rest.length > 0 && below && isMap(below) ? offsetIn(below, rest) : (pair.key as Node).range?.[0]
}

function isKnown(path: string[]): boolean {
  const key = path.join('.')
  return Object.keys(settings).some(known => known === key || known.startsWith(`${key}.`))
}

function childrenOf(path: string[]): string[] {
  const prefix = path.length ? `${path.join('.')}.` : ''
  const names = Object.keys(settings).filter(key => key.startsWith(prefix))
  return [...new Set(names.map(key => key.slice(prefix.length).split('.')[0]!))]
}

function suggestion(label: string, path: string[]): string {
  const beside = childrenOf(path)
  const elsewhere = Object.keys(settings).filter(key => key.endsWith(`.${label}`))
  const near = [...nearest(label, beside), ...elsewhere]
  return near.length ? `; did you mean ${[...new Set(near)].slice(0, 3).join(' or ')}?` : `; known here: ${beside.join(', ')}`
}
