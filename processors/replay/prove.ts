// Is a silver table what bronze says it must be? Its rows against those of a rebuild at the same bronze version.
// Guarantee: «identical» means every row and column of silver, history and markers; what a changed policy or type makes new is told apart from damage.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { scan } from '../../lake/scan.ts'
import { duckType, sameType } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { MaskKey } from '../../privacy/keys.ts'
import { masksIn } from '../mask-record.ts'
import { paths } from '../silver-parts.ts'
import { type Aside, type PartName, partNames } from './build-aside.ts'
import { compareRows, type RowDifference } from './compare-rows.ts'

export type Difference = 'missing' | 'extra' | 'different'

/** One of silver's three tables. Live: as it stands; rebuilt: as bronze makes it. */
export interface PartProof {
  /** Its path in the lake. */
  table: string
  equal: boolean
  rows: { live: number; rebuilt: number }
  /** Rows that the live table lacks, has too many, or has with other values. */
  differences: Record<Difference, number>
  /** Some of them: `key` is a token, which `replay --find` looks up. */
  examples: { key: string; difference: Difference; columns: string[] }[]
}

export interface Proof {
  equal: boolean
  parts: PartProof[]
  /** What is new by design and therefore not compared: columns masked otherwise, of another type, come or gone. In words. */
  byDesign: string[]
}

export interface ProveOptions {
  lake: Lakehouse
  /** The live tables at the bronze version that `aside` was built at. */
  live: Record<PartName, Snapshot | undefined>
  aside: Aside
  token: MaskKey
  /** How many differing rows of a table to name. */
  examples: number
}

const kinds: Record<RowDifference, Difference> = { 'only left': 'extra', 'only right': 'missing', different: 'different' }

/** Compares all three tables. A live table that is not there yet counts as empty. */
export async function prove(duck: Duck, { lake, live, aside, token, examples }: ProveOptions): Promise<Proof> {
  const at = paths(aside.tables.name)
  const parts: PartProof[] = []
  const byDesign = new Set<string>()
  for (const part of [...partNames].reverse()) {
    const built = aside.tables[part]!
    const standing = live[part] ?? { ...built, files: new Map() }
    const { columns, changes } = comparable(standing, built)
    for (const change of changes) byDesign.add(change)
    const key = aside.tables.key.filter(name => columns.includes(name))
    // A key that is masked otherwise tells no rows apart; their places in Kafka do, and the versions of a history.
    const identity =
      key.length < aside.tables.key.length || part === 'history'
        ? [...key, '_partition', '_offset', ...(part === 'history' ? ['_op'] : [])]
        : key
    const result = await compareRows(duck, {
      left: await scan(lake.table(at[part]), standing, { columns }),
      right: await scan(aside.lake.table(at[part]), built, { columns }),
      identity,
      key: key.length > 0 ? key : identity,
      columns,
      token,
      examples,
    })
    parts.push({
      table: at[part],
      equal: result.equal,
      rows: { live: result.rows.left, rebuilt: result.rows.right },
      differences: {
        missing: result.differences['only right'],
        extra: result.differences['only left'],
        different: result.differences.different,
      },
      examples: result.examples.map(one => ({ ...one, difference: kinds[one.difference] })),
    })
  }
  return { equal: parts.every(({ equal }) => equal), parts, byDesign: [...byDesign] }
}

/** The columns that must hold the same in both, and why the others need not. */
export function comparable(live: Snapshot, built: Snapshot): { columns: string[]; changes: string[] } {
  const [before, now] = [masksIn(live), masksIn(built)]
  const types = new Map(live.fields.map(({ name, type }) => [name, type]))
  const columns: string[] = []
  const changes: string[] = []
  for (const { name, type } of built.fields) {
    const old = types.get(name)
    types.delete(name)
    if (old === undefined) changes.push(`column ${name} comes`)
    else if (!sameType(old, type)) changes.push(`column ${name} changes from ${duckType(old)} to ${duckType(type)}`)
    else if (before[name] && before[name].by !== now[name]?.by) changes.push(`column ${name} is masked otherwise`)
    else columns.push(name)
  }
  for (const name of types.keys()) changes.push(`column ${name} goes`)
  return { columns, changes }
}
