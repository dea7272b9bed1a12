// Holds the list of scenarios together: each has a test named by its number, and docs/correctness.md says where.
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const numbers = Array.from({ length: 57 }, (_, i) => i + 1)

/** The files that hold a test, or a group of tests, whose name begins with `scenario N:`, by number. */
function testFiles(): Map<number, Set<string>> {
  const found = new Map<number, Set<string>>(numbers.map(number => [number, new Set()]))
  for (const file of globSync('test/{unit,stack}/**/*.test.ts', { cwd: root })) {
    const names = readFileSync(join(root, file), 'utf8').matchAll(/\(\s*(['"`])scenario (\d+): /g)
    for (const [, , number] of names) found.get(Number(number))?.add(file)
  }
  return found
}

/** The row of docs/correctness.md that begins with each number. */
function rows(): Map<number, string> {
  const text = readFileSync(join(root, 'docs/correctness.md'), 'utf8')
  return new Map([...text.matchAll(/^\| (\d+) \|.*$/gm)].map(([row, number]) => [Number(number), row]))
}

test('every scenario has a test of its number', () => {
  const untested = [...testFiles()].filter(([, files]) => files.size === 0).map(([number]) => number)
  expect(untested).toEqual([])
})

test('docs/correctness.md has a row for every scenario, and names every file that tests it', () => {
  const told = rows()
  expect([...told.keys()]).toEqual(numbers)
  const unnamed = [...testFiles()].flatMap(([number, files]) =>
    [...files].filter(file => !told.get(number)!.includes(file.replace(/^test\//, ''))).map(file => `${number}: ${file}`),
  )
  expect(unnamed).toEqual([])
})
