// Every choice the simulation makes comes from here, faker's included.
// Guarantee: the same seed gives the same sequence on every machine (32-bit integer arithmetic only, sfc32).

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Uniform integer, both ends included. */
  int(from: number, to: number): number
  chance(probability: number): boolean
  pick<T>(list: readonly T[]): T
  /** One of the entries, by weight: `[[value, weight], …]`. */
  weighted<T>(entries: readonly (readonly [T, number])[]): T
  /** Exponentially distributed with this mean: the wait for an event of a constant rate. */
  exponential(mean: number): number
  /** An index below `length`; the higher the power, the more often a low one. Power 1 is uniform. */
  skewed(length: number, power: number): number
  /** A version 4 UUID. */
  uuid(): string
}

export function createRandom(seed: number): Random {
  const next = generator(seed)
  const int = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return {
    next,
    int,
    chance: probability => next() < probability,
    pick: list => {
      if (list.length === 0) throw new RangeError('pick: the list is empty')
      return list[int(0, list.length - 1)]!
    },
    weighted: entries => {
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0)
      for (const [value, weight] of entries) {
        left -= weight
        if (left < 0) return value
      }
      return entries[entries.length - 1]![0]
    },
    exponential: mean => -mean * Math.log(1 - next()),
    skewed: (length, power) => Math.min(length - 1, Math.floor(length * next() ** power)),
    uuid: () => {
      const [a, b, c, d] = [hex(next), hex(next), hex(next), hex(next)]
      const variant = '89ab'[int(0, 3)]
      return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-${variant}${c.slice(1, 4)}-${c.slice(4)}${d}`
    },
  }
}

function hex(next: () => number): string {
  return Math.floor(next() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
}

function generator(seed: number): () => number {
  let a = seed >>> 0
  let b = Math.floor(seed / 2 ** 32) >>> 0
  let c = 0x9e3779b9
  let counter = 1
  const next = () => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  // The first numbers of neighbouring seeds are alike until the state has been stirred.
  for (let i = 0; i < 20; i++) next()
  return next
}
