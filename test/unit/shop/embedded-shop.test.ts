import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { partitionFile, readTopics } from '../../../connectors/embedded-topics.ts'
import { EmbeddedShop } from '../../../shop/embedded-shop.ts'
import { readEmbeddedTable } from '../../../shop/read-embedded.ts'
import { rowFormat } from '../../../shop/row-format.ts'
import { transactions } from '../../../shop/simulate.ts'
import { storedRows } from '../../../shop/stored-rows.ts'
import { shopTable, shopTables } from '../../../shop/tables.ts'
import type { Row } from '../../../shop/transaction.ts'
import { embeddedEvents } from './embedded-events.ts'
import { existing, historyDatabase, historyPrefix, streamed } from './history.ts'
import { plainEvents, type RecordedEvent } from './plain-event.ts'
import { Replica } from './replica.ts'

vi.setConfig({ testTimeout: 60_000 })

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-embedded-shop-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const small = { seed: 11, customers: 50, orders: 60, days: 40, start: new Date('2025-01-01T00:00:00Z') }

async function rowsOf(table: string): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of storedRows(dir, table)) rows.push(row)
  return sorted(rows)
}

function sorted(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => Number(a.id ?? a.order_id) - Number(b.id ?? b.order_id) || Number(a.line_no) - Number(b.line_no))
}

/** The tables as the events tell them: what a reader of the log must arrive at. */
function folded(events: readonly RecordedEvent[]): Map<string, Map<string, unknown>> {
  const tables = new Map<string, Map<string, unknown>>(shopTables.map(({ name }) => [name, new Map()]))
  for (const { topic, key, value } of events) {
    const rows = tables.get(topic.split('.')[2] ?? '')
    if (!rows) continue
    const { op, before, after } = JSON.parse(value!)
    if (before) expect(before).toEqual(rows.get(key!))
    if (op === 'd') rows.delete(key!)
    else rows.set(key!, after)
  }
  return tables
}

/** `image` is how the events print a row. */
async function expectLogToMatchTables(image: 'streamed' | 'scanned' = 'streamed'): Promise<void> {
  const tables = folded(embeddedEvents(dir, 'shop'))
  for (const { name } of shopTables) {
    const format = rowFormat(shopTable(name))
    const stored = new Map((await rowsOf(name)).map(row => [format.key(row), JSON.parse(format[image](row))]))
    expect(stored).toEqual(tables.get(name))
  }
}

describe('the embedded shop', () => {
  test('publishes what Debezium was recorded to publish', async () => {
    const file = join(import.meta.dirname, '../../fixtures/debezium/shop.json')
    const recorded: RecordedEvent[] = JSON.parse(await readFile(file, 'utf8'))
    const shop = await EmbeddedShop.open(dir, { topicPrefix: historyPrefix, database: historyDatabase })
    shop.apply(existing, { captured: false })
    const firstLook = embeddedEvents(dir, historyPrefix).length
    await shop.snapshot()
    shop.apply(streamed)
    await shop.close()
    const events = embeddedEvents(dir, historyPrefix).slice(firstLook)
    expect(plainEvents(events)).toEqual(plainEvents(recorded))
  })

  test('holds the same tables as a database with the same transactions', async () => {
    const replica = new Replica()
    const shop = await EmbeddedShop.open(dir)
    for (const transaction of transactions(small)) {
      replica.apply(transaction)
      shop.apply([transaction])
    }
    await shop.close()
    for (const { name } of shopTables) expect(await rowsOf(name)).toEqual(sorted(replica.rows(name)))
    await expectLogToMatchTables()
    for await (const row of readEmbeddedTable(dir, 'products')) {
      for (const value of Object.values(row)) expect(typeof value).toBe('string')
      expect(row.price).toMatch(/^\d+\.\d\d$/)
    }
  })

  test('writes the same bytes for the same seed', async () => {
    const digests = []
    for (const name of ['a', 'b']) {
      const folder = join(dir, name)
      const ids = { serverUuid: '11111111-2222-3333-4444-555555555555', runId: '66666666-7777-8888-9999-000000000000' }
      let micros = 0
      const shop = await EmbeddedShop.open(folder, { ...ids, clock: transaction => transaction?.at.getTime() ?? micros++ })
      shop.apply([...transactions(small)])
      await shop.close()
      const logs = readTopics(folder).map(topic => readFileSync(partitionFile(folder, topic.name, 0)))
      digests.push(withoutTimestamps(logs))
    }
    expect(digests[0]).toBe(digests[1])
  })

  test('goes on after it was closed: positions, GTIDs and ids grow', async () => {
    const all = [...transactions(small)]
    const parts = [all.slice(0, 200), all.slice(200, 500), all.slice(500)]
    for (const part of parts) {
      await using shop = await EmbeddedShop.open(dir)
      shop.apply(part)
    }
    await using shop = await EmbeddedShop.open(dir)
    expect(shop.ids.orders).toBe(60)
    expect(shop.lastChange).toBe(all.at(-1)!.at.getTime())
    const events = embeddedEvents(dir, 'shop')
    const begins = events.filter(({ value }) => value!.includes('"BEGIN"')).map(({ value }) => JSON.parse(value!).id as string)
    expect(begins).toEqual(all.map((_, index) => `${begins[0]!.split(':')[0]}:${index + 1}`))
    const sources = events.filter(({ topic }) => topic.startsWith('shop.shop.')).map(({ value }) => JSON.parse(value!))
    const inOrder = sources.sort((a, b) => gtidNumber(a) - gtidNumber(b) || a.transaction.total_order - b.transaction.total_order)
    let last = { file: 'binlog.000000', pos: 0, row: 0, ts_us: 0 }
    for (const { source, op } of inOrder) {
      const before = `${last.file} ${String(last.pos).padStart(12)} ${String(last.row).padStart(4)}`
      const now = `${source.file} ${String(source.pos).padStart(12)} ${String(source.row).padStart(4)}`
      // Both halves of a changed key stand at one place.
      if (op === 'c') expect(now >= before).toBe(true)
      else expect(now > before).toBe(true)
      expect(source.ts_us).toBeGreaterThanOrEqual(last.ts_us)
      last = source
    }
  })

  test('counts every event in the END of its transaction', async () => {
    await using shop = await EmbeddedShop.open(dir)
    shop.apply([...transactions(small)])
    const events = embeddedEvents(dir, 'shop').map(({ topic, value }) => ({ topic, ...JSON.parse(value!) }))
    const byGtid = Map.groupBy(
      events.filter(({ op }) => op),
      ({ transaction }) => transaction.id,
    )
    const ends = events.filter(({ status }) => status === 'END')
    expect(ends.length).toBe(byGtid.size)
    for (const { id, event_count, data_collections } of ends) {
      const members = byGtid.get(id)!
      expect(members.length).toBe(event_count)
      expect(members.map(({ transaction }) => transaction.total_order).sort((a, b) => a - b)).toEqual(
        members.map((_, index) => index + 1),
      )
      for (const { data_collection, event_count: count } of data_collections) {
        expect(members.filter(({ source }) => `${source.db}.${source.table}` === data_collection)).toHaveLength(count)
      }
    }
  })

  test('takes a snapshot of what is there', async () => {
    await using shop = await EmbeddedShop.open(dir)
    shop.apply([...transactions(small)], { captured: false })
    expect(embeddedEvents(dir, 'shop').filter(({ topic }) => topic !== 'shop')).toEqual([])
    const rows = await shop.snapshot()
    await expectLogToMatchTables('scanned')
    const events = embeddedEvents(dir, 'shop').filter(({ topic }) => topic.startsWith('shop.shop.'))
    expect(events).toHaveLength(rows)
    const marks = Map.groupBy(events, ({ value }) => JSON.parse(value!).source.snapshot)
    expect([...marks.keys()].sort()).toEqual(['first', 'first_in_data_collection', 'last', 'last_in_data_collection', 'true'])
    expect(marks.get('first')).toHaveLength(1)
    expect(marks.get('last')).toHaveLength(1)
    expect(marks.get('last_in_data_collection')).toHaveLength(8)
  })

  test('is whole again after the writer was killed at any moment', async () => {
    for (let round = 0; round < 3; round++) {
      const writer = spawn(process.execPath, [join(import.meta.dirname, 'endless-writer.ts'), dir], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const exited = once(writer, 'exit')
      await once(writer.stdout, 'data')
      await sleep(20 + Math.random() * 150)
      writer.kill('SIGKILL')
      await exited
      await using shop = await EmbeddedShop.open(dir)
      expect(shop.ids.customers).toBeGreaterThan(0)
      await expectLogToMatchTables()
    }
  })

  test('is not mistaken for another shop', async () => {
    await (await EmbeddedShop.open(dir)).close()
    await expect(EmbeddedShop.open(dir, { topicPrefix: 'other' })).rejects.toThrow(/topic prefix shop/)
    // The failed opening has let go of the lock.
    await (await EmbeddedShop.open(dir)).close()
  })

  test('refuses to read what is not there', async () => {
    await expect(readEmbeddedTable(dir, 'orders').next()).rejects.toMatchObject({ code: 'EMBEDDED_LOG_NO_TOPIC' })
    await expect(readEmbeddedTable(dir, 'nothing').next()).rejects.toThrow(RangeError)
  })
})

function gtidNumber({ source }: { source: { gtid: string } }): number {
  return Number(source.gtid.split(':')[1])
}

/** The shop's own topics are stamped with the time of writing, which is no part of the data. */
function withoutTimestamps(logs: readonly Buffer[]): string {
  const hash = createHash('sha256')
  for (const log of logs) {
    for (let at = 0; at < log.length; at += 12 + log.readUInt32LE(at)) {
      hash.update(log.subarray(at + 12, at + 20))
      hash.update(log.subarray(at + 28, at + 12 + log.readUInt32LE(at)))
    }
  }
  return hash.digest('hex')
}
