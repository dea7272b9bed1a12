// Kafka's Fetch request with the record batches left as bytes: the client's own decoder would build an object per record.
// Guarantee: what the broker sent for a partition is handed on whole, with its aborted transactions.
import { createAPI, fetchV13, type Reader, ResponseError } from '@platformatic/kafka'

export interface FetchedPartition {
  topicId: string
  partition: number
  /** Kafka's error code, 0 for none. */
  errorCode: number
  logStartOffset: bigint
  lastStableOffset: bigint
  aborted: AbortedTransaction[]
  /** Record batches in wire format; the last one may be cut off. */
  records: Buffer
}

export interface AbortedTransaction {
  producerId: bigint
  firstOffset: bigint
}

const fetchKey = 1
const fetchVersion = 13
const none = Buffer.alloc(0)

/** Fetch v13 (Kafka 3.1 and later: topics by id). Resolves with one entry a partition, errors included. */
export const fetchRaw = createAPI<fetchV13.FetchRequest, FetchedPartition[]>(
  fetchKey,
  fetchVersion,
  fetchV13.createRequest,
  parseResponse,
)

function parseResponse(_correlation: number, apiKey: number, apiVersion: number, reader: Reader): FetchedPartition[] {
  reader.readInt32() // throttle time: the broker delays the reply by itself
  const errorCode = reader.readInt16()
  if (errorCode !== 0) throw new ResponseError(apiKey, apiVersion, { '': [errorCode, null] }, undefined)
  reader.readInt32() // session id: sessions are not used
  const partitions: FetchedPartition[] = []
  reader.readArray(topic => {
    const topicId = topic.readUUID()
    topic.readArray(entry => partitions.push(readPartition(entry, topicId)))
    return topicId
  })
  return partitions
}

function readPartition(reader: Reader, topicId: string): FetchedPartition {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  reader.readInt64() // high watermark: read_committed ends at the last stable offset
  const lastStableOffset = reader.readInt64()
  const logStartOffset = reader.readInt64()
  const aborted = reader.readNullableArray(entry => ({ producerId: entry.readInt64(), firstOffset: entry.readInt64() })) ?? []
  reader.readInt32() // preferred read replica
  const size = reader.readUnsignedVarInt() - 1
  const records = size > 0 ? reader.buffer.slice(reader.position, reader.position + size) : none
  if (size > 0) reader.skip(size)
  return { topicId, partition, errorCode, logStartOffset, lastStableOffset, aborted, records }
}
