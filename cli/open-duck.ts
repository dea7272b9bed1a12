// Opens DuckDB within the limits that the configuration sets.
import type { Duck, DuckOptions } from '../lake/duckdb.ts'
import type { Config } from './config.ts'

export async function openDuck(config: Config): Promise<Duck> {
  const { Duck } = await import('../lake/duckdb.ts')
  return Duck.open(duckOptions(config))
}

export function duckOptions({ duckdb: { memory, threads } }: Config): DuckOptions {
  return { memoryLimit: `${memory}B`, ...(threads ? { threads } : {}) }
}
