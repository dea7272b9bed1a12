// Randomness that a seed repeats.

export interface Random {
  /** From 0 up to, without, 1. */
  next(): number
  /** A whole number from 0 up to, without, `below`. */
  int(below: number): number
  pick<T>(list: readonly T[]): T
  chance(probability: number): boolean
  /** A generator of its own, so that work side by side does not disturb each other's numbers. */
  fork(): Random
}

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number) => Math.floor(next() * below)
  return {
    next,
    int,
    pick: list => list[int(list.length)]!,
    chance: probability => next() < probability,
    fork: () => randomOf(int(2 ** 32)),
  }
}
