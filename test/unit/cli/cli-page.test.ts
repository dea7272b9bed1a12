import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { program } from '../../../cli/program.ts'

const page = readFileSync(resolve(import.meta.dirname, '../../../docs/cli.md'), 'utf8')
const sections = new Map(
  page
    .split(/^## binlake /m)
    .slice(1)
    .map(text => [text.slice(0, text.indexOf('\n')), text]),
)
const { commands, options } = program()

describe('docs/cli.md', () => {
  it('has a section for each command, and for no other', () => {
    expect([...sections.keys()].sort()).toEqual(commands.map(command => command.name()).sort())
  })

  it.each(commands.map(command => [command.name(), command] as const))('%s: names its options', (name, command) => {
    const flags = command.options.map(({ long }) => long!)
    expect(flags.filter(flag => !sections.get(name)!.includes(flag))).toEqual([])
  })

  it.each(commands.map(command => [command.name(), command] as const))('%s: has a summary and a description', (_, command) => {
    expect(command.summary()).not.toBe('')
    expect(command.description()).not.toBe('')
  })

  it('names the options that every command has', () => {
    expect(options.map(({ long }) => long!).filter(flag => !page.includes(flag))).toEqual([])
  })
})
