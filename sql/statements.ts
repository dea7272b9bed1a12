// Cuts typed text into statements at its semicolons.
// Guarantee: a semicolon inside quotes, comments or dollar quotes cuts nothing.

export interface Statements {
  /** Finished statements, without their semicolon. */
  complete: string[]
  /** What follows the last semicolon; empty when only space and comments do. */
  rest: string
}

const token =
  /'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|(\$[A-Za-z_]*\$)[\s\S]*?(?:\1|$)|;|[^'"$;/-]+|[\s\S]/g

/** Splits text into statements. */
export function splitStatements(text: string): Statements {
  const complete: string[] = []
  let current = ''
  let empty = true
  for (const [part] of text.matchAll(token)) {
    if (part === ';') {
      if (!empty) complete.push(current.trim())
      current = ''
      empty = true
      continue
    }
    current += part
    if (part.trim() !== '' && !part.startsWith('--') && !part.startsWith('/*')) empty = false
  }
  return { complete, rest: empty ? '' : current }
}
