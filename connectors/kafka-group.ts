// Membership in a Kafka consumer group: which partitions this worker ingests, and since when.
// Guarantee: `generation` changes with every change of the assignment, so nobody works on with an old one unnoticed.
import { Admin, Consumer, type ConsumerOptions } from '@platformatic/kafka'
import type { Logger } from 'pino'
import { KafkaError, kafkaError, parseBrokers } from './kafka-errors.ts'
import { isSelfTest } from './self-test-name.ts'

export interface KafkaSettings {
  brokers: readonly string[]
  group: string
  /** Debezium's topic.prefix: topics `<prefix>`, `<prefix>.transaction` and `<prefix>.<db>.<table>` are read. */
  topicPrefix: string
  /** Debezium's notification topic; default `<prefix>-notifications`. */
  notifications?: string
  /** Debezium's signal topic; default `<prefix>-signals`. */
  signals?: string
  /** Node's TLS options; an empty object means TLS with the system's certificates. */
  tls?: ConsumerOptions<Buffer, Buffer, Buffer, Buffer>['tls']
  sasl?: ConsumerOptions<Buffer, Buffer, Buffer, Buffer>['sasl']
  /** Tables of Debezium's own that are no data, as `database.table`. */
  signalTables?: readonly string[]
  /** Which of the prefix's topics are read; default: all but those of type self-tests. */
  only?: (topic: string) => boolean
  /** A batch is handed on when it holds this many records or bytes, or when its first record is this old. */
  batch: { records: number; bytes: number; ageMs: number }
  spoolDir: string
}

export interface Assignment {
  generation: number
  partitions: { topic: string; partition: number }[]
}

/** The least that brokers allow by default: so long a killed worker keeps its partitions from the others. */
const sessionTimeout = 6_000
const heartbeatInterval = 1_500
const rebalanceTimeout = 20_000

/** One group member. Close it to leave the group at once, so that others need not wait for a timeout. */
export class KafkaGroup {
  readonly consumer: Consumer<Buffer, Buffer, Buffer, Buffer>
  readonly #admin: Admin
  readonly #settings: KafkaSettings
  readonly #log: Logger
  #assignment: Assignment = { generation: 0, partitions: [] }

  constructor(settings: KafkaSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
    const options = {
      ...connectionOptions(settings),
      groupId: settings.group,
      sessionTimeout,
      heartbeatInterval,
      rebalanceTimeout,
    }
    this.consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>(options)
    this.#admin = new Admin(connectionOptions(settings))
    this.consumer.on('consumer:group:join', payload => {
      const partitions = (payload.assignments ?? []).flatMap(({ topic, partitions }) =>
        partitions.map(partition => ({ topic, partition })),
      )
      this.#assignment = { generation: this.#assignment.generation + 1, partitions }
      log.info(
        { group: settings.group, partitions: partitions.length, generation: this.#assignment.generation },
        'joined the consumer group',
      )
    })
    this.consumer.on('consumer:heartbeat:error', ({ error }) =>
      log.warn({ reason: error.message }, 'a heartbeat to the group failed'),
    )
  }

  get assignment(): Assignment {
    return this.#assignment
  }

  /** Topics of the prefix that carry changes, in name order. */
  async topics(): Promise<string[]> {
    const {
      topicPrefix,
      notifications = `${topicPrefix}-notifications`,
      signals = `${topicPrefix}-signals`,
      signalTables = [],
      only = topic => !isSelfTest(topic),
    } = this.#settings
    const noData = new Set(signalTables.map(table => `${topicPrefix}.${table}`))
    try {
      const names = await this.#admin.listTopics({ includeInternals: false })
      const debeziums = [topicPrefix, notifications, signals]
      const ours = names.filter(name => (debeziums.includes(name) || name.startsWith(`${topicPrefix}.`)) && !noData.has(name))
      return ours.filter(only).sort()
    } catch (error) {
      throw kafkaError(error, this.#settings.brokers)
    }
  }

  /** Joins with all topics of the prefix, or joins again when there are new ones. True if the subscription changed. */
  async subscribe(): Promise<boolean> {
    const topics = await this.topics()
    if (topics.length === 0) {
      const prefix = this.#settings.topicPrefix
      throw new KafkaError(
        'KAFKA_NO_TOPICS',
        `no topic '${prefix}' or '${prefix}.…' at ${this.#settings.brokers.join(', ')}: is the Debezium connector running with topic.prefix=${prefix}?`,
        { retryable: true },
      )
    }
    const added = topics.filter(topic => this.consumer.topics.track(topic))
    if (added.length === 0) return false
    this.#log.info({ topics: added }, 'reading topics')
    try {
      await this.consumer.joinGroup({ sessionTimeout, heartbeatInterval, rebalanceTimeout })
    } catch (error) {
      throw kafkaError(error, this.#settings.brokers)
    }
    return true
  }

  async close(): Promise<void> {
    await this.consumer.close(true).catch(error => this.#log.debug({ reason: String(error) }, 'leaving the group failed'))
    await this.#admin.close()
  }
}

/** What every client of this cluster is opened with. */
export function connectionOptions(settings: KafkaSettings) {
  return {
    clientId: 'binlake',
    bootstrapBrokers: parseBrokers(settings.brokers),
    retries: 3,
    retryDelay: 500,
    connectTimeout: 5_000,
    ...(settings.tls ? { tls: settings.tls } : {}),
    ...(settings.sasl ? { sasl: settings.sasl } : {}),
  }
}
