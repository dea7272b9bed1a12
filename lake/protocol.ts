// Which tables this writer may touch (lake-spec §3.6): everything a table asks for must be something we do.
// Guarantee: pure; a table that asks for more is refused with the reason, before anything is read or written.
import type { MetaData, Protocol } from './actions.ts'
import { LakeError } from './lake-error.ts'
import type { Field } from './schema.ts'

/** What every table of ours starts with: every Delta reader ever released understands it. */
export const ourProtocol: Protocol = { minReaderVersion: 1, minWriterVersion: 2 }

/** Writer features that ask nothing of a writer that only adds whole files and keeps no constraints, or that we check below. */
const harmlessFeatures = new Set(['appendOnly', 'invariants', 'checkConstraints', 'generatedColumns'])

/** Column metadata that obliges a writer. */
const columnDuties = ['delta.invariants', 'delta.generationExpression', 'delta.identity.start', 'delta.columnMapping.id']

/** Throws LAKE_UNSUPPORTED_TABLE with the reason, naming the table, its feature or its column. */
export function assertSupported(path: string, table: { protocol: Protocol; metaData: MetaData; fields: readonly Field[] }): void {
  const reason = unsupported(table)
  if (reason) {
    throw new LakeError(
      'LAKE_UNSUPPORTED_TABLE',
      `${path}: ${reason}; binlake neither reads nor writes it, use the engine that set this`,
    )
  }
}

function unsupported({
  protocol,
  metaData,
  fields,
}: {
  protocol: Protocol
  metaData: MetaData
  fields: readonly Field[]
}): string | undefined {
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol
  if (reader !== 1 && reader !== 3) return `reader version ${reader} (column mapping)`
  for (const feature of protocol.readerFeatures ?? []) return `table feature ${feature}`
  if (writer > 7) return `writer version ${writer}`
  for (const feature of protocol.writerFeatures ?? []) if (!harmlessFeatures.has(feature)) return `table feature ${feature}`
  const { configuration } = metaData
  if (metaData.format.provider !== 'parquet') return `file format ${metaData.format.provider}`
  if (configuration['delta.appendOnly'] === 'true') return 'property delta.appendOnly'
  if (configuration['delta.enableChangeDataFeed'] === 'true') return 'property delta.enableChangeDataFeed'
  if (configuration['delta.enableDeletionVectors'] === 'true') return 'property delta.enableDeletionVectors'
  if ((configuration['delta.columnMapping.mode'] ?? 'none') !== 'none') return 'property delta.columnMapping.mode'
  for (const key of Object.keys(configuration)) if (key.startsWith('delta.constraints.')) return `property ${key}`
  for (const column of fields) {
    for (const duty of columnDuties) if (duty in column.metadata) return `column ${column.name} with ${duty}`
  }
  return undefined
}
