// The schema registry: every version of the source's tables, read from bronze's copy of Debezium's schema-change topic, and what silver makes of them.
// Guarantee: a function of bronze, its decisions and the modes; it is read again only when bronze has more.
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, sql } from '../lake/sql.ts'
import { isDebeziums, schemaChanges } from './bronze-names.ts'
import { Decisions, decideFor } from './decisions.ts'
import { gtidOrder } from './gtid-order.ts'
import { changesBetween } from './schema/changes-between.ts'
import { defaultModes, type Modes } from './schema/kinds.ts'
import { planTable, type SchemaDecision, type TablePlan } from './schema/plan-table.ts'
import { type Version, Versions } from './schema/versions.ts'
import type { SourceTable, TableName } from './source-schema.ts'

/** The kind under which decisions about schemas are kept. */
export const schemaKind = 'schema'

export class SourceSchemas {
  readonly #duck: Duck
  readonly #lake: Lakehouse
  readonly #modes: Modes
  readonly #decisions: Decisions
  #read: { snapshot: Snapshot; versions: Versions; unordered: boolean } | undefined
  readonly #plans = new Map<string, { versions: Versions | undefined; decisions: string; plan: TablePlan | undefined }>()

  /** `modes`: what is done about changes that nothing was decided about yet. */
  constructor(duck: Duck, lake: Lakehouse, modes: Modes = defaultModes) {
    this.#duck = duck
    this.#lake = lake
    this.#modes = modes
    this.#decisions = new Decisions(duck, lake)
  }

  /** The table as silver follows it, with how events of earlier schemas are read; undefined when nothing has told of it yet. */
  async get(name: TableName): Promise<SourceTable | undefined> {
    return (await this.plan(name))?.schema
  }

  /** The same with every step that led there. `more`: as if this had been decided too. */
  async plan(name: TableName, more: readonly SchemaDecision[] = []): Promise<TablePlan | undefined> {
    const unordered = (await gtidOrder(this.#decisions)) === 'unordered'
    const versions = await this.#versions(unordered)
    const found = await this.#decisions.of<SchemaDecision>(name, schemaKind)
    const decisions = [...found.map(({ content }) => content), ...more]
    const key = keyOf(name)
    const known = this.#plans.get(key)
    const text = JSON.stringify([decisions, unordered])
    if (known && known.versions === versions && known.decisions === text) return known.plan
    const told = versions?.of(name) ?? []
    const plan = planTable([...before(told, fromDecisions(decisions)), ...told], {
      name,
      decisions,
      modes: this.#modes,
      unordered,
    })
    if (more.length === 0) this.#plans.set(key, { versions, decisions: text, plan })
    return plan
  }

  /** Asks the source itself for a table that no schema change told of, and writes its answer down. Undefined: nobody knows. */
  async ask(
    name: TableName,
    readSchema: ((name: TableName) => Promise<SourceTable | undefined>) | undefined,
  ): Promise<SourceTable | undefined> {
    const told = await readSchema?.(name)
    if (!told) return undefined
    const content: SchemaDecision = { change: 'information_schema', told }
    await decideFor({ duck: this.#duck, lake: this.#lake }, [{ table: name, kind: schemaKind, content }])
    return this.get(name)
  }

  /** Every table that something has told of: schema changes, or the source itself of a table in bronze. */
  async all(): Promise<SourceTable[]> {
    const told = (await this.#versions((await gtidOrder(this.#decisions)) === 'unordered'))?.names() ?? []
    const known = new Set(told.map(keyOf))
    const others = (await this.#lake.bronzeTables())
      .map(({ name }) => name)
      .filter(name => !isDebeziums(name) && !known.has(keyOf(name)))
    const schemas: SourceTable[] = []
    for (const name of [...told, ...others]) {
      const schema = await this.get(name)
      if (schema) schemas.push(schema)
    }
    return schemas
  }

  /**
   * Writes down what the modes say about changes that are taken from here on, so that a rebuild under other settings takes them alike. The
   * table as `get` gives it then.
   */
  async settle(name: TableName): Promise<SourceTable | undefined> {
    const plan = await this.plan(name)
    const open = plan?.steps.filter(({ undecided, state, changes }) => undecided && state === 'taken' && changes.length > 0) ?? []
    if (open.length === 0) return plan?.schema
    await decideFor(
      { duck: this.#duck, lake: this.#lake },
      open.map(({ version, changes }) => {
        const content: SchemaDecision = {
          change: version.id,
          modes: Object.fromEntries(changes.map(({ kind, mode }) => [kind, mode])),
        }
        return { table: name, kind: schemaKind, content }
      }),
    )
    return this.get(name)
  }

  async #versions(unordered: boolean): Promise<Versions | undefined> {
    const path = tablePath('bronze', schemaChanges)
    const snapshot = await this.#lake.current(path)
    if (!snapshot) return undefined
    const read = this.#read
    const same = read?.snapshot.version === snapshot.version && read.snapshot.metaData.id === snapshot.metaData.id
    if (same && read.unordered === unordered) return read.versions
    // A topic that was made anew counts its offsets from 0.
    const lives = snapshot.fields.some(({ name }) => name === '_epoch') ? ['_epoch'] : []
    const columns = [...lives, '_partition', '_offset', '_value']
    const events = await scan(this.#lake.table(path), snapshot, { columns })
    const life = lives.length > 0 ? sql`coalesce(${id('_epoch')}, 0)` : sql`0`
    const rows = await this.#duck.rows<{ _value: string }>(
      sql`SELECT _value FROM ${events} WHERE _value IS NOT NULL ORDER BY ${life}, _partition, _offset`,
    )
    const versions = new Versions({ unordered })
    for (const { _value } of rows) versions.add(JSON.parse(_value))
    this.#read = { snapshot, versions, unordered }
    return versions
  }
}

/**
 * The first that the topic has may be a change, where Kafka no longer holds what there was before: then MySQL's own word stands before it, unless
 * it was asked for after the change.
 */
function before([first]: readonly Version[], asked: Version[]): Version[] {
  if (!first) return asked
  const [then] = first.altered ? asked : []
  const differs = then && changesBetween({ before: then.schema!, now: first.schema!, ddls: [], snapshot: true }).length > 0
  return differs ? asked : []
}

/** A table of which only information_schema told. */
function fromDecisions(decisions: readonly SchemaDecision[]): Version[] {
  const schema = decisions.find(({ told }) => told)?.told
  const from = { file: null, pos: null, gtid: null, tsUs: null }
  return schema ? [{ id: 'information_schema', from, schema, snapshot: false, ddls: [] }] : []
}

function keyOf({ database, table }: TableName): string {
  return JSON.stringify([database, table])
}
