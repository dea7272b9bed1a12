// Reads a key of several columns as a person types it on one line.

/** Values between commas. One in double quotes may hold commas, and quotes written twice: `1,"a,b"`. */
export function positional(text: string): string[] {
  const values: string[] = []
  let at = 0
  for (;;) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|$)/.exec(text.slice(at))
    const end = quoted ? at + quoted[0].length : text.indexOf(',', at)
    values.push(quoted ? quoted[1]!.replaceAll('""', '"') : text.slice(at, end < 0 ? text.length : end))
    if (end < 0 || end >= text.length) return values
    at = end + 1
  }
}
