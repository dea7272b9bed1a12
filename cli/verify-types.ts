// `binlake verify --types`: every column type at its limits through the person's own MySQL, connector and Kafka, compared with MySQL.
// Guarantee: the test table is dropped again however the test ends, and nothing of it reaches the lake.
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openLocalStore } from '../connectors/local-store.ts'
import { codeOf, MysqlError } from '../connectors/mysql-error.ts'
import { type MysqlSession, openMysqlSession } from '../connectors/mysql-session.ts'
import { makeOwnFolder, removeOwnFolder } from '../connectors/own-folder.ts'
import { isSelfTest, selfTestTable } from '../connectors/self-test-name.ts'
import type { EndOffsets, Source } from '../connectors/source.ts'
import { connectorOf, type LiveConnector, uncapturedBy } from '../infra/debezium/captures.ts'
import { connectorFindings } from '../infra/debezium/connector-rules.ts'
import { describe } from '../infra/debezium/rule.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { TableName } from '../processors/source-schema.ts'
import { SourceSchemas } from '../processors/source-schemas.ts'
import { type CellVerdict, compareCells } from '../processors/types-self-test/compare-cells.ts'
import { runScratchLine } from '../processors/types-self-test/scratch-line.ts'
import {
  createStatement,
  insertStatement,
  type SelfTestRow,
  selfTestRows,
} from '../processors/types-self-test/self-test-table.ts'
import { askForSnapshot } from '../processors/types-self-test/snapshot-signal.ts'
import { passes, type TypeVerdict, truthOf, verdictOf } from '../processors/types-self-test/verdicts.ts'
import { need } from './config.ts'
import { openDuck } from './open-duck.ts'
import { embeddedFolder, openSource } from './open-source.ts'
import type { Session } from './session.ts'

export interface TypesOutcome {
  /** Nothing is different or missing, on any way that was run. */
  equal: boolean
  /** `MySQL 9.7` */
  server: string
  types: TypeVerdict[]
  /** Why a way was not run, or the test's table stood still. */
  notes: string[]
}

/** The self-test cannot be run here. */
export class VerifyTypesRefused extends Error {
  readonly code = 'VERIFY_TYPES_REFUSED'
  readonly retryable = false
}

/** Milliseconds that events may take from MySQL to Kafka. */
const patienceMs = 60_000

/** Runs the self-test. Throws ConfigError, MysqlError, StackError, VerifyTypesRefused. */
export async function verifyTypes(session: Session): Promise<TypesOutcome> {
  const { config, signal, say } = session
  const url = need(config.mysql.url, 'mysql.url')
  if (embeddedFolder(url)) throw new VerifyTypesRefused('the embedded stack has no MySQL whose types could be tested')
  const topicPrefix = need(config.kafka.prefix, 'kafka.prefix')
  const table = { database: decodeURIComponent(new URL(url).pathname.slice(1)), table: selfTestTable }
  const connector = await connectorOf(need(config.connect.url, 'connect.url'), topicPrefix, { signal })
  refuseUnfit(connector, table)
  const group = `${config.kafka.group}-types-${randomUUID()}`
  const only = (topic: string) => topic === topicPrefix || isSelfTest(topic)
  const scratch = await makeOwnFolder(tmpdir(), 'binlake-types')
  try {
    await using mysql = await openMysqlSession(url)
    await using duck = await openDuck(config)
    await using open = await openSource(config, session.log, { only, group })
    const all = selfTestRows(mysql)
    const name = `\`${table.database.replaceAll('`', '``')}\`.\`${table.table}\``
    const { source } = open
    const from = await source.ends()
    say(`${all.length} values through ${table.database}.${table.table}; it is dropped at the end\n`)
    await create(mysql, name, all)
    try {
      const { rows, refused } = await insert(mysql, name, all)
      const outcome = await bothWays({ session, mysql, duck, source, connector, topicPrefix, table, name, rows, from, scratch })
      return { ...outcome, notes: [...outcome.notes, ...refused] }
    } finally {
      await drop(mysql, name, say)
    }
  } finally {
    await removeOwnFolder(scratch)
  }
}

async function create(mysql: MysqlSession, name: string, all: readonly SelfTestRow[]): Promise<void> {
  try {
    await mysql.query(createStatement(name, all))
  } catch (error) {
    if (codeOf((error as Error).cause) !== 'ER_TABLE_EXISTS_ERROR') throw error
    throw new VerifyTypesRefused(
      `${name} is there already: another self-test is under way, or one was killed; then type: DROP TABLE ${name}`,
    )
  }
}

/** A connector that failed in a snapshot may hold a lock on the table: that is said, and not waited for. */
async function drop(mysql: MysqlSession, name: string, say: Session['say']): Promise<void> {
  try {
    await mysql.query('SET SESSION lock_wait_timeout = 15')
    await mysql.query(`DROP TABLE IF EXISTS ${name}`)
  } catch (error) {
    say(
      `the test table could not be dropped (${codeOf((error as Error).cause)}); when the connector runs again, type: DROP TABLE ${name}\n`,
    )
  }
}

/** Rows that the server has taken; of the others, what it would not take. */
async function insert(mysql: MysqlSession, name: string, all: readonly SelfTestRow[]) {
  const [rows, refused]: [SelfTestRow[], string[]] = [[], []]
  for (const row of all) {
    try {
      await mysql.query(insertStatement(name, row))
      rows.push(row)
    } catch (error) {
      if (!(error instanceof MysqlError) || error.code !== 'MYSQL_FAILED') throw error
      refused.push(`not run: the server does not take ${row.column.declared.slice(0, 40)} ${row.limit.name}`)
    }
  }
  return { rows, refused }
}

interface Test {
  session: Session
  mysql: MysqlSession
  duck: Duck
  source: Source
  connector: LiveConnector
  topicPrefix: string
  table: TableName
  /** The table's name, quoted for MySQL. */
  name: string
  rows: readonly SelfTestRow[]
  /** Where the topics ended before the test. */
  from: EndOffsets
  scratch: string
}

/** First the inserts as the binlog tells them, then the same rows as a snapshot reads them: each by a line and a lake of its own. */
async function bothWays(test: Test): Promise<TypesOutcome> {
  const { session, mysql, source, connector, table, rows, from } = test
  const { signal, say } = session
  if (!(await untilQuiet(source, { signal, beyond: from }))) {
    const name = `${connector.name} of ${new URL(need(session.config.connect.url, 'connect.url')).origin}`
    throw new VerifyTypesRefused(`no event of the test table came within ${patienceMs / 1_000} s: does connector ${name} run?`)
  }
  const stream = await oneWay(test, 'c', from)
  say('the binlog’s way is done; asking the connector for a snapshot of the table\n')
  const streamed = await source.ends()
  let refused = await askForSnapshot(mysql, connector.config, table)
  let snapshot: Awaited<ReturnType<typeof oneWay>> | undefined
  if (refused === undefined && (await untilQuiet(source, { signal, beyond: streamed })))
    snapshot = await oneWay(test, 'r', new Map([...from, ...[...streamed].filter(([topic]) => isSelfTest(topic))]))
  // Not asked is told beside the result; asked in vain is a result.
  const silent = refused === undefined && snapshot === undefined
  if (silent) refused = 'snapshot: the connector was asked for one, and sent nothing'
  const types = rows.map(row => verdictOf(row, { stream: stream.verdicts, snapshot: snapshot?.verdicts }))
  const notes = [...stream.notes, ...(snapshot?.notes ?? []), ...(refused ? [refused] : [])]
  const server = `${mysql.flavour === 'mariadb' ? 'MariaDB' : 'MySQL'} ${mysql.version.join('.')}`
  return { equal: types.length > 0 && !silent && types.every(passes), server, types, notes: [...new Set(notes)] }
}

async function oneWay(
  test: Test,
  op: 'c' | 'r',
  from: EndOffsets,
): Promise<{ verdicts: Map<number, CellVerdict>; notes: string[] }> {
  const { session, duck, name, table, rows, mysql } = test
  const store = await openLocalStore(join(test.scratch, op))
  const { lake, halted } = await runScratchLine({
    ...test,
    store,
    from,
    op,
    log: session.log,
    signal: session.signal,
    patienceMs,
  })
  const schema = await new SourceSchemas(duck, lake).get(table)
  const notes = halted.map(({ code, reason }) => `${code}: ${reason}`)
  if (!schema)
    return {
      verdicts: new Map(),
      notes: [...notes, 'no schema change of the test table has come: is include.schema.changes on?'],
    }
  const truth = await truthOf(mysql, name, { rows, schema })
  return { verdicts: await compareCells({ ...test, lake, schema, truth }), notes }
}

function refuseUnfit({ name, config }: LiveConnector, table: TableName): void {
  if (!table.database)
    throw new VerifyTypesRefused('mysql.url names no database in which to make the test table: add it, as in mysql://…/shop')
  const setting = uncapturedBy(config, table)
  if (setting) {
    throw new VerifyTypesRefused(
      `connector ${name} does not capture ${table.database}.${table.table} (${setting}): name a captured database in mysql.url, or add ${table.database}\\.binlake_type_test to table.include.list for the test`,
    )
  }
  // A connector that skips or rewrites what it cannot convert would be tested into trouble.
  const unsafe = connectorFindings(config)
  if (unsafe.length > 0)
    throw new VerifyTypesRefused(
      `connector ${name} runs with settings under which values are lost; mend them first:\n${describe(unsafe)}`,
    )
}

/** Waits until the table's topic has records beyond what it had, and none has come for two seconds; or for `patienceMs`. False: nothing came. */
async function untilQuiet(source: Source, { signal, beyond }: { signal: AbortSignal; beyond: EndOffsets }): Promise<boolean> {
  const until = Date.now() + patienceMs
  const total = (ends: EndOffsets) =>
    [...ends]
      .filter(([topic]) => isSelfTest(topic))
      .flatMap(([, { partitions }]) => [...partitions.values()])
      .reduce((sum, end) => sum + end, 0n)
  const before = total(beyond)
  let [last, since] = [before, Date.now()]
  while (Date.now() < until && (last === before || Date.now() - since < 2_000)) {
    await sleep(500, undefined, { signal })
    const now = total(await source.ends())
    if (now !== last) [last, since] = [now, Date.now()]
  }
  return last !== before
}
