// Customers sign up, move house, change their details; a few of their rows are wrong on purpose, so that validation has work.
// Guarantee: an e-mail address is never given out twice, because it carries the customer's id.
import { type Country, countries } from './countries.ts'
import type { Random } from './random.ts'
import { dateText, day, timeText } from './time.ts'
import type { Change, Row } from './transaction.ts'
import { type Customer, insert, nextId, update, type World } from './world.ts'

/** At most this many customers keep their row at hand; beyond it, newer ones take the place of others. */
const profileLimit = 20_000
const channels = [
  ['organic', 30],
  ['search', 26],
  ['email', 16],
  ['social', 14],
  ['affiliate', 8],
  ['display', 6],
] as const

export interface SignUpOptions {
  /** Used as it is; otherwise one is made from the name. */
  email?: string
  /** Keep what refers to the customer, for a deletion to come. */
  leaver?: boolean
}

/** A new customer, with the touches that led here. One transaction. */
export function signUp(world: World, { email, leaver = false }: SignUpOptions = {}): { customer: Customer; changes: Change[] } {
  const id = nextId(world, 'customers')
  const inserted = insert(world, 'customers', { id, ...details(world, id, email) })
  const customer: Customer = {
    id,
    row: inserted.after,
    busy: 0,
    gone: false,
    traces: leaver ? { orders: [], cartEvents: [], touches: [] } : undefined,
  }
  world.customers.push(customer)
  keepProfile(world, customer)
  const changes: Change[] = [inserted]
  for (let touches = world.random.int(0, 3); touches > 0; touches--) {
    changes.push(touch(world, customer, world.now - Math.floor(world.random.next() * 20 * day)))
  }
  return { customer, changes }
}

/** The customer came by way of a channel; `at` may lie before now. */
export function touch(world: World, customer: Customer, at: number): Change {
  const change = insert(world, 'touches', {
    id: nextId(world, 'touches'),
    customer_id: customer.id,
    channel: world.random.weighted(channels),
    occurred_at: timeText(at),
  })
  customer.traces?.touches.push(change.after)
  return change
}

/** Somebody moves, or changes a phone number, an address, a name, a consent. */
export function changeDetails(world: World): Change[] | undefined {
  if (world.profiles.length === 0) return undefined
  const customer = world.random.pick(world.profiles)
  if (customer.gone || !customer.row) return undefined
  return [changeCustomer(world, customer, changedColumns(world, customer.row))]
}

export function changeCustomer(world: World, customer: Customer, columns: Row): Change {
  const changed = update(world, 'customers', { before: customer.row!, columns })
  customer.row = changed.after
  return changed
}

/** A house move: the columns of a new address in the same country. */
export function newAddress(world: World, row: Row): Row {
  return address(world, countryOf(row))
}

function countryOf(row: Row): Country {
  return countries.find(({ name, alpha2, alpha3 }) => [name, alpha2, alpha3].includes(String(row.country))) ?? countries[0]!
}

function changedColumns(world: World, row: Row): Row {
  const { random } = world
  const kind = random.weighted([
    ['address', 60],
    ['phone', 15],
    ['consent', 12],
    ['email', 8],
    ['name', 5],
  ] as const)
  const country = countryOf(row)
  if (kind === 'phone') return { phone: phone(random, country) }
  if (kind === 'consent') return { marketing_consent: row.marketing_consent === 1 ? 0 : 1 }
  if (kind === 'name') return { last_name: random.pick(world.names(country).last) }
  if (kind === 'email') return { email: `${plain(String(row.first_name))}${row.id}.${world.now.toString(36)}@example.org` }
  return newAddress(world, row)
}

/** The columns a sign-up form asks for. */
function details(world: World, id: number, email: string | undefined): Row {
  const { random } = world
  const country = random.weighted(countries.map(each => [each, each.weight] as const))
  const pool = world.names(country)
  const first = random.pick(pool.first)
  const last = random.pick(pool.last)
  const spelling = random.next()
  const row: Row = {
    first_name: first,
    last_name: last,
    email: email ?? emailOf(random, `${plain(first)}.${plain(last)}${id}`),
    phone: random.chance(0.06) ? null : phone(random, country),
    birth_date: random.chance(0.08) ? null : dateText(Math.floor(world.now / day) - random.int(18 * 366, 85 * 365)),
    ...address(world, country),
    country: spelling < 0.8 ? country.name : spelling < 0.93 ? country.alpha2 : country.alpha3,
    marketing_consent: random.chance(0.4) ? 1 : 0,
  }
  return random.chance(0.03) ? spoiled(random, row, email === undefined) : row
}

function address(world: World, country: Country): Row {
  const { random } = world
  const pool = world.names(country)
  return {
    address_line: `${random.pick(pool.streets)} ${random.int(1, 180)}`,
    city: random.pick(pool.cities),
    postcode: digits(random, country.postcode),
  }
}

/** One field as a careless form would let it through. */
function spoiled(random: Random, row: Row, emailToo: boolean): Row {
  const kinds = emailToo ? ['phone', 'country', 'birth', 'email'] : ['phone', 'country', 'birth']
  const kind = random.pick(kinds)
  if (kind === 'phone') return { ...row, phone: random.pick(['12345', 'n/a', '+49 (0) 000', 'call me', '+00 123456789012345']) }
  if (kind === 'country') return { ...row, country: random.pick(['Atlantis', 'XX', 'Germny', 'Narnia', 'ZZZ']) }
  if (kind === 'birth') return { ...row, birth_date: random.pick(['1871-01-18', '1889-04-01', '2999-12-31']) }
  const email = String(row.email)
  return {
    ...row,
    email: random.pick([email.replace('@', '.'), email.replace('@', '@@'), email.slice(0, email.indexOf('@') + 1)]),
  }
}

function emailOf(random: Random, name: string): string {
  const domain = random.pick(['example.com', 'example.org', 'example.net', 'mail.example.com'])
  // Some people type capitals or a stray space; the address is the same after tidying.
  if (random.chance(0.03)) return ` ${name.toUpperCase()}@${domain.toUpperCase()}`
  return `${name}@${domain}`
}

function phone(random: Random, { dialCode, mobile, trunk }: Country): string {
  const number = digits(random, mobile)
  const style = random.next()
  if (style < 0.5) return `+${dialCode}${number}`
  if (style < 0.75) return `+${dialCode} ${number.slice(0, 3)} ${number.slice(3)}`
  if (style < 0.9) return `${trunk}${number}`
  return `00${dialCode} ${number}`
}

function digits(random: Random, pattern: string): string {
  return pattern.replaceAll('#', () => String(random.int(0, 9)))
}

/** ASCII letters only, as mail providers want them. */
function plain(name: string): string {
  const letters = name
    .normalize('NFD')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll(/[^a-z]/g, '')
  return letters || 'user'
}

function keepProfile(world: World, customer: Customer): void {
  if (customer.traces || world.profiles.length < profileLimit) {
    world.profiles.push(customer)
    return
  }
  const index = world.random.int(0, world.profiles.length - 1)
  const replaced = world.profiles[index]!
  if (replaced.traces) return
  replaced.row = undefined
  world.profiles[index] = customer
}
