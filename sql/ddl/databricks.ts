// What to paste into a Databricks SQL editor or notebook (Unity Catalog) to read the lake's tables.
import { statement } from './dialect.ts'
import { externalTables, sparkDialect } from './spark.ts'
import { abfss, type Ddl, type DdlTable } from './table.ts'

/** External locations by zone, external tables, views of the histories. All tables lie on Azure. */
export function databricksDdl(tables: readonly DdlTable[]): Ddl {
  const { id, text } = sparkDialect
  const statements = [statement`USE CATALOG ${id('<catalog>')}`]
  const zones = Map.groupBy(tables, ({ zone }) => zone)
  for (const [zone, [first]] of zones) {
    const location = first!.location
    if (location.kind !== 'azure') throw new TypeError('Databricks reads from Azure only')
    const root = abfss({ ...location, path: '' }).replace(/\/+$/, '')
    statements.push(
      statement`CREATE EXTERNAL LOCATION IF NOT EXISTS ${id(`binlake_${zone}`)} URL ${text(root)} WITH (STORAGE CREDENTIAL ${id('<storage credential>')})`,
      statement`CREATE SCHEMA IF NOT EXISTS ${id(zone)}`,
    )
  }
  statements.push(...externalTables(tables, place))
  return {
    notes: [
      'Databricks with Unity Catalog. First, in Catalog Explorer: a storage credential whose managed identity has the role',
      'Storage Blob Data Reader on the containers. Put its name and your catalog in place of <storage credential> and <catalog>.',
      'Grant readers SELECT only: the tables are binlake’s to write, and to OPTIMIZE and VACUUM.',
    ],
    statements,
  }
}

function place({ location }: DdlTable): string {
  if (location.kind !== 'azure') throw new TypeError('Databricks reads from Azure only')
  return abfss(location)
}
