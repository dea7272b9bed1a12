// How `verify` finds differing rows: a join of everything, or checksums first (docs/decisions/0005-verify-by-ranges-of-the-keys-hash.md).
import { parseArgs } from 'node:util'
import type { CompareTask } from './ranges/compare.ts'
import { type Contender, runRounds } from './rounds.ts'
import { table } from './table.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    rounds: { type: 'string', default: '5' },
  },
})
const rows = Number(values.rows)
const contenders = [0, 10, rows / 100].flatMap(differing => [
  contender('join of all', { rows, differing, by: 'join' }),
  contender('256 ranges first', { rows, differing, by: 'ranges' }),
])
const results = await runRounds(contenders, Number(values.rounds), text => void process.stderr.write(text))
process.stdout.write(`\n${rows} rows a side\n\n${table(results)}`)

function contender(name: string, task: CompareTask): Contender {
  return { name: `${task.differing} differ, ${name}`, script: 'ranges/compare.ts', task, work: `${task.differing} differ` }
}
