// What a schema-change statement says beyond the table it leaves behind: renames, defaults of new columns, partitions, renamed tables.
// Guarantee: what is not understood is said to be so; nothing is guessed from half a statement.
import { alterStatement } from './alter-statement.ts'
import { atCommas, ddlTokens, isName, isSymbol, isWord, type Token } from './ddl-tokens.ts'

/** What rows that were there before get in a new column: a constant as written, the type's own zero, or something a row at a time. */
export type AddedDefault = { constant: string | null } | { bits: string } | 'implicit' | 'computed'

export interface Ddl {
  /** False: the statement could not be read. */
  understood: boolean
  renamedColumns: { from: string; to: string }[]
  /** `ifMissing`: the statement may have found it there. */
  addedColumns: { name: string; value: AddedDefault; ifMissing?: true }[]
  /** How partitions lost their rows. */
  partitions?: 'dropped' | 'truncated' | 'exchanged'
  /** MariaDB's CREATE OR REPLACE TABLE: a table of that name is dropped, and its rows with it. */
  replaces?: true
  /** DROP DATABASE: of its tables, no event says that they are gone. */
  droppedDatabase?: string
}

/** Reads one statement. Everything that the table's description tells as well is left to it. */
export function parseDdl(ddl: string): Ddl {
  const found: Ddl = { understood: true, renamedColumns: [], addedColumns: [] }
  const tokens = ddlTokens(ddl)
  if (!tokens) return { ...found, understood: false }
  while (isSymbol(tokens.at(-1), ';')) tokens.pop()
  const altered = alterStatement(tokens)
  if (!altered) return { ...found, understood: isWord(tokens[0], 'CREATE', 'RENAME', 'DROP', 'TRUNCATE'), ...tablesGone(tokens) }
  for (const spec of altered.specs) readSpec(spec, found)
  return found
}

/** Tables that go without an event of their own. */
function tablesGone(tokens: readonly Token[]): Pick<Ddl, 'replaces' | 'droppedDatabase'> {
  if (isWord(tokens[0], 'CREATE') && isWord(tokens[1], 'OR') && tokens.slice(3, 5).some(token => isWord(token, 'TABLE')))
    return { replaces: true }
  if (!isWord(tokens[0], 'DROP') || !isWord(tokens[1], 'DATABASE', 'SCHEMA')) return {}
  const name = tokens[isWord(tokens[2], 'IF') ? 4 : 2]
  return isName(name) ? { droppedDatabase: name!.value } : {}
}

function readSpec(spec: readonly Token[], found: Ddl): void {
  const rest = spec.slice(1)
  if (isWord(spec[0], 'ADD')) readAdd(rest, found)
  else if (isWord(spec[0], 'CHANGE')) readChange(rest, found)
  else if (isWord(spec[0], 'RENAME')) readRename(rest, found)
  else if (isWord(spec[0], 'DROP', 'TRUNCATE', 'EXCHANGE', 'DISCARD', 'IMPORT', 'CONVERT') && isWord(spec[1], 'PARTITION')) {
    found.partitions = isWord(spec[0], 'DROP') ? 'dropped' : isWord(spec[0], 'TRUNCATE') ? 'truncated' : 'exchanged'
  }
  // MariaDB's CONVERT TABLE u TO PARTITION p.
  else if (isWord(spec[0], 'CONVERT') && isWord(spec[1], 'TABLE')) found.partitions = 'exchanged'
}

/** Reserved, so that no bare column can be called so. */
const noColumn = ['CONSTRAINT', 'INDEX', 'KEY', 'UNIQUE', 'PRIMARY', 'FOREIGN', 'FULLTEXT', 'SPATIAL', 'CHECK', 'PARTITION']

/** Whether something else than a column begins here: `ADD period INT` is a column, `ADD PERIOD FOR SYSTEM_TIME` none. */
function isNoColumn([first, second]: readonly Token[]): boolean {
  if (isWord(first, 'PERIOD')) return isWord(second, 'FOR')
  if (isWord(first, 'SYSTEM')) return isWord(second, 'VERSIONING')
  if (isWord(first, 'VECTOR')) return isWord(second, 'INDEX', 'KEY')
  return isWord(first, ...noColumn)
}

function readAdd(tokens: readonly Token[], found: Ddl): void {
  if (isNoColumn(tokens)) return
  let at = isWord(tokens[0], 'COLUMN') ? 1 : 0
  const ifMissing = isWord(tokens[at], 'IF')
  if (ifMissing) at += 3
  const definitions = isSymbol(tokens[at], '(') ? atCommas(tokens.slice(at + 1, -1)) : [tokens.slice(at)]
  for (const definition of definitions) {
    if (isNoColumn(definition)) continue
    if (!isName(definition[0])) found.understood = false
    else {
      const added = { name: definition[0]!.value, value: defaultIn(definition.slice(1)) }
      found.addedColumns.push(ifMissing ? { ...added, ifMissing } : added)
    }
  }
}

function readChange(tokens: readonly Token[], found: Ddl): void {
  let at = isWord(tokens[0], 'COLUMN') ? 1 : 0
  if (isWord(tokens[at], 'IF') && isWord(tokens[at + 1], 'EXISTS')) at += 2
  const [from, to] = tokens.slice(at, at + 2)
  if (!isName(from) || !isName(to)) found.understood = false
  else if (from!.value !== to!.value) found.renamedColumns.push({ from: from!.value, to: to!.value })
}

function readRename(tokens: readonly Token[], found: Ddl): void {
  if (!isWord(tokens[0], 'COLUMN')) return
  const at = isWord(tokens[1], 'IF') && isWord(tokens[2], 'EXISTS') ? 3 : 1
  const [from, to] = [tokens[at], tokens[at + 2]]
  if (isName(from) && isWord(tokens[at + 1], 'TO') && isName(to)) found.renamedColumns.push({ from: from!.value, to: to!.value })
  else found.understood = false
}

/** The default in a column's definition, behind its name. */
function defaultIn(definition: readonly Token[]): AddedDefault {
  let depth = 0
  let notNull = false
  let given: AddedDefault | undefined
  for (const [i, token] of definition.entries()) {
    if (isSymbol(token, '(')) depth++
    if (isSymbol(token, ')')) depth--
    if (depth > 0) continue
    const next = definition[i + 1]
    if (isWord(token, 'AUTO_INCREMENT', 'SERIAL', 'GENERATED')) return 'computed'
    if (isWord(token, 'AS') && isSymbol(next, '(')) return 'computed'
    if (isWord(token, 'NOT') && isWord(next, 'NULL')) notNull = true
    if (isWord(token, 'DEFAULT')) given = literal(definition.slice(i + 1))
  }
  return given ?? (notNull ? 'implicit' : { constant: null })
}

function literal(tokens: readonly Token[]): AddedDefault {
  const [first, second, third] = tokens
  if (isSymbol(first, '(')) {
    // An expression; a literal in parentheses is one as well.
    const inner = literal(tokens.slice(1))
    const length = isSymbol(second, '-') || isSymbol(second, '+') || (typeof inner === 'object' && 'bits' in inner) ? 3 : 2
    return isSymbol(tokens[length], ')') ? inner : 'computed'
  }
  if (isSymbol(first, '-') || isSymbol(first, '+')) {
    return second?.kind === 'number' ? { constant: (first!.value === '-' ? '-' : '') + second.value } : 'computed'
  }
  if (isWord(first, 'B') && second?.kind === 'text') return { bits: second.value }
  if (first?.kind === 'number' || first?.kind === 'text' || first?.kind === 'quoted') {
    // 'a' 'b' is one text, 1 + 1 an expression.
    return second?.kind === 'text' || (isSymbol(second, '+') && third) ? 'computed' : { constant: first.value }
  }
  if (isWord(first, 'NULL')) return { constant: null }
  if (isWord(first, 'TRUE')) return { constant: '1' }
  if (isWord(first, 'FALSE')) return { constant: '0' }
  return 'computed'
}
