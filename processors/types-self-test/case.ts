// What the type self-test is made of: columns, and for each the values at its limits.
// Guarantee: a row of the test table holds one value of one column, so a row that fails names exactly what failed.

/** Where a type or a value exists; absent: everywhere. Versions are `[major, minor]`. */
export interface Where {
  mysql?: readonly [number, number]
  mariadb?: readonly [number, number]
}

export interface LimitCase {
  /** Which limit, for the report: `max`, `zero date`, … */
  name: string
  /** A literal or expression of MySQL, in a session in UTC with an empty sql_mode. */
  value: string
  where?: Where
  /** Debezium is known to lose this value on that way, and why; the report says so, and it is no mismatch. */
  lost?: Partial<Record<'snapshot' | 'stream', string>>
}

export interface TypeColumn {
  /** The column's name in the test table. */
  name: string
  /** As declared, without the name. */
  declared: string
  cases: LimitCase[]
  where?: Where
}

type Values = Record<string, string | Omit<LimitCase, 'name'>>

/** A column named after its type, with its values by the name of their limit. */
export function column(declared: string, values: Values, options: { name?: string; where?: Where } = {}): TypeColumn {
  const name = options.name ?? `c_${declared.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}`.replace(/_+$/, '')
  const cases = Object.entries(values).map(([name, value]) => ({ name, ...(typeof value === 'string' ? { value } : value) }))
  return { name, declared, cases, ...(options.where ? { where: options.where } : {}) }
}

/** Whether a server has what is asked for. `{ mysql: … }` alone means: MySQL only. */
export function exists(
  where: Where | undefined,
  server: { flavour: 'mysql' | 'mariadb'; version: readonly [number, number] },
): boolean {
  if (!where) return true
  const since = where[server.flavour]
  if (!since) return false
  const [major, minor] = server.version
  return major > since[0] || (major === since[0] && minor >= since[1])
}
