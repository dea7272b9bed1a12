// A session on the user's own MySQL or MariaDB for the few statements that binlake writes there itself.
// Guarantee: UTC, utf8mb4 and an empty sql_mode, whatever the server's own; results come as text.
import { type Connection, createConnection } from 'mysql2/promise'
import { mysqlError } from './mysql-error.ts'

export type Flavour = 'mysql' | 'mariadb'

export interface MysqlSession extends AsyncDisposable {
  flavour: Flavour
  /** `[9, 7]` */
  version: readonly [number, number]
  /** Rows as lists of texts. Throws MysqlError. */
  query(statement: string): Promise<(string | null)[][]>
}

/** `url` may name a database, which is then the session's. Throws MysqlError. */
export async function openMysqlSession(url: string): Promise<MysqlSession> {
  let connection: Connection | undefined
  try {
    connection = await createConnection({ uri: url, charset: 'utf8mb4', timezone: 'Z', rowsAsArray: true, typeCast: asText })
    const open = connection
    const query = async (statement: string) => {
      try {
        const [rows] = await open.query({ sql: statement, rowsAsArray: true })
        return (Array.isArray(rows) ? rows : []) as (string | null)[][]
      } catch (error) {
        throw mysqlError(error, url)
      }
    }
    await query("SET SESSION time_zone = '+00:00', SESSION sql_mode = ''")
    const [[text = ''] = []] = (await query('SELECT VERSION()')) as string[][]
    return {
      flavour: /mariadb/i.test(text) ? 'mariadb' : 'mysql',
      version: versionOf(text),
      query,
      async [Symbol.asyncDispose]() {
        await open.end().catch(() => open.destroy())
      },
    }
  } catch (error) {
    connection?.destroy()
    throw mysqlError(error, url)
  }
}

/** `[10, 11]` from `10.11.18-MariaDB-0+deb12u1-log`, and from `5.5.5-10.11.18-MariaDB` as proxies write it. */
export function versionOf(text: string): [number, number] {
  const match = /^(?:5\.5\.5-)?(\d+)\.(\d+)/.exec(text)
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)]
}

function asText(field: { string(): string | null }): string | null {
  return field.string()
}
