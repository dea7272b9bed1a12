import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type EmbeddedSettings, openEmbedded } from '../../../connectors/embedded.ts'
import { FrameBuffer } from '../../../connectors/embedded-frame.ts'
import { EmbeddedLog } from '../../../connectors/embedded-log.ts'
import { partitionFile } from '../../../connectors/embedded-topics.ts'
import type { Batch, Source } from '../../../connectors/source.ts'
import { multiplied } from '../multiplied.ts'

let dir: string
let spoolDir: string
let log: EmbeddedLog
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-embedded-source-'))
  spoolDir = join(dir, 'spool')
  log = await EmbeddedLog.open(dir)
})
afterEach(async () => {
  await log.close()
  await rm(dir, { recursive: true, force: true })
})

const nothing = async () => new Map<number, bigint>()
const large = { records: 10_000, bytes: 1 << 20, ageMs: 1_000 }

function open(batch: EmbeddedSettings['batch'] = large, more: Partial<EmbeddedSettings> = {}): Source {
  return openEmbedded({ dir, topicPrefix: 'shop', batch, spoolDir, pollMs: 5, ...more }, pino({ enabled: false }))
}

interface Line {
  topic: string
  topicId: string
  partition: number
  offset: number
  key: string
  value: string
}

/** What a batch's spool files say. */
function linesOf({ topics }: Batch): Line[] {
  return topics.flatMap(({ topic, topicId, spool, records }) => {
    const lines = readFileSync(spool, 'utf8').split('\n').slice(0, -1)
    expect(lines).toHaveLength(records)
    return lines.map(line => {
      const [partition, offset, , , key, value] = line.split('\u001f')
      return { topic, topicId, partition: Number(partition), offset: Number(offset), key: key!, value: value! }
    })
  })
}

/** Everything up to the present end. */
async function readToEnd(source: Source, offsets = nothing): Promise<Line[]> {
  const lines: Line[] = []
  for await (const batch of source.batches(offsets, { signal: new AbortController().signal, until: await source.ends() })) {
    lines.push(...linesOf(batch))
    await batch.release()
  }
  return lines
}

describe('the embedded log as a source', () => {
  test('gives every record exactly once, in order, under any bounds and restarts', { timeout: multiplied(30_000) }, async () => {
    const shape = fc.record({
      appends: fc.array(
        fc.record({ topic: fc.nat(2), partition: fc.nat(1), count: fc.integer({ min: 1, max: 40 }), size: fc.nat(400) }),
        { maxLength: 20 },
      ),
      bounds: fc.record({
        records: fc.integer({ min: 1, max: 60 }),
        bytes: fc.integer({ min: 1, max: 5_000 }),
        ageMs: fc.constant(1_000),
      }),
      restarts: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 10 }),
    })
    await fc.assert(
      fc.asyncProperty(shape, async ({ appends, bounds, restarts }) => {
        const expected = new Map<string, string[]>()
        for (const name of ['shop', 'shop.a', 'shop.b']) {
          log.deleteTopic(name)
          log.createTopic(name, 2)
        }
        for (const { topic, partition, count, size } of appends) {
          const name = ['shop', 'shop.a', 'shop.b'][topic]!
          const records = Array.from({ length: count }, (_, n) => ({ key: `${n}`, value: `${Math.random()}`.padEnd(size, '.') }))
          log.append(name, partition, records)
          const values = expected.get(`${name}/${partition}`) ?? []
          expected.set(`${name}/${partition}`, [...values, ...records.map(({ value }) => value)])
        }
        const held = new Map<string, bigint>()
        const lake = async (topic: string, topicId: string) =>
          new Map(
            [0, 1].flatMap(partition => {
              const offset = held.get(`${topic}/${topicId}/${partition}`)
              return offset === undefined ? [] : [[partition, offset] as const]
            }),
          )
        const seen = new Map<string, string[]>()
        for (const stopAfter of [...restarts, Number.POSITIVE_INFINITY]) {
          const source = open(bounds)
          const until = await source.ends()
          let batches = 0
          for await (const batch of source.batches(lake, { signal: new AbortController().signal, until })) {
            // The one that is not committed is seen again after the restart.
            if (++batches > stopAfter) {
              await batch.release()
              break
            }
            for (const { topic, partition, offset, value } of linesOf(batch)) {
              const values = seen.get(`${topic}/${partition}`) ?? []
              expect(offset).toBe(values.length)
              seen.set(`${topic}/${partition}`, [...values, value])
            }
            expect(batch.topics.reduce((sum, { records }) => sum + records, 0)).toBeLessThanOrEqual(bounds.records)
            for (const { topic, topicId, ranges } of batch.topics) {
              for (const [partition, { from, to }] of ranges) {
                expect(from).toBe(held.get(`${topic}/${topicId}/${partition}`) ?? 0n)
                held.set(`${topic}/${topicId}/${partition}`, to)
              }
            }
            await batch.release()
          }
          await source.close()
        }
        expect(seen).toEqual(expected)
        expect(readdirSync(spoolDir)).toEqual([])
      }),
      { numRuns: multiplied(15) },
    )
  })

  test('follows what is appended, new topics and topics created again, until aborted', async () => {
    const abort = new AbortController()
    const source = open()
    const seen: Line[] = []
    const reading = (async () => {
      for await (const batch of source.batches(nothing, { signal: abort.signal })) {
        seen.push(...linesOf(batch))
        await batch.release()
      }
    })()
    const arrives = async (count: number) => {
      for (let tries = 0; seen.length < count && tries < 400; tries++) await sleep(5)
      expect(seen).toHaveLength(count)
    }
    log.createTopic('shop')
    log.append('shop', 0, [{ key: 'a', value: '1' }])
    await arrives(1)
    log.append('shop', 0, [{ key: 'a', value: '2' }])
    log.createTopic('shop.t')
    log.append('shop.t', 0, [{ key: 'b', value: '1' }])
    await arrives(3)
    log.deleteTopic('shop.t')
    const { topicId } = log.createTopic('shop.t')
    log.append('shop.t', 0, [{ key: 'b', value: 'again' }])
    await arrives(4)
    expect(seen[3]).toMatchObject({ topic: 'shop.t', topicId, offset: 0, value: 'again' })
    abort.abort()
    await reading
  })

  test('sees a record only when it is whole', async () => {
    log.createTopic('shop')
    log.append('shop', 0, [{ key: 'k', value: 'first' }])
    const frames = new FrameBuffer()
    frames.add(1, { key: 'k', value: 'second' })
    frames.add(2, { key: 'k', value: 'third' })
    const abort = new AbortController()
    const values: string[] = []
    const reading = (async () => {
      for await (const batch of open().batches(nothing, { signal: abort.signal })) {
        values.push(...linesOf(batch).map(({ value }) => value))
        await batch.release()
      }
    })()
    // A slow writer: a few bytes at a time.
    for (let at = 0; at < frames.length; at += 7) {
      appendFileSync(partitionFile(dir, 'shop', 0), frames.bytes.subarray(at, at + 7))
      await sleep(4)
    }
    for (let tries = 0; values.length < 3 && tries < 400; tries++) await sleep(5)
    abort.abort()
    await reading
    expect(values).toEqual(['first', 'second', 'third'])
  })

  test('sets records aside that cannot stand on a line, and covers their offsets', async () => {
    log.createTopic('shop')
    const records = ['good', 'bad\u001f', 'bad\n', 'good'].map(value => ({ key: 'k', value, timestamp: 9 }))
    log.append('shop', 0, [...records, { key: 'k', value: Buffer.from([0xff]) }, { key: null, value: null }])
    const source = open()
    const batches = source.batches(nothing, { signal: new AbortController().signal, until: await source.ends() })
    const batch: Batch = (await batches.next()).value!
    expect(linesOf(batch).map(({ offset, value }) => [offset, value])).toEqual([
      [0, 'good'],
      [3, 'good'],
      [5, '\\N'],
    ])
    expect(batch.topics[0]!.poison.map(({ offset, reason }) => [offset, reason])).toEqual([
      [1n, 'control_character'],
      [2n, 'control_character'],
      [4n, 'not_utf8'],
    ])
    expect(batch.topics[0]!.ranges).toEqual(new Map([[0, { from: 0n, to: 6n }]]))
    await batch.release()
    await batches.return(undefined)
  })

  test('passes over gaps in the offsets', async () => {
    log.createTopic('shop')
    log.append('shop', 0, [
      { key: 'k', value: 'a' },
      { key: 'k', value: 'b', offset: 5 },
    ])
    const source = open()
    expect((await source.ends()).get('shop')!.partitions).toEqual(new Map([[0, 6n]]))
    expect((await readToEnd(source)).map(({ offset }) => offset)).toEqual([0, 5])
    expect((await readToEnd(source, async () => new Map([[0, 3n]]))).map(({ offset }) => offset)).toEqual([5])
  })

  test('reads the topics of its prefix only, and none of signal tables', async () => {
    for (const name of ['shop', 'shop.db.t', 'shop.db.signal', 'shopping.db.t', 'other', '_shop']) log.createTopic(name)
    const source = open(large, { signalTables: ['db.signal'] })
    expect([...(await source.ends()).keys()]).toEqual(['shop', 'shop.db.t'])
    expect(source.owns('shop')).toBe(true)
  })

  test('says when the log has lost what the lake holds, and when there is nothing to catch up with', async () => {
    const signal = new AbortController().signal
    const empty = open()
    await expect(empty.batches(nothing, { signal, until: await empty.ends() }).next()).rejects.toMatchObject({
      code: 'EMBEDDED_LOG_NO_TOPICS',
      retryable: true,
    })
    log.createTopic('shop')
    log.append('shop', 0, [{ key: 'k', value: 'v' }])
    const beyond = open().batches(async () => new Map([[0, 2n]]), { signal })
    await expect(beyond.next()).rejects.toMatchObject({ code: 'EMBEDDED_LOG_OFFSET_GONE', retryable: false })
  })

  test('leaves no spool file behind when it fails', async () => {
    log.createTopic('shop')
    log.append(
      'shop',
      0,
      Array.from({ length: 30 }, () => ({ key: 'k', value: 'v' })),
    )
    const file = partitionFile(dir, 'shop', 0)
    const bytes = readFileSync(file)
    bytes[bytes.length / 2] = bytes[bytes.length / 2]! ^ 1
    writeFileSync(file, bytes)
    const batches = open().batches(nothing, { signal: new AbortController().signal })
    await expect(batches.next()).rejects.toMatchObject({ code: 'EMBEDDED_LOG_CORRUPT' })
    expect(readdirSync(spoolDir)).toEqual([])
  })
})
