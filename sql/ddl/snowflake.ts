// What to paste into Snowflake to read the lake's tables: Iceberg tables over Delta files (an external volume and a catalog integration).
import { dialect, statement } from './dialect.ts'
import { type Ddl, type DdlTable, folderOf, named } from './table.ts'

const snowflake = dialect('"', { nameEscape: 'double', textEscape: 'both' })

/** Plain names are written in capitals, as Snowflake folds them, so that queries need no quotes. All tables lie on Azure. */
export function snowflakeDdl(tables: readonly DdlTable[]): Ddl {
  const { id, text } = snowflake
  const spell = (name: string) => (/^[a-z_]\w*$/i.test(name) ? name.toUpperCase() : name)
  const statements = [
    'CREATE CATALOG INTEGRATION IF NOT EXISTS BINLAKE_DELTA CATALOG_SOURCE = OBJECT_STORE TABLE_FORMAT = DELTA ENABLED = TRUE',
  ]
  for (const [zone, [first]] of Map.groupBy(tables, ({ zone }) => zone)) {
    const location = first!.location
    if (location.kind !== 'azure') throw new TypeError('Snowflake reads from Azure only')
    const base = `azure://${location.account}.blob.${location.suffix}/${location.container}/${folderOf({ ...location, path: '' })}`
    statements.push(
      statement`CREATE EXTERNAL VOLUME IF NOT EXISTS ${id(volume(zone))} STORAGE_LOCATIONS = ((NAME = ${text(zone)} STORAGE_PROVIDER = 'AZURE' STORAGE_BASE_URL = ${text(base)} AZURE_TENANT_ID = '<tenant id>')) ALLOW_WRITES = FALSE`,
      statement`CREATE SCHEMA IF NOT EXISTS ${id(spell(zone))}`,
    )
  }
  for (const { table, name } of named(tables, spell)) {
    if (table.location.kind !== 'azure') throw new TypeError('Snowflake reads from Azure only')
    statements.push(
      statement`CREATE ICEBERG TABLE IF NOT EXISTS ${id(spell(table.zone), name)} EXTERNAL_VOLUME = ${text(volume(table.zone))} CATALOG = 'BINLAKE_DELTA' BASE_LOCATION = ${text(table.location.path)} AUTO_REFRESH = TRUE`,
    )
  }
  return {
    notes: [
      'Snowflake. Put your tenant in place of <tenant id>; then DESC EXTERNAL VOLUME shows the consent URL and the application',
      'that needs the role Storage Blob Data Reader. Without AUTO_REFRESH: ALTER ICEBERG TABLE … REFRESH.',
      'A history’s _valid_to is lead("_valid_from") over its key, ordered by "_valid_from", "_seq" (docs/read-elsewhere.md).',
    ],
    statements,
  }
}

function volume(zone: string): string {
  return `BINLAKE_${zone.toUpperCase()}`
}
