// The query engine as the command line uses it, with what only the processors can give: live tails, binlog points, gold of the past.
// Guarantee: the policy and its keys are read when a live view asks for them, not before.
import type { ObjectStore } from '../connectors/object-store.ts'
import type { FindCut, GoldSource, ReadTail } from '../sql/derived.ts'
import type { QueryEngine } from '../sql/engine.ts'
import { duckOptions } from './open-duck.ts'
import { openPolicy } from './open-policy.ts'
import type { Session } from './session.ts'

export async function openQueries(store: ObjectStore, { config, log }: Session): Promise<QueryEngine> {
  const [{ openEngine }, { Lakehouse }] = await Promise.all([import('../sql/engine.ts'), import('../lake/lakehouse.ts')])
  const lake = new Lakehouse(store)
  const limits = duckOptions(config)
  const tail: ReadTail = async name => {
    const { readTails } = await import('../processors/live.ts')
    return readTails({ lake, log, ...(await openPolicy(config)), duckOptions: limits })(name)
  }
  const cut: FindCut = async (point, names) => {
    const { findCuts } = await import('../processors/as-of/find-cuts.ts')
    return findCuts(lake, limits)(point, names)
  }
  const gold: GoldSource = {
    models: async () => (await import('../sql/gold-models.ts')).loadGoldModels(),
    rows: async (duck, model) => (await import('../processors/gold-rows.ts')).goldRows(duck, model),
  }
  return openEngine(store, { ...limits, cut, gold, ...(config.policy.file === undefined ? {} : { tail }) })
}
