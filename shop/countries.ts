// Where the shop's people live: how each country writes a phone number and a postcode, and which names faker knows there.
// Guarantee: what is made here is clean; the dirty rows are made dirty on purpose, in people.ts.
import { base, da, de, en, en_GB, es, Faker, fr, it, type LocaleDefinition, nl, pl, pt_PT, sv } from '@faker-js/faker'
import { createRandom } from './random.ts'

export interface Country {
  name: string
  alpha2: string
  alpha3: string
  dialCode: string
  /** National mobile numbers without the trunk zero; `#` is a digit. */
  mobile: string
  /** Written before the national number when no dial code is. */
  trunk: string
  postcode: string
  locale: LocaleDefinition
  /** How many of the shop's people live here, beside the others. */
  weight: number
}

export const countries: readonly Country[] = [
  country('Germany', 'DE', 'DEU', ['49', '1512#######', '0'], '1####', de, 30),
  country('France', 'FR', 'FRA', ['33', '6########', '0'], '75###', fr, 16),
  country('Italy', 'IT', 'ITA', ['39', '347#######', ''], '20###', it, 11),
  country('Spain', 'ES', 'ESP', ['34', '61#######', ''], '28###', es, 10),
  country('Netherlands', 'NL', 'NLD', ['31', '61#######', '0'], '10## AB', nl, 9),
  country('Poland', 'PL', 'POL', ['48', '51#######', ''], '00-###', pl, 7),
  country('United Kingdom', 'GB', 'GBR', ['44', '7400######', '0'], 'SW1# 2AA', en_GB, 7),
  country('Sweden', 'SE', 'SWE', ['46', '70#######', '0'], '11# ##', sv, 4),
  country('Denmark', 'DK', 'DNK', ['45', '20######', ''], '2###', da, 3),
  country('Portugal', 'PT', 'PRT', ['351', '91#######', ''], '1###-1##', pt_PT, 3),
]

/** Names to choose from in one country. */
export interface NamePool {
  first: readonly string[]
  last: readonly string[]
  cities: readonly string[]
  streets: readonly string[]
}

/** The name pools of a seed, made by faker when a country is first asked for. */
export function namePools(seed: number): (country: Country) => NamePool {
  const pools = new Map<Country, NamePool>()
  return each => {
    let pool = pools.get(each)
    if (!pool) {
      pool = makePool(each, seed)
      pools.set(each, pool)
    }
    return pool
  }
}

function makePool({ locale, alpha2 }: Country, seed: number): NamePool {
  // A generator of its own: what a country's names are must not depend on who asked first.
  const random = createRandom(seed * 1000 + alpha2.charCodeAt(0) * 26 + alpha2.charCodeAt(1))
  const faker = new Faker({ locale: [locale, en, base], randomizer: { next: random.next, seed: () => {} } })
  // What a name may consist of is checked downstream: a city in brackets would count as dirty.
  const name = (make: () => string) => () => make().replaceAll(/ ?\(.*\)|\./g, '')
  const many = (count: number, make: () => string) => Array.from({ length: count }, make)
  return {
    first: many(
      150,
      name(() => faker.person.firstName()),
    ),
    last: many(
      150,
      name(() => faker.person.lastName()),
    ),
    cities: many(
      60,
      name(() => faker.location.city()),
    ),
    streets: many(100, () => faker.location.street()),
  }
}

function country(
  name: string,
  alpha2: string,
  alpha3: string,
  [dialCode, mobile, trunk]: [string, string, string],
  postcode: string,
  locale: LocaleDefinition,
  weight: number,
): Country {
  return { name, alpha2, alpha3, dialCode, mobile, trunk, postcode, locale, weight }
}
