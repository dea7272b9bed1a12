import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { keyText, type LogRecord, valueText } from '../../../connectors/embedded-frame.ts'
import { addWaypoint } from '../../../connectors/embedded-index.ts'
import { EmbeddedLog } from '../../../connectors/embedded-log.ts'
import { PartitionReader } from '../../../connectors/embedded-reader.ts'
import { partitionFile } from '../../../connectors/embedded-topics.ts'
import { multiplied } from '../multiplied.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-embedded-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

interface Seen {
  offset: number
  timestamp: number
  headers: string | null
  key: string | null
  value: string | null
}

function readAll(file: string, from = 0): Seen[] {
  const reader = new PartitionReader(file, from)
  const seen: Seen[] = []
  reader.read(frame => {
    seen.push({
      offset: frame.offset,
      timestamp: frame.timestamp,
      headers: frame.headers,
      key: keyText(frame),
      value: valueText(frame),
    })
    return true
  })
  reader.close()
  return seen
}

function numbered(count: number, size = 10): LogRecord[] {
  return Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: `v${n}`.padEnd(size, '.'), timestamp: n }))
}

async function filled(records: readonly LogRecord[]): Promise<string> {
  await using log = await EmbeddedLog.open(dir)
  log.createTopic('t')
  log.append('t', 0, records)
  return partitionFile(dir, 't', 0)
}

describe('EmbeddedLog', () => {
  test('keeps every part of a record', async () => {
    const file = await filled([
      { key: null, value: null, timestamp: 5 },
      {
        key: '',
        value: 'ü😀\u001f\n',
        headers: [
          ['a', 'b'],
          ['c', null],
        ],
        timestamp: -1,
      },
      { key: Buffer.from([0xff, 0]), value: Buffer.alloc(3_000_000, 'x'), headers: '[["d","e"]]', timestamp: 7, offset: 10 },
      { key: 'last', value: '', timestamp: 8 },
    ])
    const seen = readAll(file)
    expect(seen.map(({ offset }) => offset)).toEqual([0, 1, 10, 11])
    expect(seen.map(({ timestamp }) => timestamp)).toEqual([5, -1, 7, 8])
    expect(seen[0]).toMatchObject({ key: null, value: null, headers: null })
    expect(seen[1]).toMatchObject({ key: '', value: 'ü😀\u001f\n', headers: '[["a","b"],["c",null]]' })
    expect(seen[2]!.value).toHaveLength(3_000_000)
    expect(seen[3]).toMatchObject({ key: 'last', value: '' })
  })

  test('goes on where it ended, and finds any offset', async () => {
    const file = await filled(numbered(3_000, 1_000))
    {
      await using log = await EmbeddedLog.open(dir)
      expect(log.end('t', 0)).toBe(3_000)
      log.append('t', 0, numbered(10))
      expect(log.end('t', 0)).toBe(3_010)
    }
    for (const from of [0, 1, 1_500, 2_999, 3_000, 3_009, 3_010]) {
      expect(readAll(file, from).map(({ offset }) => offset)).toEqual(Array.from({ length: 3_010 - from }, (_, n) => from + n))
    }
  })

  test('cuts off what a crash left, wherever it happened', async () => {
    const file = await filled(numbered(20))
    const whole = readFileSync(file)
    const ends = frameEnds(file)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), fc.boolean(), async (bytes, zeroed) => {
        writeFileSync(file, whole.subarray(0, bytes))
        // A file system may have made the file longer before it wrote what belongs there.
        if (zeroed) appendFileSync(file, Buffer.alloc(50))
        const kept = ends.filter(end => end <= bytes).length
        expect(readAll(file)).toHaveLength(kept)
        await using log = await EmbeddedLog.open(dir)
        expect(log.end('t', 0)).toBe(kept)
        log.append('t', 0, [{ key: 'new', value: 'new' }])
        const seen = readAll(file)
        expect(seen.map(({ offset }) => offset)).toEqual(Array.from({ length: kept + 1 }, (_, n) => n))
        expect(seen.at(-1)).toMatchObject({ key: 'new' })
      }),
      { numRuns: multiplied(40) },
    )
  })

  test('refuses a log that was damaged anywhere but in its last record', async () => {
    const file = await filled(numbered(20))
    const whole = readFileSync(file)
    const last = frameEnds(file).at(-2)!
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: last - 1 }), fc.integer({ min: 1, max: 255 }), async (at, flipped) => {
        const bytes = Buffer.from(whole)
        bytes[at]! ^= flipped
        writeFileSync(file, bytes)
        expect(() => readAll(file)).toThrow(expect.objectContaining({ code: 'EMBEDDED_LOG_CORRUPT', retryable: false }))
        await using log = await EmbeddedLog.open(dir)
        expect(() => log.append('t', 0, numbered(1))).toThrow(expect.objectContaining({ code: 'EMBEDDED_LOG_CORRUPT' }))
        expect(readFileSync(file)).toEqual(bytes)
      }),
      { numRuns: multiplied(60) },
    )
  })

  test('does not trust waypoints', async () => {
    const file = await filled(numbered(100))
    const size = statSync(file).size
    addWaypoint(file, { offset: 50, position: 3 })
    addWaypoint(file, { offset: 60, position: size + 10 })
    appendFileSync(file.replace('.log', '.index'), 'torn')
    expect(readAll(file, 70)).toHaveLength(30)
    await using log = await EmbeddedLog.open(dir)
    expect(log.end('t', 0)).toBe(100)
  })

  test('gives a topic created again another id and offsets from 0', async () => {
    await using log = await EmbeddedLog.open(dir)
    const first = log.createTopic('t', 2)
    log.append('t', 1, numbered(5))
    expect(() => log.createTopic('t')).toThrow(/exists/)
    log.deleteTopic('t')
    log.deleteTopic('t')
    expect(log.topics()).toEqual([])
    const second = log.createTopic('t', 2)
    expect(second.topicId).not.toBe(first.topicId)
    expect(log.end('t', 1)).toBe(0)
    expect(log.topics()).toEqual([{ name: 't', topicId: second.topicId, partitions: 2 }])
  })

  test('refuses what cannot be', async () => {
    await using log = await EmbeddedLog.open(dir)
    log.createTopic('t')
    const noTopic = expect.objectContaining({ code: 'EMBEDDED_LOG_NO_TOPIC' })
    expect(() => log.append('other', 0, numbered(1))).toThrow(noTopic)
    expect(() => log.append('t', 1, numbered(1))).toThrow(noTopic)
    for (const name of ['..', '.', '', 'a/b', 'ä']) expect(() => log.createTopic(name)).toThrow(RangeError)
    log.append('t', 0, numbered(3))
    expect(() => log.append('t', 0, [{ key: null, value: 'x', offset: 2 }])).toThrow(RangeError)
    expect(log.end('t', 0)).toBe(3)
  })

  test('lets one writer in at a time, and none is kept out by a dead one', async () => {
    const log = await EmbeddedLog.open(dir)
    await expect(EmbeddedLog.open(dir)).rejects.toMatchObject({ code: 'EMBEDDED_LOG_LOCKED', retryable: true })
    await log.close()
    // No process has this number: it is above the kernel's limit.
    writeFileSync(join(dir, 'writer.lock'), '4194305')
    await (await EmbeddedLog.open(dir)).close()
    // Our own number, but of an earlier process.
    writeFileSync(join(dir, 'writer.lock'), `${process.pid} 1`)
    await (await EmbeddedLog.open(dir)).close()
    writeFileSync(join(dir, 'writer.lock'), '')
    await (await EmbeddedLog.open(dir)).close()
  })

  test('finishes a commit that a crash interrupted, at any point', async () => {
    const topics = ['a', 'b', 'c']
    const commit = (log: EmbeddedLog) => log.commit(topics.map(topic => ({ topic, partition: 0, records: numbered(30) })))
    {
      await using log = await EmbeddedLog.open(dir)
      for (const topic of topics) log.createTopic(topic)
      commit(log)
    }
    const sizes = topics.map(topic => statSync(partitionFile(dir, topic, 0)).size)
    // The last topic cannot be written to: the commit fails half-way and stays pending.
    const obstacle = partitionFile(dir, 'c', 0).replace('.log', '.index')
    {
      await using log = await EmbeddedLog.open(dir)
      for (const topic of topics) log.end(topic, 0)
      rmSync(obstacle)
      mkdirSync(obstacle)
      expect(() => commit(log)).toThrow('EISDIR')
      expect(() => commit(log)).toThrow(expect.objectContaining({ code: 'EMBEDDED_LOG_UNFINISHED', retryable: true }))
    }
    rmSync(obstacle, { recursive: true })
    const pending = readFileSync(join(dir, 'pending'))
    await (await EmbeddedLog.open(dir)).close()
    const random = fc.record({ cuts: fc.array(fc.nat({ max: 2_000 }), { minLength: 3, maxLength: 3 }) })
    await fc.assert(
      fc.asyncProperty(random, async ({ cuts }) => {
        for (const [index, topic] of topics.entries()) {
          const file = partitionFile(dir, topic, 0)
          truncateSync(file, sizes[index]! + Math.min(cuts[index]!, statSync(file).size - sizes[index]!))
        }
        writeFileSync(join(dir, 'pending'), pending)
        await using log = await EmbeddedLog.open(dir)
        for (const topic of topics) {
          expect(log.end(topic, 0)).toBe(60)
          expect(readAll(partitionFile(dir, topic, 0)).map(({ offset }) => offset)).toEqual(
            Array.from({ length: 60 }, (_, n) => n),
          )
        }
      }),
      { numRuns: multiplied(40) },
    )
  })
})

function frameEnds(file: string): number[] {
  const reader = new PartitionReader(file)
  const ends: number[] = []
  reader.read(() => ends.push(reader.position) > 0)
  reader.close()
  return ends
}
