// Builds a table anew beside the other tables' merges, on a connection of its own: what takes minutes holds up no other table.
// Guarantee: one at a time, within DuckDB's one memory limit; the table itself has no other step meanwhile.
import type { Duck } from '../lake/duckdb.ts'
import { type Refined, type Refinement, refine } from './refine.ts'
import type { RefinementPlan } from './refinement-plan.ts'
import type { Turn } from './turns.ts'

interface Rebuild {
  turn: Turn
  plan: RefinementPlan
  /** Has ended when it is handed out. */
  step: Promise<Refined | undefined>
}

export class RebuildBeside {
  readonly #duck: Duck
  readonly #onEnd: () => void
  #running: Rebuild | undefined
  #ended = false

  /** `duck` is forked for each. `onEnd` hears that one has ended, well or not. */
  constructor(duck: Duck, onEnd: () => void) {
    this.#duck = duck
    this.#onEnd = onEnd
  }

  /** One is under way, or has ended and nobody has looked. */
  get busy(): boolean {
    return this.#running !== undefined
  }

  begin(turn: Turn, plan: RefinementPlan, refinement: Refinement): void {
    const step = this.#refine(refinement)
    turn.aside = true
    this.#running = { turn, plan, step }
    this.#ended = false
    const end = () => {
      this.#ended = true
      this.#onEnd()
    }
    step.then(end, end)
  }

  /** The one that has ended, once. */
  ended(): Rebuild | undefined {
    if (!this.#ended || !this.#running) return undefined
    const rebuilt = this.#running
    this.#running = undefined
    return rebuilt
  }

  /** Waits for the one under way. */
  async settled(): Promise<void> {
    await this.#running?.step.catch(() => {})
  }

  async #refine(refinement: Refinement): Promise<Refined | undefined> {
    await using duck = await this.#duck.fork()
    return await refine(duck, refinement)
  }
}
