// Holds the import directions of the design's "Rooms".
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '..', '..')

/** What each room may import besides itself: rooms, or single files of one. */
const allowed: Record<string, string[]> = {
  cli: ['infra', 'shop', 'processors', 'privacy', 'sql', 'lake', 'connectors', 'web'],
  web: ['processors', 'privacy', 'sql', 'lake', 'connectors'],
  processors: ['privacy', 'sql', 'lake', 'connectors'],
  // What a source column is, which type it has and which names are binlake's own is told by leaf files of the processors.
  privacy: [
    ...['lake', 'connectors', 'processors/column-types.ts', 'processors/source-schema.ts', 'processors/own-columns.ts'],
    'processors/multiset/copies.ts',
  ],
  sql: ['lake', 'connectors'],
  lake: ['connectors'],
  connectors: [],
  shop: ['connectors'],
  infra: ['shop', 'connectors'],
}

const files = globSync('*/**/*.ts', {
  cwd: root,
  exclude: path => path === 'node_modules' || path === 'test' || path === 'bench',
})
const imports = new Map(files.map(file => [file, importsOf(file)]))

/** Files of this repository that a file imports, types and dynamic imports included. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8')
  const specifiers = text.matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)'/g)
  return [...specifiers]
    .map(([, specifier]) => relative(root, resolve(root, dirname(file), specifier!)))
    .filter(path => path.endsWith('.ts'))
}

/** Files and packages that are loaded together with a file. */
function staticImportsOf(file: string): string[] {
  if (!files.includes(file)) return []
  const text = readFileSync(join(root, file), 'utf8')
  const statements = text.matchAll(/^(?:import|export)\b(?! type\b)[^'()]*?'([^']+)'/gm)
  return [...statements].map(([, name]) => (name!.startsWith('.') ? relative(root, resolve(root, dirname(file), name!)) : name!))
}

const roomOf = (file: string) => file.split('/')[0]!

describe('imports', () => {
  it('finds the rooms', () => {
    const rooms = new Set(files.map(roomOf))
    for (const room of ['cli', 'processors', 'sql', 'lake', 'connectors']) expect(rooms).toContain(room)
    expect([...rooms].filter(room => !allowed[room])).toEqual([])
    expect(imports.get('cli/program.ts')).toContain('cli/exit.ts')
  })

  it('go one way between the rooms, and nothing imports the command line', () => {
    const wrong = [...imports].flatMap(([file, targets]) =>
      targets
        .filter(
          target =>
            roomOf(target) !== roomOf(file) && !allowed[roomOf(file)]?.some(way => way === roomOf(target) || way === target),
        )
        .map(target => `${file} -> ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('make no circle', () => {
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, path: string[]) => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
      if (done.has(file) || path.includes(file)) return
      for (const target of imports.get(file) ?? []) visit(target, [...path, file])
      done.add(file)
    }
    for (const file of files) visit(file, [])
    expect(circles).toEqual([])
  })

  it('load no client of another system and no generator of names before a command needs one', () => {
    const loaded = new Map<string, string[]>()
    const load = (file: string, path: string[]) => {
      if (loaded.has(file)) return
      loaded.set(file, path)
      for (const target of staticImportsOf(file)) load(target, [...path, file])
    }
    load('cli/program.ts', [])
    expect(loaded.keys()).toContain('cli/commands/run.ts')
    const slow = [...loaded].filter(([name]) => /^(@platformatic|@azure|@faker-js|mysql2)/.test(name))
    expect(slow.map(([name, path]) => [...path, name].join(' -> '))).toEqual([])
  })

  it('leave the environment to cli/config.ts', () => {
    const readers = files.filter(
      file =>
        roomOf(file) !== 'infra' &&
        /\bprocess\.env\b/.test(readFileSync(join(root, file), 'utf8').replace(/^\s*(\/\/|\*|\/\*).*$/gm, '')),
    )
    expect(readers).toEqual(['cli/config.ts'])
  })
})
