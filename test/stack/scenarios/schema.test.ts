// Schema changes on real servers, while rows flow and `binlake run` goes on: silver equals MySQL behind each of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OwnLine, openOwnLine } from './own-line.ts'

const columns = { things: ['id', 'a', 'amount', 'b', 'n', 'gone', 'extra', 'label'], pairs: ['id', 'k', 'v'] }
const policy = `version: 1\ntables:\n${Object.entries(columns)
  .map(([table, names]) => `  ${table}:\n${names.map(name => `    ${name}: {class: operational, strategy: keep}\n`).join('')}`)
  .join('')}`

let line: OwnLine
let running: ReturnType<OwnLine['start']> | undefined

beforeAll(async () => {
  line = await openOwnLine(
    [
      'CREATE TABLE things (id INT PRIMARY KEY AUTO_INCREMENT, a INT, b VARCHAR(20), n INT, gone INT)',
      "INSERT INTO things (a, b, n, gone) VALUES (1, 'x', -1, 1), (2, 'y', 2, 2), (3, NULL, NULL, NULL)",
      'UPDATE things SET n = 1 WHERE n = -1',
      'CREATE TABLE pairs (id INT, k INT, v VARCHAR(20), PRIMARY KEY (id))',
      "INSERT INTO pairs VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 1, 'c')",
    ],
    { policy },
  )
  await line.asRoot(`GRANT INSERT, DELETE ON ${line.database}.dbz_signal TO 'debezium'@'%'`)
  running = line.start('run')
  // A statement that alters a table under the connector's snapshot ends it.
  await equal('things', 'pairs')
}, 240_000)

afterAll(async () => {
  await running?.stop()
  await line?.close()
}, 120_000)

/** Until MySQL and silver agree, with the run going on. */
async function equal(...tables: string[]): Promise<void> {
  const deadline = Date.now() + 150_000
  for (;;) {
    const verified = await line.binlake('verify', '--json', ...tables.flatMap(table => ['--table', table]))
    if (verified.code === 0) return
    if (Date.now() > deadline) throw new Error(`not equal: ${verified.stdout} ${verified.stderr}`)
    await sleep(1_000)
  }
}

/** Until `status` says that a table waits for a word. */
async function held(table: string): Promise<string> {
  const deadline = Date.now() + 120_000
  for (;;) {
    const { stdout } = await line.binlake('status', '--json')
    const problem = (JSON.parse(stdout).problems as string[]).find(one =>
      one.includes(`schema approve ${line.database}.${table}`),
    )
    if (problem) return problem
    if (Date.now() > deadline) throw new Error(stdout)
    await sleep(1_000)
  }
}

test('columns come with a default, are renamed, widened and dropped while rows flow', { timeout: 400_000 }, async () => {
  const writer = await line.session()
  let [stopped, written] = [false, 0]
  const writing = (async () => {
    for (; !stopped; written++) {
      await writer.query('INSERT INTO things (b) VALUES (?)', [`w${written}`])
      await writer.query('UPDATE things SET b = ? WHERE id = ?', [`u${written}`, 1 + (written % 3)])
      await sleep(5)
    }
  })()
  try {
    for (const statement of [
      'ALTER TABLE things ADD COLUMN extra INT NOT NULL DEFAULT 7 /* for all */ COMMENT "x, y"',
      'UPDATE things SET extra = 8 WHERE id = 2',
      'ALTER TABLE things RENAME COLUMN a TO amount',
      'UPDATE things SET amount = 20 WHERE id = 2',
      'ALTER TABLE things MODIFY n BIGINT UNSIGNED',
      'UPDATE things SET n = 18446744073709551615 WHERE id = 2',
      "ALTER TABLE things ADD COLUMN label ENUM('p', 'q') NOT NULL DEFAULT 'q' FIRST, DROP COLUMN gone",
      "INSERT INTO things (amount, label) VALUES (5, 'p')",
      'DELETE FROM things WHERE id = 3',
    ]) {
      await line.mysql.query(statement)
      await sleep(700)
    }
    while (written <= 100) await sleep(50)
  } finally {
    stopped = true
    await writing
    await writer.end()
  }
  expect(written).toBeGreaterThan(100)
  await equal('things')
  expect(await line.rows('select id, amount, n::varchar as n, extra, label from silver.things where id < 3 order by id')).toEqual(
    [
      { id: 1, amount: 1, n: '1', extra: 7, label: 'q' },
      { id: 2, amount: 20, n: '18446744073709551615', extra: 8, label: 'q' },
    ],
  )
  const { stdout } = await line.binlake('schema', 'show', 'things', '--json')
  const [shown] = JSON.parse(stdout)
  const kinds = shown.versions.flatMap(({ changes }: { changes: { kind: string }[] }) => changes.map(({ kind }) => kind))
  expect(kinds).toEqual(['added', 'renamed', 'widened', 'added', 'dropped'])
  expect(shown.differs).toEqual([])
})

test('a narrower column waits; rejected, the table goes on as it was, and the run hears of it', {
  timeout: 400_000,
}, async () => {
  await line.mysql.query('ALTER TABLE things MODIFY b VARCHAR(10)')
  await line.mysql.query("INSERT INTO things (b) VALUES ('behind it')")
  expect(await held('things')).toMatch(/from VARCHAR\(20\) to VARCHAR\(10\)/)
  const behind = "select count(*)::int as n from silver.things where b = 'behind it'"
  expect(await line.rows(behind)).toEqual([{ n: 0 }])
  // The other table flows.
  await line.mysql.query("UPDATE pairs SET v = 'B' WHERE id = 2")
  await equal('pairs')
  expect((await line.binlake('schema', 'reject', 'things')).code).toBe(2)
  const rejected = await line.binlake('schema', 'reject', 'things', '--yes')
  expect(rejected).toMatchObject({ code: 0, stdout: expect.stringContaining('keeps its wider type') })
  await equal('things')
  expect(await line.rows(behind)).toEqual([{ n: 1 }])
})

test('a new primary key waits; with a snapshot and a word it begins anew', { timeout: 400_000 }, async () => {
  await line.mysql.query('ALTER TABLE pairs DROP PRIMARY KEY, ADD PRIMARY KEY (id, k)')
  await line.mysql.query("INSERT INTO pairs VALUES (1, 2, 'd')")
  expect(await held('pairs')).toMatch(/the primary key was id and is id, k/)
  expect(await line.rows('select count(*)::int as n from silver.pairs')).toEqual([{ n: 3 }])
  expect(await line.binlake('schema', 'reject', 'pairs', '--yes')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('SCHEMA_REFUSED'),
  })
  const snapshot = await line.binlake('snapshot', 'pairs')
  expect(snapshot, snapshot.stderr).toMatchObject({ code: 0 })
  const approved = await line.binlake('schema', 'approve', 'pairs', '--yes')
  expect(approved, approved.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('begins anew') })
  await equal('pairs')
  expect(await line.rows('select id, k, v from silver.pairs order by all')).toEqual([
    { id: 1, k: 1, v: 'a' },
    { id: 1, k: 2, v: 'd' },
    { id: 2, k: 1, v: 'B' },
    { id: 3, k: 1, v: 'c' },
  ])
})

test('a rebuild from bronze is what silver is', { timeout: 200_000 }, async () => {
  const ended = await running!.stop()
  running = undefined
  expect(ended.code, ended.stderr).toBe(0)
  const proof = await line.binlake('replay', '--prove')
  expect(proof, proof.stdout + proof.stderr).toMatchObject({ code: 0 })
})
