// A MySQL table, its connector, and the people who look after them, at random: all that may happen to a line at once, told to a Forge.
// Guarantee: `truth` is what MySQL has; whatever happened before, after `settle` silver must have it.
import { pino } from 'pino'
import { parsePolicy } from '../../../privacy/policy.ts'
import { planResume, resume } from '../../../processors/order/resume.ts'
import { mend } from '../../../processors/quarantine/mend.ts'
import { listQuarantine, quarantineTables } from '../../../processors/quarantine/records.ts'
import { keepAll } from '../processors/lake-of-events.ts'
import { c, d, Forge, type Forged, r, raw, type Source, start, t, u, valueText } from './forge.ts'
import { look, note } from './forged-snapshot.ts'
import { ddl } from './schema-events.ts'

const columns = [
  { name: 'id', type: 'INT' },
  { name: 'v', type: 'VARCHAR', length: 20 },
]
const log = pino({ level: 'silent' })

export interface WorldOptions {
  gtids: boolean
  /** `total_order` is told; only with GTIDs. */
  orders: boolean
  partitions: number
}

export class World {
  readonly s: Forge
  readonly truth = new Map<number, string>()
  /** What was done, to read after a failure. */
  readonly done: string[] = []
  readonly #options: WorldOptions
  /** Records that the connector could send again, in the order of the source. */
  #log: Forged[] = []
  #waiting: Forged[] = []
  readonly #broken = new Map<string, Forged>()
  #sent = 0
  readonly #offsets = new Map<string, number>()
  #n = 0
  #spoil = 0
  /** The newest change is a row's: others may follow it in its transaction. */
  #open = false
  #at = { server: 1, base: 'binlog', file: 1, pos: 100, transaction: 0, order: 1, row: 0, ts: start }

  private constructor(s: Forge, options: WorldOptions) {
    this.s = s
    this.#options = { ...options }
  }

  static async open(options: WorldOptions): Promise<World> {
    const s = await Forge.open()
    await s.ingest(ddl({ pos: 1, ddl: 'CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20))', columns, type: 'CREATE' }))
    return new World(s, options)
  }

  write(id: number, again = false): void {
    const v = `v${this.#n++}`
    const place = this.#next(id, again)
    this.#log.push(this.truth.has(id) ? u(id, v, place) : c(id, v, place))
    this.truth.set(id, v)
  }

  remove(id: number): void {
    if (this.truth.delete(id)) this.#log.push(d(id, this.#next(id)))
  }

  /** `sql_log_bin = 0`. */
  lose(id: number): void {
    this.truth.delete(id)
  }

  truncate(): void {
    this.truth.clear()
    this.#log.push(t({ ...this.#next(0), partition: this.#n % this.#options.partitions }))
    this.#open = false
  }

  nextFile(): void {
    Object.assign(this.#at, { file: this.#at.file + 1, pos: 4 })
    this.#open = false
  }

  failover(): void {
    if (!this.#options.gtids || !this.#options.orders) return
    const { server } = this.#at
    Object.assign(this.#at, { server: server + 1, file: 100 * server + 50, pos: 4, transaction: 0 })
    this.#open = false
  }

  /** The next so many records come as nothing that can be read. */
  spoil(count: number): void {
    this.#spoil = count
  }

  /** A key goes to another partition from here on. */
  repartition(): void {
    if (this.#options.gtids && this.#options.orders) this.#options.partitions = 2
  }

  /** The log so far goes to bronze, up to `count` records of it, of each partition in its own pace. */
  async produce(count: number, { slow = false } = {}): Promise<void> {
    this.#waiting.push(...this.#log.slice(this.#sent))
    this.#sent = this.#log.length
    const late = slow ? this.#waiting.filter(({ partition = 0 }) => partition === 0) : []
    const ready = this.#waiting.filter(record => !late.includes(record)).slice(0, count)
    this.#waiting = this.#waiting.filter(record => !ready.includes(record))
    await this.#bring(ready)
  }

  /** A connector that goes back. A zombie sends a few and dies. */
  async again(back: number, count = back): Promise<void> {
    await this.produce(1_000)
    const from = Math.max(0, this.#sent - back)
    await this.#bring(this.#log.slice(from, from + count))
  }

  async snapshot({ aborted = false, incremental = false } = {}): Promise<void> {
    await this.produce(1_000)
    const told = { aggregate: incremental ? 'Incremental Snapshot' : 'Initial Snapshot', id: `snapshot${this.#n++}` }
    const { s } = this
    this.#at.ts += 1_000
    const place = (id: number): Source => ({
      ...{ file: this.#file, pos: this.#at.pos, row: 0, ts: this.#at.ts, partition: this.#partition(id) },
      ...(incremental ? { snapshot: 'incremental', ts: this.#at.ts + 3_600_000, ...this.#gtid } : { snapshot: 'true' }),
    })
    const rows = [...this.truth].map(([id, v]) => r(id, v, place(id)))
    await s.ingest(note(s, 'STARTED', told))
    await this.#bring(aborted ? rows.slice(0, 1) : rows)
    if (aborted) return s.ingest(note(s, 'ABORTED', told))
    await s.ingest(note(s, 'TABLE_SCAN_COMPLETED', { ...told, table: 'shop.t' }))
    await s.ingest(note(s, 'COMPLETED', told))
  }

  /** RESET BINARY LOGS AND GTIDS, and changes that come a day later. */
  async reset(): Promise<void> {
    await this.produce(1_000)
    Object.assign(this.#at, { file: 1, pos: 4, transaction: 0, ts: this.#at.ts + 86_400_000 })
    this.#forget()
    await this.refine()
  }

  async recreate(): Promise<void> {
    await this.produce(1_000)
    this.s.life = `topic-${this.#n++}x`
    this.#forget()
    await this.snapshot()
  }

  async refine(): Promise<void> {
    await this.s.refine()
    for (let tries = 0; Object.keys(this.s.halted).length > 0; tries++) {
      this.done.push(`resume ${this.s.halted['shop.t']?.reason}`)
      if (tries === 3) throw new Error(`halts again and again: ${this.s.halted['shop.t']?.reason}`)
      const { duck, lake } = this.s.events
      const context = { duck, lake, policy: parsePolicy(keepAll, 'policy.yaml'), keys: new Map(), log }
      await resume({ duck, lake }, await planResume(context, 't'))
      await this.s.refine()
    }
  }

  async sweep(): Promise<void> {
    if (await look(this.s)) this.done.push('swept')
    await this.refine()
  }

  async mend(nth: number): Promise<void> {
    const broken = [...this.#broken][nth % Math.max(1, this.#broken.size)]
    if (!broken) return
    const [place, record] = broken
    const { partition, offset } = JSON.parse(place) as { partition: number; offset: number }
    // The command names a place of any life of the topic.
    if (this.#isTwice(place)) return
    this.#broken.delete(place)
    const way = this.s.events.way(await this.s.way('t'))
    const value = Buffer.from(valueText({ ...record, pos: record.pos! })!)
    const done = await mend(this.s.events.duck, way, { at: { partition, offset: BigInt(offset) }, value })
    if (done.mended !== 1) throw new Error(`a mend mended ${done.mended}`)
    await this.refine()
  }

  async rebuild(): Promise<void> {
    await this.refine()
    await this.s.events.replay(await this.s.way('t'))
  }

  /** Everything comes, is mended, and read once more. */
  async settle(): Promise<void> {
    this.#spoil = 0
    await this.produce(1_000)
    await this.refine()
    for (const place of [...this.#broken.keys()])
      if (!this.#isTwice(place)) await this.mend([...this.#broken.keys()].indexOf(place))
    await this.snapshot()
    await this.sweep()
    await this.sweep()
    this.#waiting = []
  }

  /** Whether quarantine holds what it should. */
  async quarantined(): Promise<{ open: number; wanted: number }> {
    const groups = await listQuarantine(this.s.events, await quarantineTables(this.s.events.lake))
    return { open: groups.reduce((sum, { open }) => sum + open, 0), wanted: this.#broken.size }
  }

  #isTwice(place: string): boolean {
    const own = place.slice(place.indexOf(',"partition"'))
    return [...this.#broken.keys()].filter(other => other.endsWith(own)).length > 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.s.close()
  }

  #forget(): void {
    this.#open = false
    this.#log = []
    this.#sent = 0
    this.#waiting = []
  }

  /** Broken records keep their own key; their value says nothing. */
  async #bring(records: readonly Forged[]): Promise<void> {
    if (records.length === 0) return
    const { life } = this.s
    const sent = records.map(record => {
      const partition = record.partition ?? 0
      const counter = `${life}/${partition}`
      const offset = this.#offsets.get(counter) ?? 0
      this.#offsets.set(counter, offset + 1)
      if (this.#spoil === 0 || record.op === 't') return record
      this.#spoil--
      this.#broken.set(JSON.stringify({ life, partition, offset }), record)
      return raw('{"op":"u", cut off', { key: { id: record.key }, partition })
    })
    await this.s.ingest(...sent)
  }

  get #file(): string {
    return `${this.#at.base}.${String(this.#at.file).padStart(6, '0')}`
  }

  get #gtid(): Source {
    return this.#options.gtids ? { gtid: `server${this.#at.server}:${Math.max(1, this.#at.transaction)}` } : {}
  }

  #partition(id: number): number {
    return id % this.#options.partitions
  }

  #next(id: number, again = false): Source {
    const at = this.#at
    at.ts += 1_000
    if (again && this.#open) Object.assign(at, { order: at.order + 1, row: at.row + 1 })
    else Object.assign(at, { transaction: at.transaction + 1, order: 1, row: 0, pos: at.pos + 10 })
    this.#open = true
    const order = this.#options.gtids && this.#options.orders ? { order: at.order } : {}
    return { file: this.#file, pos: at.pos, row: at.row, ts: at.ts, partition: this.#partition(id), ...this.#gtid, ...order }
  }
}
