// Statements for engines other than ours: each quotes names and texts in its own way.
// Guarantee: a statement is made of text written in this repository and of quoted pieces; nothing else can get in.

/** A name or a text as one engine's SQL spells it. Only a dialect makes one. */
export class Quoted {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export interface Dialect {
  /** A name; several parts give a dotted one. */
  id(...parts: string[]): Quoted
  /** A literal. */
  text(value: string): Quoted
}

/** A dialect by the characters that end a name and a literal, and what it puts before one that is meant. */
export function dialect(quote: '"' | '`', { nameEscape, textEscape }: { nameEscape: Escape; textEscape: Escape }): Dialect {
  return {
    id: (...parts) => new Quoted(parts.map(part => `${quote}${escaped(part, quote, nameEscape)}${quote}`).join('.')),
    text: value => new Quoted(`'${escaped(value, "'", textEscape)}'`),
  }
}

/** `double`: the quote is written twice. `backslash`: a backslash goes before it, and before a backslash. `both`: quotes twice, backslashes twice. */
type Escape = 'double' | 'backslash' | 'both'

function escaped(text: string, quote: string, how: Escape): string {
  if (text.includes('\0')) throw new TypeError('a name must not contain a NUL character')
  const plain = how === 'double' ? text : text.replaceAll('\\', '\\\\')
  return plain.replaceAll(quote, how === 'backslash' ? `\\${quote}` : quote + quote)
}

/** Builds a statement: only quoted pieces go in. */
export function statement(strings: TemplateStringsArray, ...values: Quoted[]): string {
  return strings.slice(1).reduce((text, piece, i) => text + values[i]!.text + piece, strings[0]!)
}

/** Part of a statement. */
export function piece(strings: TemplateStringsArray, ...values: Quoted[]): Quoted {
  return new Quoted(statement(strings, ...values))
}

/** Text that cannot leave a comment line: what breaks lines, or hides, is written as its number. */
export function inComment(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, char => `\\u{${char.codePointAt(0)!.toString(16)}}`)
}
