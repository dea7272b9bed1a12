// All at once: repetitions, zombies, failovers, resets, new topics, more partitions, snapshots and their sweeps, lost rows, broken records and their mends,
// rebuilds, compaction, restarts. Silver is what MySQL has, a rebuild is identical, and history's open versions are silver's rows.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { multiplied } from '../multiplied.ts'
import { openVersions } from './open-versions.ts'
import { World } from './world.ts'

const id = fc.integer({ min: 1, max: 4 })
const few = fc.integer({ min: 1, max: 6 })

type Deed = { name: string; run: (world: World) => Promise<void> | void }
const deed = (name: string, run: Deed['run']): Deed => ({ name, run })
const plain = (
  ...names: ('truncate' | 'nextFile' | 'failover' | 'repartition' | 'reset' | 'recreate' | 'refine' | 'sweep' | 'rebuild')[]
) => fc.constantFrom(...names).map(name => deed(name, world => world[name]()))

const deeds = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.tuple(id, fc.boolean()).map(([key, again]) => deed(`write ${key} ${again}`, world => world.write(key, again))),
  },
  { weight: 4, arbitrary: id.map(key => deed(`remove ${key}`, world => world.remove(key))) },
  { weight: 2, arbitrary: id.map(key => deed(`lose ${key}`, world => world.lose(key))) },
  { weight: 2, arbitrary: plain('truncate') },
  { weight: 1, arbitrary: plain('nextFile', 'failover', 'repartition') },
  {
    weight: 10,
    arbitrary: fc.tuple(few, fc.boolean()).map(([n, slow]) => deed(`produce ${n} ${slow}`, world => world.produce(n, { slow }))),
  },
  { weight: 4, arbitrary: fc.tuple(few, few).map(([back, n]) => deed(`again ${back} ${n}`, world => world.again(back, n))) },
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 2 }).map(n => deed(`spoil ${n}`, world => world.spoil(n))) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom({}, { aborted: true }, { incremental: true })
      .map(kind => deed(`snapshot ${JSON.stringify(kind)}`, world => world.snapshot(kind))),
  },
  { weight: 1, arbitrary: plain('reset', 'recreate') },
  { weight: 8, arbitrary: plain('refine') },
  { weight: 3, arbitrary: plain('sweep') },
  { weight: 3, arbitrary: fc.nat({ max: 3 }).map(nth => deed(`mend ${nth}`, world => world.mend(nth))) },
  { weight: 1, arbitrary: plain('rebuild') },
  { weight: 1, arbitrary: fc.constant(deed('compact', world => world.s.compactBronze())) },
  { weight: 1, arbitrary: fc.constant(deed('restart', world => world.s.restart())) },
)

const worlds = fc.record({
  gtids: fc.boolean(),
  orders: fc.boolean(),
  partitions: fc.constantFrom(1, 1, 2),
  done: fc.array(deeds, { minLength: 4, maxLength: 40, size: 'max' }),
})

it('silver is what MySQL has, whatever came together', { timeout: multiplied(240_000) }, async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async ({ done, ...options }) => {
      await using world = await World.open(options)
      try {
        for (const { name, run } of done) {
          world.done.push(name)
          await run(world)
        }
        world.done.push('settle')
        await world.settle()
        const rows = [...world.truth].map(([key, value]) => [String(key), value]).sort()
        expect(await world.s.silver()).toEqual(rows)
        const { open, wanted } = await world.quarantined()
        expect(open).toBe(wanted)
        expect(['identical', 'no bronze', 'new']).toContain(await world.s.identical())
        expect(await openVersions(world.s)).toEqual(rows)
      } catch (error) {
        throw new Error(`${JSON.stringify(options)}\n${world.done.join('\n')}`, { cause: error })
      }
    }),
    { numRuns: multiplied(4), endOnFailure: true },
  )
})
