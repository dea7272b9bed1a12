// ALTER TABLE taken apart: whose table, and what is done to it.
// Guarantee: pure; another statement is none of these.
import { atCommas, isName, isSymbol, isWord, type Token } from './ddl-tokens.ts'

export interface AlterStatement {
  /** As the statement spells it; the database only where it says so. */
  table: { database?: string; table: string }
  /** Each as its tokens. */
  specs: Token[][]
}

/** Undefined for another statement. */
export function alterStatement(tokens: readonly Token[]): AlterStatement | undefined {
  let at = 0
  if (!isWord(tokens[at++], 'ALTER')) return undefined
  while (isWord(tokens[at], 'ONLINE', 'OFFLINE', 'IGNORE')) at++
  if (!isWord(tokens[at++], 'TABLE')) return undefined
  if (isWord(tokens[at], 'IF') && isWord(tokens[at + 1], 'EXISTS')) at += 2
  const name = tableAt(tokens, at)
  if (!name) return undefined
  at = name.next
  // MariaDB's WAIT n and NOWAIT.
  if (isWord(tokens[at], 'WAIT')) at += 2
  else if (isWord(tokens[at], 'NOWAIT')) at++
  return { table: name.table, specs: atCommas(tokens.slice(at)) }
}

/** The table's name that stands at a place, and the place behind it. */
export function tableAt(tokens: readonly Token[], at: number): { table: AlterStatement['table']; next: number } | undefined {
  const [first, dot, second] = tokens.slice(at, at + 3)
  if (!isName(first)) return undefined
  if (!isSymbol(dot, '.')) return { table: { table: first!.value }, next: at + 1 }
  return second && { table: { database: first!.value, table: second.value }, next: at + 3 }
}
