import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CompressionAlgorithms, createRecordsBatch } from '@platformatic/kafka'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { nextOffset, spliceRecords } from '../../../connectors/kafka-records.ts'
import { Spool } from '../../../connectors/spool.ts'
import { multiplied } from '../multiplied.ts'

const dir = mkdtempSync(join(tmpdir(), 'binlake-records-'))
afterAll(() => rmSync(dir, { recursive: true }))
let files = 0

interface Message {
  key: string | null
  value: string | null
  headers: readonly (readonly [string, string])[]
  timestamp: number
}

type Options = {
  compression?: (typeof CompressionAlgorithms)[keyof typeof CompressionAlgorithms]
  producerId?: bigint
  transactionalId?: string
}

/** A batch as a broker stores it: the client's own writer, with the offset the broker assigns. */
function batch(base: number, messages: Message[], options: Options = {}): Buffer {
  const made = createRecordsBatch(
    messages.map(({ key, value, headers, timestamp }) => ({
      topic: 't',
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: new Map(headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
      timestamp: BigInt(timestamp),
    })) as never,
    options as never,
  )
  const bytes = Buffer.from(made.buffer)
  bytes.writeBigInt64BE(BigInt(base), 0)
  return bytes
}

function splice(records: Buffer, options: { from?: number; aborted?: { producerId: bigint; firstOffset: bigint }[] } = {}) {
  const spool = new Spool(join(dir, `${files++}.spool`))
  spliceRecords(records, 3, {
    from: BigInt(options.from ?? 0),
    aborted: options.aborted ?? [],
    spool,
    where: 'topic t, partition 3',
  })
  const { poison, records: count } = spool.finish('t', 'id')
  const text = readFileSync(spool.file, 'utf8')
  const lines =
    text === ''
      ? []
      : text
          .slice(0, -1)
          .split('\n')
          .map(line => line.split('\x1f'))
  return { lines, poison, count }
}

const json = fc.json({ maxDepth: 2 })
const message: fc.Arbitrary<Message> = fc.record({
  key: fc.option(json),
  value: fc.option(json),
  headers: fc.oneof(
    fc.constant([]),
    fc.constant([['__debezium.context', 'shop'] as [string, string]]),
    fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { maxLength: 2 }),
  ),
  // Within 2^31 ms of each other: beyond that the client's own writer, which makes these batches, overflows.
  timestamp: fc.integer({ min: 1_800_000_000_000, max: 1_802_000_000_000 }),
})
const compression = fc.constantFrom(...Object.values(CompressionAlgorithms))

describe('spliceRecords', () => {
  it('splices every record at or after the wanted offset, byte for byte, under any compression', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.array(message, { minLength: 1, maxLength: 6 }), compression), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 12 }),
        (batches, from) => {
          let offset = 5
          const expected: string[][] = []
          const parts = batches.map(([messages, algorithm]) => {
            const bytes = batch(offset, messages, { compression: algorithm })
            for (const { key, value, headers, timestamp } of messages) {
              const text = headers.length > 0 ? JSON.stringify(headers) : '\\N'
              if (offset >= from) expected.push(['3', String(offset), String(timestamp), text, key ?? '\\N', value ?? '\\N'])
              offset++
            }
            return bytes
          })
          const records = Buffer.concat(parts)
          expect(splice(records, { from }).lines).toEqual(expected)
          expect(nextOffset(records, 0n)).toBe(BigInt(offset))
          // A fetch may end inside a batch; what is whole still counts.
          expect(nextOffset(records.subarray(0, records.length - 1), 5n)).toBe(BigInt(offset - batches.at(-1)![0].length))
        },
      ),
      { numRuns: multiplied(100) },
    )
  })

  const plain = (value: string): Message => ({ key: '{"id":1}', value, headers: [], timestamp: 1_800_000_000_000 })

  it('leaves out records of aborted transactions and control records, and nothing else', () => {
    const mine = { producerId: 7n, transactionalId: 'x' }
    const control = batch(3, [plain('"marker"')], mine)
    control.writeInt16BE(control.readInt16BE(21) | 0x30, 21)
    const records = Buffer.concat([
      batch(0, [plain('"aborted"')], mine),
      batch(1, [plain('"other producer"')], { producerId: 8n, transactionalId: 'y' }),
      batch(2, [plain('"plain"')]),
      resealed(control),
      batch(4, [plain('"committed"')], mine),
    ])
    for (const each of [0, 4]) markTransactional(records, each)
    const { lines } = splice(resealedAll(records), { aborted: [{ producerId: 7n, firstOffset: 0n }] })
    expect(lines.map(line => line[5])).toEqual(['"other producer"', '"plain"', '"committed"'])
    expect(nextOffset(records, 0n)).toBe(5n)
  })

  it('sets aside a record with a raw control character, or that is not UTF-8, with its bytes', () => {
    const bad = batch(0, [plain('{"a":\n1}'), plain('{"ok":true}'), plain('"\x1f"'), plain('"\r"')])
    const { lines, poison, count } = splice(bad)
    expect(lines.map(line => line[5])).toEqual(['{"ok":true}'])
    expect(count).toBe(1)
    expect(poison.map(({ offset, reason, value }) => [Number(offset), reason, value?.toString()])).toEqual([
      [0, 'control_character', '{"a":\n1}'],
      [2, 'control_character', '"\x1f"'],
      [3, 'control_character', '"\r"'],
    ])
    const latin1 = batch(0, [plain('"ok"'), plain('"e"')])
    latin1[latin1.lastIndexOf('e')] = 0xe9
    const other = splice(resealed(latin1))
    expect(other.lines.map(line => line[5])).toEqual(['"ok"'])
    expect(other.poison[0]).toMatchObject({
      offset: 1n,
      partition: 3,
      reason: 'not_utf8',
      value: Buffer.from([0x22, 0xe9, 0x22]),
    })
  })

  it('refuses a damaged batch, naming topic, partition and offset but no value', () => {
    const damaged = batch(41, [plain('"secret"')])
    damaged[damaged.length - 3]! ^= 1
    expect(() => splice(damaged)).toThrow(
      expect.objectContaining({ code: 'KAFKA_DAMAGED_BATCH', message: expect.stringMatching(/topic t, partition 3.*offset 41/) }),
    )
    expect(() => splice(damaged)).not.toThrow('secret')
  })
})

/** Writes the checksum of a batch whose bytes a test has changed. */
function resealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

function resealedAll(records: Buffer): Buffer {
  for (let at = 0; at < records.length; at += 12 + records.readInt32BE(at + 8))
    resealed(records.subarray(at, at + 12 + records.readInt32BE(at + 8)))
  return records
}

function markTransactional(records: Buffer, base: number): void {
  for (let at = 0; at < records.length; at += 12 + records.readInt32BE(at + 8)) {
    if (records.readBigInt64BE(at) === BigInt(base)) records.writeInt16BE(records.readInt16BE(at + 21) | 0x10, at + 21)
  }
}

/** Castagnoli's CRC, bit by bit: another implementation than the one under test. */
function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
