// Scenario 50 of cdc-spec §8 on a real broker: what a producer aborted, or has not committed yet, is not in the lake.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { c, type Forged, u } from '../../unit/scenarios/forged-event.ts'
import { type ForgedLine, type Message, messageOf, openForgedLine } from './forged-line.ts'

let line: ForgedLine
let pos = 0

beforeAll(async () => {
  line = await openForgedLine({ transactional: true })
  await send(true, line.told)
}, 240_000)
afterAll(() => line?.close())

/** One transaction of the producer. Undefined: it stays open, and can be ended by what is returned. */
async function send(commit: boolean | undefined, ...messages: Message[]): Promise<() => Promise<void>> {
  const transaction = await line.producer.beginTransaction()
  await transaction.send({ messages })
  if (commit === true) await transaction.commit()
  else if (commit === false) await transaction.abort()
  return () => transaction.commit()
}

const event = (forged: Forged): Message => {
  pos += 10
  return messageOf(line.topic, { ...forged, pos })
}

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await line.binlake(args).finished
  expect(code, stderr).toBe(0)
  return stdout
}

const rows = async (query: string) => JSON.parse(await run('sql', query, '--json')) as unknown

it('scenario 50: records of aborted and of open transactions are invisible', async () => {
  await send(true, event(c(1, 'a')), event(c(2, 'a')))
  await send(false, event(u(1, 'never')), event(c(9, 'never')))
  await send(true, event(u(1, 'b')))
  const end = await send(undefined, event(u(2, 'later')))
  await run('run', '--until-caught-up')
  const silver = 'select id, v from silver.t order by id'
  expect(await rows(silver)).toEqual([
    { id: 1, v: 'b' },
    { id: 2, v: 'a' },
  ])
  await end()
  await send(false, event(c(8, 'never')))
  await run('run', '--until-caught-up')
  expect(await rows(silver)).toEqual([
    { id: 1, v: 'b' },
    { id: 2, v: 'later' },
  ])
  expect(await rows("select count(*)::INTEGER as n, bool_or(contains(_value, 'never')) as never from bronze.t")).toEqual([
    { n: 4, never: false },
  ])
  // Markers and aborted records leave gaps, which are none: 0, 1, a marker, two aborted, a marker, 6, a marker, 8.
  expect(await rows('select _offset::INTEGER as o from bronze.t order by o')).toEqual([{ o: 0 }, { o: 1 }, { o: 6 }, { o: 8 }])
  expect(await run('replay', '--prove', 't')).toMatch(/^shop\.t: identical/)
}, 240_000)
