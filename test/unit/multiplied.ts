// For the night: property tests try BINLAKE_RUNS times as many random cases, and have as much more time.

const factor = Number(process.env.BINLAKE_RUNS ?? 1)
if (!(factor >= 1))
  throw new Error('BINLAKE_RUNS: expected a number of at least 1, by which the runs of property tests are multiplied')

/** So many runs of a property, or milliseconds for them, as were asked for. */
export function multiplied(count: number): number {
  return Math.ceil(count * factor)
}
