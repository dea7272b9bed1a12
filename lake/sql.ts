// SQL text is only ever built here: values become escaped literals, names become quoted identifiers.
// Guarantee: nothing that comes from outside can end a literal or an identifier early.

/** A finished piece of SQL. Only `sql`, `id`, `join` and `trusted` make one. */
export class Sql {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type SqlValue = Sql | string | number | bigint | boolean | null | readonly SqlValue[]

/** Builds SQL: `sql\`select * from ${id(table)} where a = ${value}\``. Values become literals, arrays become lists `[a, b]`. */
export function sql(strings: TemplateStringsArray, ...values: SqlValue[]): Sql {
  let text = strings[0]!
  for (let i = 0; i < values.length; i++) text += literal(values[i]!) + strings[i + 1]!
  return new Sql(text)
}

/** A quoted identifier; several parts give a dotted name: `id('silver', 'orders')`. */
export function id(...parts: string[]): Sql {
  return new Sql(parts.map(part => `"${checked(part).replaceAll('"', '""')}"`).join('.'))
}

/** Joins pieces with a separator, `', '` by default. An empty list gives empty SQL. */
export function join(pieces: readonly Sql[], separator = ', '): Sql {
  return new Sql(pieces.map(piece => piece.text).join(separator))
}

/** SQL from a file of this repository or typed by the user: never text that holds foreign values. */
export function trusted(text: string): Sql {
  return new Sql(text)
}

function literal(value: SqlValue): string {
  if (value instanceof Sql) return value.text
  if (value === null) return 'NULL'
  if (typeof value === 'string') return `'${checked(value).replaceAll("'", "''")}'`
  if (typeof value === 'object') return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError('SQL literal: only finite numbers')
  return String(value)
}

function checked(text: string): string {
  if (text.includes('\0')) throw new TypeError('SQL text must not contain a NUL character')
  return text
}
