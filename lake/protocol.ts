// Which tables this writer may touch (lake-spec §3.6): everything a table asks for must be something we do.
// Guarantee: pure; a table that asks for more is refused with the reason, before anything is read or written.
import type { MetaData, Protocol, Remove } from './actions.ts'
import { LakeError } from './lake-error.ts'
import type { DeltaType, Field } from './schema.ts'

/** What every table of ours starts with: every Delta reader ever released understands it. */
export const ourProtocol: Protocol = { minReaderVersion: 1, minWriterVersion: 2 }

/**
 * Table features that ask nothing of a writer of whole files as long as no property or column, checked below, puts them to use, or that
 * ask for what every open of a table does here.
 */
const harmlessFeatures = new Set([
  'appendOnly',
  'invariants',
  'checkConstraints',
  'generatedColumns',
  'changeDataFeed',
  'columnMapping',
  'identityColumns',
  'vacuumProtocolCheck',
])

/** Table properties that oblige a writer when they are `true`. Engines take the names in any case. */
const duties = lowered([
  'delta.enableChangeDataFeed',
  'delta.enableDeletionVectors',
  'delta.enableRowTracking',
  'delta.enableInCommitTimestamps',
  'delta.enableTypeWidening',
  'delta.enableIcebergCompatV1',
  'delta.enableIcebergCompatV2',
  'delta.enableIcebergCompatV3',
  'delta.enableIcebergWriterCompatV1',
  'delta.enableIcebergWriterCompatV3',
])

/** Table properties that oblige a writer unless they hold this value. */
const modes: Record<string, string> = {
  'delta.columnmapping.mode': 'none',
  'delta.checkpointpolicy': 'classic',
  'delta.universalformat.enabledformats': '',
}

/** Column metadata that obliges a writer, by the beginning of its name. */
const columnDuties = [
  'delta.invariants',
  'delta.generationExpression',
  'delta.identity.',
  'delta.columnMapping.',
  'delta.typeChanges',
  'CURRENT_DEFAULT',
]

/** Throws LAKE_UNSUPPORTED_TABLE with the reason, naming the table, its feature or its column. */
export function assertSupported(path: string, table: { protocol: Protocol; metaData: MetaData; fields: readonly Field[] }): void {
  const reason = ofProtocol(table.protocol) ?? ofProperties(table.metaData) ?? ofColumns(table.fields)
  if (reason) {
    throw new LakeError(
      'LAKE_UNSUPPORTED_TABLE',
      `${path}: ${reason}; binlake neither reads nor writes it, use the engine that set this`,
    )
  }
}

/** Throws LAKE_UNSUPPORTED_TABLE if the table only takes new rows and these files would go with theirs. Moving rows between files is no change. */
export function assertMayRemove(path: string, metaData: MetaData, removes: readonly Pick<Remove, 'dataChange'>[]): void {
  if (metaData.configuration['delta.appendOnly'] !== 'true' || !removes.some(({ dataChange }) => dataChange)) return
  throw new LakeError(
    'LAKE_UNSUPPORTED_TABLE',
    `${path}: property delta.appendOnly: its rows may not be changed or deleted; unset the property to allow it`,
  )
}

function ofProtocol(protocol: Protocol): string | undefined {
  const { minReaderVersion: reader, minWriterVersion: writer, readerFeatures = [], writerFeatures = [] } = protocol
  // 2 is for column mapping alone: a property below says whether it is in use.
  if (![1, 2, 3].includes(reader)) return `reader version ${reader}`
  if (!(writer >= 1 && writer <= 7)) return `writer version ${writer}`
  const feature = [...readerFeatures, ...writerFeatures].find(name => !harmlessFeatures.has(name))
  return feature && `table feature ${feature}`
}

function ofProperties({ format, configuration }: MetaData): string | undefined {
  if (format.provider !== 'parquet') return `file format ${format.provider}`
  for (const [key, value] of Object.entries(configuration)) {
    const name = key.toLowerCase()
    if (name.startsWith('delta.constraints.')) return `property ${key}`
    if (duties.has(name) && value.toLowerCase() === 'true') return `property ${key}`
    if (modes[name] !== undefined && value.toLowerCase() !== modes[name]) return `property ${key} = ${value}`
  }
  return undefined
}

function lowered(names: string[]): ReadonlySet<string> {
  return new Set(names.map(name => name.toLowerCase()))
}

function ofColumns(fields: readonly Field[], within = ''): string | undefined {
  for (const { name, type, metadata } of fields) {
    const column = `${within}${name}`
    const duty = Object.keys(metadata ?? {}).find(key => columnDuties.some(start => key.startsWith(start)))
    const reason = duty ? `column ${column} with ${duty}` : ofColumns(nested(type), `${column}.`)
    if (reason) return reason
  }
  return undefined
}

/** The fields of structs, however deep in arrays and maps. */
function nested(type: DeltaType): readonly Field[] {
  if (typeof type === 'string') return []
  if (type.type === 'struct') return type.fields
  return type.type === 'array' ? nested(type.elementType) : [...nested(type.keyType), ...nested(type.valueType)]
}
