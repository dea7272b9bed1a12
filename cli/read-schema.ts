// Tables as the configured MySQL describes them itself; nothing where no MySQL is configured.
import type { SourceTable, TableName } from '../processors/source-schema.ts'
import type { Config } from './config.ts'
import { embeddedFolder } from './open-source.ts'

/** What `run` and `schema show` ask. The reader throws MysqlError. */
export function readSchemaOf({ mysql: { url } }: Config): { readSchema?: (name: TableName) => Promise<SourceTable | undefined> } {
  if (url === undefined || embeddedFolder(url)) return {}
  return {
    readSchema: async name => {
      const [{ openMysqlSession }, { columnsQuery, keyQuery, tableOf }] = await Promise.all([
        import('../connectors/mysql-session.ts'),
        import('../processors/schema/from-information-schema.ts'),
      ])
      await using mysql = await openMysqlSession(url)
      const named = (query: string) =>
        [name.database, name.table].reduce((text, value) => text.replace('?', quoted(value)), query)
      return tableOf(name, await mysql.query(named(columnsQuery)), await mysql.query(named(keyQuery)))
    },
  }
}

/** As hexadecimal digits: no character of a name means anything. */
function quoted(value: string): string {
  return `CONVERT(X'${Buffer.from(value).toString('hex')}' USING utf8mb4)`
}
