// What to run to make the lake's tables known to Microsoft Fabric: OneLake shortcuts, one a table, and views for the SQL endpoint.
import { dialect, piece, statement } from './dialect.ts'
import { historySelect } from './history-view.ts'
import { type Ddl, type DdlTable, folderOf, named, plainName } from './table.ts'

const transact = dialect('"', { nameEscape: 'double', textEscape: 'double' })

/** Shell commands, for Fabric has no SQL for shortcuts. All tables lie on Azure. The notes end with the views' T-SQL. */
export function fabricDdl(tables: readonly DdlTable[]): Ddl {
  const hosts = [...new Set(tables.map(host))]
  const statements = [
    'WORKSPACE="<workspace id>" LAKEHOUSE="<lakehouse id>"',
    ...hosts.map((url, i) => `CONNECTION_${i + 1}="<id of a connection to ${url}>"`),
  ]
  const views: string[] = []
  for (const { table, name, view } of named(tables, plainName)) {
    const { location } = table
    if (location.kind !== 'azure') throw new TypeError('Fabric reads from Azure only')
    const subpath = `/${location.container}/${folderOf(location)}`
    const target = { adlsGen2: { location: host(table), subpath, connectionId: '$CONNECTION' } }
    const connection = `'"$CONNECTION_${hosts.indexOf(host(table)) + 1}"'`
    const json = shellText(JSON.stringify({ path: `Tables/${table.zone}`, name, target }))
    const at = json.lastIndexOf('$CONNECTION')
    const body = json.slice(0, at) + connection + json.slice(at + '$CONNECTION'.length)
    statements.push(
      `az rest --method post --resource https://api.fabric.microsoft.com --url "https://api.fabric.microsoft.com/v1/workspaces/$WORKSPACE/items/$LAKEHOUSE/shortcuts" --body ${body}`,
    )
    if (view) {
      const from = transact.id(table.zone, name)
      const truth = (condition: ReturnType<typeof piece>) => piece`CAST(CASE WHEN ${condition} THEN 1 ELSE 0 END AS bit)`
      const select = historySelect({ dialect: transact, from, key: table.historyKey!, truth })
      views.push(statement`CREATE VIEW ${transact.id(table.zone, view)} AS ${select};`)
    }
  }
  return {
    notes: [
      'Microsoft Fabric: a shortcut per table, made by its REST interface (az login first). Needs a lakehouse with schemas, and a',
      'connection to the account (Manage connections) whose identity has the role Storage Blob Data Reader. ADLS Gen2 shortcuts',
      'need an account with a hierarchical namespace.',
      ...(views.length > 0
        ? ['Views of the histories, for the SQL analytics endpoint:', ...views.flatMap(view => view.split('\n'))]
        : []),
    ],
    statements,
  }
}

function host({ location }: DdlTable): string {
  if (location.kind !== 'azure') throw new TypeError('Fabric reads from Azure only')
  return `https://${location.account}.dfs.${location.suffix}`
}

function shellText(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
