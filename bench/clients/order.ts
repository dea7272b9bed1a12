// Which record of a key is the newest: rules compared over random histories (docs/decisions/0003-order-is-not-by-timestamp.md).
// Needs no server and no package. The last rules are processors/order/decide.ts itself.
import { parseArgs } from 'node:util'
import { type Delivered, type History, history } from './order/history.ts'
import { type NamedRule, rules } from './order/rules.ts'
import { numbersFrom } from './random.ts'

const { values } = parseArgs({ options: { histories: { type: 'string', default: '20000' } } })
const count = Number(values.histories)

const streaming = tally({ snapshots: false })
const snapshots = tally({ snapshots: true })
const lines = rules.map(rule => {
  const [a, b] = [streaming.get(rule)!, snapshots.get(rule)!]
  return `| ${rule.name} | ${a.wrongEnd} | ${a.wentBack} | ${b.wrongEnd} | ${b.wentBack} |\n`
})
process.stdout.write(`Of ${count} histories, streaming only, then with incremental snapshots: those that end with a wrong table, and those in which a row
went back to an older state on the way.

| what wins | wrong at the end | went back | wrong at the end, snapshots | went back, snapshots |
| --- | ---: | ---: | ---: | ---: |
${lines.join('')}`)

interface Outcome {
  wrongEnd: boolean
  wentBack: boolean
}

function tally(options: { snapshots: boolean }): Map<NamedRule, Record<keyof Outcome, number>> {
  const counts = new Map(rules.map(rule => [rule, { wrongEnd: 0, wentBack: 0 }]))
  for (let seed = 1; seed <= count; seed++) {
    const made = history(numbersFrom(seed), options)
    for (const [rule, counted] of counts) {
      const { wrongEnd, wentBack } = follow(rule, made)
      counted.wrongEnd += Number(wrongEnd)
      counted.wentBack += Number(wentBack)
    }
  }
  return counts
}

/** What becomes of a sink that follows the rule. */
function follow({ make, keepsDeleted }: NamedRule, { delivered, truth }: History): Outcome {
  const applies = make()
  const held = new Map<number, Delivered>()
  const reached = new Map<number, bigint>()
  let wentBack = false
  for (const record of delivered) {
    const { key, content, pos } = record
    if (!applies(record, held.get(key))) continue
    if (content === undefined && !keepsDeleted) held.delete(key)
    else held.set(key, record)
    wentBack ||= pos! < (reached.get(key) ?? 0n)
    reached.set(key, pos!)
  }
  const rows = [...held].filter(([, { content }]) => content !== undefined)
  const wrongEnd = rows.length !== truth.size || rows.some(([key, { content }]) => truth.get(key) !== content)
  return { wrongEnd, wentBack }
}
