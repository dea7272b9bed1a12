// Maintenance beside the line, as long as it runs: a look at the tables every ten minutes.
// Guarantee: it never stops ingestion, but for a full disk; it ends promptly, and what it was doing leaves the old state or the new one.
import { setTimeout as sleep } from 'node:timers/promises'
import { MaintenanceRounds, type RoundsOptions } from './maintenance-rounds.ts'

export interface MaintenanceOptions extends RoundsOptions {
  /** Hears that there is no going on for anyone; `stop` then throws the reason. */
  onFailure: () => void
}

/** Milliseconds between two looks at the tables; not all is due at each. */
const pause = 600_000

export class Maintenance {
  readonly #stop = new AbortController()
  readonly #rounds: MaintenanceRounds
  readonly #loop: Promise<void>
  #failure: unknown

  constructor(options: MaintenanceOptions) {
    this.#rounds = new MaintenanceRounds(options, this.#stop.signal)
    this.#loop = this.#work(Math.min(pause, options.compact, options.vacuum)).catch((error: unknown) => {
      this.#failure = error
      options.onFailure()
    })
  }

  /** Ends it. Throws what ended it before. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    await this.#rounds.close()
    if (this.#failure) throw this.#failure
  }

  async #work(every: number): Promise<void> {
    for (;;) {
      await sleep(every, undefined, { signal: this.#stop.signal }).catch(() => undefined)
      if (this.#stop.signal.aborted) return
      await this.#rounds.look()
    }
  }
}
