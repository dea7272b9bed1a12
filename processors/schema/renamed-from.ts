// The former name of a table, as the statement that renamed it says.
// Guarantee: pure; comments, quotes and other things that are renamed in the same statement do not mislead it.
import { alterStatement, tableAt } from './alter-statement.ts'
import { atCommas, ddlTokens, isWord, type Token } from './ddl-tokens.ts'

type TableName = Record<'database' | 'table', string>

/** Of the table that is called `now`; undefined: the statement renames no table to that. */
export function renamedFrom(ddl: string, now: TableName): TableName | undefined {
  const tokens = (ddlTokens(ddl) ?? []).filter(({ kind, value }) => kind !== 'symbol' || value !== ';')
  const renames = inRename(tokens) ?? inAlter(tokens) ?? []
  const named = ({ database = now.database, table }: Partial<TableName> & { table: string }) => ({ database, table })
  const fits = ({ database, table }: TableName) => same(database, now.database) && same(table, now.table)
  const found = renames.length === 1 ? renames[0] : renames.find(({ to }) => fits(named(to)))
  return found && named(found.from)
}

type Rename = Record<'from' | 'to', Partial<TableName> & { table: string }>

/** RENAME TABLE a TO b, c TO d; MariaDB's IF EXISTS, WAIT n and NOWAIT. */
function inRename(tokens: readonly Token[]): Rename[] | undefined {
  if (!isWord(tokens[0], 'RENAME') || !isWord(tokens[1], 'TABLE', 'TABLES')) return undefined
  const first = isWord(tokens[2], 'IF') && isWord(tokens[3], 'EXISTS') ? 4 : 2
  return atCommas(tokens.slice(first)).flatMap(pair => {
    const from = tableAt(pair, 0)
    const word = from ? pair.findIndex((token, i) => i >= from.next && isWord(token, 'TO')) : -1
    const to = word < 0 ? undefined : tableAt(pair, word + 1)
    return from && to ? [{ from: from.table, to: to.table }] : []
  })
}

/** ALTER TABLE a …, RENAME [TO|AS|=] b. */
function inAlter(tokens: readonly Token[]): Rename[] | undefined {
  const statement = alterStatement(tokens)
  return statement?.specs.flatMap(([rename, ...rest]) => {
    if (!isWord(rename, 'RENAME') || isWord(rest[0], 'COLUMN', 'INDEX', 'KEY')) return []
    const to = tableAt(rest, isWord(rest[0], 'TO', 'AS') || rest[0]?.value === '=' ? 1 : 0)
    return to ? [{ from: statement.table, to: to.table }] : []
  })
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
