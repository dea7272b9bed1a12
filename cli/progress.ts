// Progress of a long step: a bar on a terminal, otherwise a line every few seconds. On stderr, so that stdout stays data.

export interface Progress {
  /** `done` so far; `total` when it is known or changes. Call as often as you like. */
  set(done: number, total?: number): void
  /** Draws the final state and ends it. */
  stop(): void
}

export interface ProgressOptions {
  /** What is counted: `rows`, `orders`. */
  unit: string
  total?: number
  /** Draw a bar (stderr is a terminal). */
  bar: boolean
  write(text: string): void
  /** Milliseconds between lines without a bar. */
  every?: number
}

/** Starts showing progress under `label`. */
export async function startProgress(label: string, options: ProgressOptions): Promise<Progress> {
  return options.bar ? bar(label, options) : lines(label, options)
}

async function bar(label: string, { unit, total }: ProgressOptions): Promise<Progress> {
  const { default: cliProgress } = await import('cli-progress')
  const format =
    total === undefined
      ? `${label}  {value} ${unit}  {duration_formatted}`
      : `${label}  {bar}  {value}/{total} ${unit}  {eta_formatted} left`
  const drawn = new cliProgress.SingleBar(
    { format, stream: process.stderr, hideCursor: true, barsize: 30, fps: 8 },
    cliProgress.Presets.shades_classic,
  )
  drawn.start(total ?? 0, 0)
  return {
    set(done, newTotal) {
      if (newTotal !== undefined) drawn.setTotal(newTotal)
      drawn.update(done)
    },
    stop: () => drawn.stop(),
  }
}

function lines(label: string, { unit, write, every = 5_000, ...options }: ProgressOptions): Progress {
  const started = Date.now()
  let { total } = options
  let done = 0
  let said = -1
  const say = () => {
    if (done === said) return
    said = done
    const seconds = (Date.now() - started) / 1_000
    const rate = seconds > 0.5 ? `, ${Math.round(done / seconds).toLocaleString('en')}/s` : ''
    const of = total === undefined ? '' : ` of ${total.toLocaleString('en')}`
    write(`${label}: ${done.toLocaleString('en')}${of} ${unit}${rate}\n`)
  }
  const timer = setInterval(say, every)
  timer.unref()
  return {
    set(newDone, newTotal) {
      done = newDone
      total = newTotal ?? total
    },
    stop() {
      clearInterval(timer)
      say()
    },
  }
}
