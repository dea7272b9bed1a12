// The columns that binlake adds of its own, in the lake's tables and in temporary ones on the way: one list of all their names.
// Guarantee: no column of a source ever meets one of these names in a statement; a source's column so called does not go to silver.
import { type Field, field } from '../lake/schema.ts'

/** Columns that every silver row carries beside its own: since when it is so, and which event made it so. */
export const positionFields: Field[] = [
  field('_valid_from', 'timestamp'),
  field('_source_ts', 'timestamp'),
  field('_partition', 'integer'),
  field('_offset', 'long'),
  field('_file', 'string'),
  field('_pos', 'long'),
  field('_row', 'integer'),
  field('_gtid', 'string'),
  field('_tx_order', 'long'),
  field('_epoch', 'integer'),
  field('_lineage', 'integer'),
]

/** The columns of bronze rows that `typeChanges` reads, as event-rows.ts gives them. */
export const bronzeColumnsRead = [
  '_value',
  '_op',
  '_source_ts',
  '_partition',
  '_offset',
  '_file',
  '_pos',
  '_row',
  '_gtid',
  '_tx_order',
  '_snapshot',
  '_epoch',
  '_lineage',
]

/** What history has beside, and what its view adds. */
const historyNames = ['_op', '_seq', '_valid_to', '_is_current']

/** Columns of temporary tables between bronze and silver (changes, collapse, silver), which stand beside the source's own there. */
const temporaryNames = [
  ...['_row_id', '_bad', '_winner', '_path', '_marker', '_marker_path', '_group', '_new', '_known', '_truncated'],
  ...[
    '_base',
    '_number',
    '_origin',
    '_sequence',
    '_nth',
    '_plain',
    '_key_number',
    '_source_us',
    '_arrived',
    '_ingested_at',
    '_at',
    '_tied',
    '_unordered',
  ],
  ...[
    '_base',
    '_origin',
    '_sequence',
    '_number',
    '_pos',
    '_row',
    '_tx_order',
    '_op',
    '_partition',
    '_source_ts',
    '_epoch',
    '_lineage',
    '_file',
    '_offset',
  ].map(name => `_before${name}`),
]

/** Of tables without a key (multiset/). */
const multisetNames = ['_row_hash', '_copy', '_delta']

/** All of them, in lower case. */
export const ownNames: ReadonlySet<string> = new Set([
  ...positionFields.map(({ name }) => name),
  ...bronzeColumnsRead.slice(1),
  ...historyNames,
  ...temporaryNames,
  ...multisetNames,
])
