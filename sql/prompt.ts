// The interactive SQL prompt: lines are gathered until a semicolon, then run.
// Guarantee: Ctrl-C cancels a query or clears the line but never ends the prompt; Ctrl-D and .quit end it.
import { readFile, writeFile } from 'node:fs/promises'
import { createInterface, type Interface } from 'node:readline/promises'
import { splitStatements } from './statements.ts'

export interface PromptOptions {
  input: NodeJS.ReadableStream
  output: NodeJS.WritableStream
  /** Where earlier lines are kept, readable by their owner only. */
  historyFile: string
  /** Runs a statement and writes its result; its errors end the statement, not the prompt. */
  run(statement: string, options: { signal: AbortSignal; timing: boolean }): Promise<void>
  /** Text for `.tables` and `.schema <table>`. */
  tables(): Promise<string>
  schema(table: string): Promise<string>
  /** Sets the point in time of later queries, or says it if the text is empty. */
  asOf(text: string): string
  /** Words that the Tab key completes. */
  words(): Promise<string[]>
  explain(error: unknown): string
}

const keptLines = 1_000
const help = `End a statement with ; to run it. Tab completes names. Ctrl-C cancels, Ctrl-D leaves.
  .tables            the tables of the lake
  .schema <table>    its columns
  .as-of <point>     tables as they were at a version, a time or a binlog point; .as-of now goes back
  .timing            show how long a query took, on or off
  .help              this text
  .quit              leave
`

/** Talks until the person leaves. */
export async function prompt(options: PromptOptions): Promise<void> {
  const history = await readHistory(options.historyFile)
  const words = await options.words()
  const talk = createInterface({
    input: options.input,
    output: options.output,
    terminal: true,
    history,
    historySize: keptLines,
    removeHistoryDuplicates: true,
    completer: line => complete(line, words),
  })
  talk.on(
    'history',
    lines => void writeFile(options.historyFile, `${lines.toReversed().join('\n')}\n`, { mode: 0o600 }).catch(() => {}),
  )
  options.output.write('.help lists what else there is; end a statement with ;\n')
  await converse(talk, options)
}

async function converse(talk: Interface, options: PromptOptions): Promise<void> {
  let typed = ''
  let timing = true
  let running: AbortController | undefined
  const show = () => {
    talk.setPrompt(typed.trim() === '' ? 'binlake> ' : '    ...> ')
    talk.prompt()
  }
  talk.on('SIGINT', () => {
    if (running) return running.abort()
    typed = ''
    options.output.write('\n')
    talk.write(null, { ctrl: true, name: 'u' })
    show()
  })
  const attempt = async (work: () => Promise<void>) => work().catch(error => void options.output.write(options.explain(error)))
  show()
  for await (const line of talk) {
    const command = typed.trim() === '' ? /^\s*\.([\w-]+)\s*(.*?)\s*;?\s*$/.exec(line) : null
    if (command) {
      const [, name, argument] = command as unknown as [string, string, string]
      if (name === 'quit' || name === 'exit') break
      if (name === 'timing') {
        timing = !timing
        options.output.write(`timing ${timing ? 'on' : 'off'}\n`)
      } else await attempt(async () => void options.output.write(await answer(name, argument, options)))
    } else {
      typed += `${line}\n`
      const { complete: statements, rest } = splitStatements(typed)
      typed = rest
      for (const statement of statements) {
        running = new AbortController()
        const { signal } = running
        await attempt(() => options.run(statement, { signal, timing }))
        running = undefined
        if (signal.aborted) break
      }
    }
    show()
  }
  talk.close()
  options.output.write('\n')
}

async function answer(name: string, argument: string, { tables, schema, asOf }: PromptOptions): Promise<string> {
  if (name === 'as-of') return asOf(argument)
  if (name === 'tables') return tables()
  if (name === 'schema') return argument === '' ? '.schema needs a table, e.g. .schema silver.orders\n' : schema(argument)
  return name === 'help' ? help : `.${name} is not known\n${help}`
}

function complete(line: string, words: string[]): [string[], string] {
  const start = /[\w."]*$/.exec(line)![0]
  return [start === '' ? [] : words.filter(word => word.startsWith(start)), start]
}

async function readHistory(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').filter(Boolean).slice(-keptLines).reverse()
}
