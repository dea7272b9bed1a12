// The gold models: each file of sql/gold is one table, a plain SELECT over silver and other gold tables.
// Guarantee: models come in dependency order; a circle, an unknown input or text that is no query stops before anything runs.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Duck } from '../lake/duckdb.ts'
import { type TableReference, tableReferences } from './references.ts'
import { SqlError } from './sql-error.ts'

export interface GoldModel {
  /** The file's name without `.sql`, and the table's in gold. */
  name: string
  /** The comment that opens the file: what the figures mean. */
  description: string
  text: string
  /** Tables it reads, each once, in zone `silver` or `gold`. */
  inputs: readonly TableReference[]
  /** Changes with the text. */
  hash: string
}

export class GoldModelError extends Error {
  readonly code: 'GOLD_NAME_INVALID' | 'GOLD_SQL_INVALID' | 'GOLD_INPUT_UNKNOWN' | 'GOLD_CIRCLE'
  readonly retryable = false
  constructor(code: GoldModelError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'GoldModelError'
    this.code = code
  }
}

const ownFolder = join(import.meta.dirname, 'gold')

/** Reads a folder of models, inputs before those that read them, else by name. @throws GoldModelError */
export async function loadGoldModels(folder = ownFolder): Promise<GoldModel[]> {
  const files = (await readdir(folder)).filter(file => file.endsWith('.sql')).sort()
  await using duck = await Duck.open({ threads: 1 })
  const models: GoldModel[] = []
  for (const file of files) models.push(await readModel(duck, folder, file))
  return inOrder(models)
}

async function readModel(duck: Duck, folder: string, file: string): Promise<GoldModel> {
  const name = file.slice(0, -'.sql'.length)
  if (!/^[a-z][a-z0-9_]*$/.test(name)) {
    throw new GoldModelError(
      'GOLD_NAME_INVALID',
      `${file}: a model's name has lower-case letters, digits and _ only; rename the file`,
    )
  }
  const text = await readFile(join(folder, file), 'utf8')
  const inputs = await inputsOf(duck, file, text)
  const header = /^(?:--[^\n]*\n)+/.exec(text)?.[0] ?? ''
  const description = header
    .replace(/^--[ \t]?/gm, '')
    .replaceAll('\n', ' ')
    .trim()
  return { name, description, text, inputs, hash: createHash('sha256').update(text).digest('hex').slice(0, 16) }
}

async function inputsOf(duck: Duck, file: string, text: string): Promise<TableReference[]> {
  let references: TableReference[]
  try {
    references = await tableReferences(duck, text)
  } catch (cause) {
    if (!(cause instanceof SqlError)) throw cause
    throw new GoldModelError('GOLD_SQL_INVALID', `${file}: ${cause.message}; a model is one SELECT`, { cause })
  }
  const foreign = references.find(({ schema }) => schema !== 'silver' && schema !== 'gold')
  if (foreign) {
    const name = [foreign.schema, foreign.table].filter(Boolean).join('.')
    throw new GoldModelError('GOLD_INPUT_UNKNOWN', `${file}: reads ${name}; a model reads silver.<table> and gold.<model> only`)
  }
  return [...new Map(references.map(one => [`${one.schema}.${one.table}`, one])).values()]
}

function inOrder(models: readonly GoldModel[]): GoldModel[] {
  const byName = new Map(models.map(model => [model.name, model]))
  const ordered = new Set<GoldModel>()
  const visit = (model: GoldModel, path: readonly string[]): void => {
    if (path.includes(model.name)) {
      const circle = [...path.slice(path.indexOf(model.name)), model.name].join(' -> ')
      throw new GoldModelError('GOLD_CIRCLE', `gold models read each other in a circle: ${circle}; take one reference out`)
    }
    if (ordered.has(model)) return
    for (const { schema, table } of model.inputs) {
      if (schema !== 'gold') continue
      const input = byName.get(table)
      if (!input)
        throw new GoldModelError(
          'GOLD_INPUT_UNKNOWN',
          `${model.name}.sql: there is no model gold.${table}; correct the name or add it`,
        )
      visit(input, [...path, model.name])
    }
    ordered.add(model)
  }
  for (const model of models) visit(model, [])
  return [...ordered]
}
