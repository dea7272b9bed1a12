// What to paste into Spark with Delta Lake (spark-sql, a notebook) to read the lake's tables.
import { dialect, statement } from './dialect.ts'
import { historySelect } from './history-view.ts'
import { abfss, type Ddl, type DdlTable, hadoopFile, named, plainName, zonesOf } from './table.ts'

export const sparkDialect = dialect('`', { nameEscape: 'double', textEscape: 'backslash' })

/** External tables by their place, and views of the histories; Spark's metastore takes plain names only. */
export function sparkDdl(tables: readonly DdlTable[]): Ddl {
  const { id } = sparkDialect
  const accounts = new Set(tables.flatMap(({ location }) => (location.kind === 'azure' ? [location] : [])))
  const hosts = new Set([...accounts].map(({ account, suffix }) => `${account}.dfs.${suffix}`))
  const statements = zonesOf(tables).map(zone => statement`CREATE SCHEMA IF NOT EXISTS ${id(zone)}`)
  statements.push(...externalTables(tables, place))
  return {
    notes: [
      'Spark 4 with Delta Lake 4 (Spark 3.5: delta-spark_2.12:3.3.2). Start it with:',
      '  --packages io.delta:delta-spark_2.13:4.0.0 \\',
      '  --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \\',
      '  --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog',
      ...[...hosts].flatMap(host => [
        `and for Azure: --packages …,org.apache.hadoop:hadoop-azure:3.4.1 and a way in, e.g.`,
        `  --conf spark.hadoop.fs.azure.account.key.${host}=<account key>`,
      ]),
    ],
    statements,
  }
}

/** Tables by their place, and views of the histories, as Spark and Databricks write them. */
export function externalTables(tables: readonly DdlTable[], place: (table: DdlTable) => string): string[] {
  const { id, text } = sparkDialect
  return named(tables, plainName).flatMap(({ table, name, view }) => {
    const made = statement`CREATE TABLE IF NOT EXISTS ${id(table.zone, name)} USING DELTA LOCATION ${text(place(table))}`
    if (!view) return [made]
    const select = historySelect({ dialect: sparkDialect, from: id(table.zone, name), key: table.historyKey! })
    return [made, statement`CREATE OR REPLACE VIEW ${id(table.zone, view)} AS ${select}`]
  })
}

function place({ location }: DdlTable): string {
  if (location.kind === 'local') return hadoopFile(location.folder)
  if (location.kind === 'azure') return abfss(location)
  throw new TypeError('Spark reads no emulator')
}
