// Reads YAML by a zod schema and says of each problem on which line it stands.
// Guarantee: all problems are reported together; a file with any problem gives no value.
import { isMap, isScalar, LineCounter, type Node, type ParsedNode, parseDocument } from 'yaml'
import type { z } from 'zod'

export interface Problem {
  line: number
  /** Dotted path of keys; empty for the file as a whole. */
  field: string
  message: string
}

export interface YamlFile<Value> {
  value: Value | undefined
  problems: Problem[]
  /** The problem of a later check, placed on the line of that path. */
  problemAt(path: readonly PropertyKey[], message: string): Problem
}

/** Parses and validates. `value` is undefined if there are problems. */
export function readYaml<Schema extends z.ZodType>(schema: Schema, text: string): YamlFile<z.output<Schema>> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (node: Node | null | undefined, path: readonly PropertyKey[], message: string): Problem => {
    return { line: lines.linePos(node?.range?.[0] ?? 0).line || 1, field: path.map(String).join('.'), message }
  }
  const problemAt = (path: readonly PropertyKey[], message: string) => at(place(document.contents, path), path, message)
  if (document.errors.length > 0) {
    const problems = document.errors.map(error => ({
      line: lines.linePos(error.pos[0]).line,
      field: '',
      message: `not valid YAML: ${error.message}`,
    }))
    return { value: undefined, problems, problemAt }
  }
  const result = schema.safeParse(document.toJS() ?? {})
  if (result.success) return { value: result.data, problems: [], problemAt }
  const problems = result.error.issues.flatMap(issue => plain(issue, [])).map(({ path, message }) => problemAt(path, message))
  return { value: undefined, problems, problemAt }
}

type Issue = z.core.$ZodIssue

/** Issues as path and text; of a union, those of the branch that came furthest. */
function plain(issue: Issue, prefix: readonly PropertyKey[]): { path: PropertyKey[]; message: string }[] {
  const path = [...prefix, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({ path: [...path, key], message: 'unknown key; remove it or correct its spelling' }))
  }
  if (issue.code === 'invalid_key')
    return issue.issues.map(inner => ({ path, message: `the name is not allowed: ${inner.message}` }))
  if (issue.code === 'invalid_union') {
    const best = [...issue.errors].sort((a, b) => nearness(b) - nearness(a))[0] ?? []
    return best.flatMap(inner => plain(inner, path))
  }
  if (issue.code === 'invalid_type' && issue.input === undefined) return [{ path, message: `is missing; give ${issue.expected}` }]
  return [{ path, message: issue.message.replace(/^Invalid \w+: /, '') }]
}

/** How far a branch of a union came: wrong kind of value, wrong value, or the right kind with something wrong inside. */
function nearness(branch: readonly Issue[]): number {
  const own = branch.filter(({ path, code }) => path.length === 0 && code !== 'unrecognized_keys')
  if (own.length === 0) return 2
  return own.some(({ code }) => code === 'invalid_type') ? 0 : 1
}

/** The key at a path, or the deepest there is on the way. */
function place(root: ParsedNode | null, path: readonly PropertyKey[]): Node | null {
  let found: Node | null = root
  let at: unknown = root
  for (const key of path) {
    if (!isMap(at)) break
    const pair = at.items.find(item => isScalar(item.key) && String(item.key.value) === String(key))
    if (!pair) break
    found = pair.key as Node
    at = pair.value
  }
  return found
}
