// A DDL statement cut into tokens: as much of MySQL's and MariaDB's lexer as schema changes need.
// Guarantee: nothing inside quotes or comments is taken for a keyword; a statement whose quotes do not end is refused.

export interface Token {
  /** word: bare; name: in backticks; quoted: in double quotes, a text or (ANSI_QUOTES) a name; symbol: one character. */
  kind: 'word' | 'name' | 'quoted' | 'text' | 'number' | 'symbol'
  value: string
}

const pattern =
  /(?<blank>\s+|--(?=\s|$)[^\n]*|#[^\n]*|\/\*(?!M?!)[\s\S]*?\*\/|\/\*M?!\d*|\*\/)|`(?<name>(?:[^`]|``)*)`|"(?<quoted>(?:[^"\\]|""|\\[\s\S])*)"|'(?<text>(?:[^'\\]|''|\\[\s\S])*)'|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w$\u0080-\uffff])|(?<![\w$`"\u0080-\uffff])\.\d+(?![\w$\u0080-\uffff]))|(?<word>[\w$@\u0080-\uffff]+)|(?<symbol>[^`"'])/y

/** Undefined: a quote does not end. The content of comments that the server executes (`/*!50100 …`) is part of it. */
export function ddlTokens(ddl: string): Token[] | undefined {
  const tokens: Token[] = []
  pattern.lastIndex = 0
  while (pattern.lastIndex < ddl.length) {
    const groups = pattern.exec(ddl)?.groups
    if (!groups) return undefined
    const { name, quoted, text, number, word, symbol } = groups
    if (name !== undefined) tokens.push({ kind: 'name', value: name.replaceAll('``', '`') })
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', value: unescaped(quoted, '"') })
    else if (text !== undefined) tokens.push({ kind: 'text', value: unescaped(text, "'") })
    else if (number !== undefined) tokens.push({ kind: 'number', value: number })
    else if (word !== undefined) tokens.push({ kind: 'word', value: word })
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', value: symbol })
  }
  return tokens
}

const escapes: Record<string, string> = { '0': '\0', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' }

function unescaped(text: string, quote: string): string {
  return text.replace(/\\([\s\S])|''|""/g, (match, escaped?: string) => {
    if (escaped !== undefined) return escapes[escaped] ?? escaped
    return match === quote + quote ? quote : match
  })
}

/** Whether a token is this bare word. */
export function isWord(token: Token | undefined, ...words: string[]): boolean {
  return token?.kind === 'word' && words.includes(token.value.toUpperCase())
}

export function isSymbol(token: Token | undefined, value: string): boolean {
  return token?.kind === 'symbol' && token.value === value
}

/** Whether a token may name a table or a column. */
export function isName(token: Token | undefined): boolean {
  return token?.kind === 'word' || token?.kind === 'name' || token?.kind === 'quoted'
}

/** Cuts at commas outside of parentheses. */
export function atCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isSymbol(token, '(')) depth++
    if (isSymbol(token, ')')) depth--
    if (depth === 0 && isSymbol(token, ',')) parts.push([])
    else parts.at(-1)!.push(token)
  }
  return parts.filter(part => part.length > 0)
}
