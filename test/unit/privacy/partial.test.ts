import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { type Sql, sql } from '../../../lake/sql.ts'
import {
  generaliseYear,
  partialAddress,
  partialEmail,
  partialName,
  partialPhone,
  partialPostcode,
} from '../../../privacy/partial.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

async function value(expression: Sql): Promise<unknown> {
  return (await duck.row<{ v: unknown }>(sql`SELECT ${expression} AS v`))!.v
}
const text = (content: string | null) => sql`${content}::VARCHAR`

describe('partial masks', () => {
  it.each([
    ['jane.doe@example.com', 'j***@***.com'],
    [' J@x.CO.uk ', 'J***@***.uk'],
    ['žofie@příklad.cz', 'ž***@***.cz'],
    ['jane@localhost', '***'],
    ['jane', '***'],
    ['a b@example.com', '***'],
    ['x@y@z.com', '***'],
    ['me@host.jane smith', '***'],
    ['', '***'],
    [null, null],
  ])('partial.email of %j is %j', async (given, expected) => {
    expect(await value(partialEmail(text(given)))).toBe(expected)
  })

  it.each([
    ['+49 1512 3456789', '+49*****89'],
    ['+1 (415) 555-0134', '+1*****34'],
    ['+7 495 123 45 67', '+7*****67'],
    ['+351912345678', '+351*****78'],
    ['+998 90 123 45 67', '+998*****67'],
    ['+86.10.12345678', '+86*****78'],
    ['+00 123456789012345', '*****45'],
    ['0151 23456789', '*****89'],
    ['004915123456789', '*****89'],
    ['12345', '*****'],
    ['+49 12', '*****'],
    ['call me', '*****'],
    ['', '*****'],
    [null, null],
  ])('partial.phone of %j is %j', async (given, expected) => {
    expect(await value(partialPhone(text(given)))).toBe(expected)
  })

  it.each([
    ['Jane', 'J***'],
    [' Zoë', 'Z***'],
    ['王小明', '王***'],
    ['', '***'],
    [null, null],
  ])('partial.name of %j is %j', async (given, expected) => {
    expect(await value(partialName(text(given)))).toBe(expected)
  })

  it.each([
    ['10115', '10***'],
    ['SW1A 2AA', 'SW***'],
    ['1 2', '***'],
    ['', '***'],
    [null, null],
  ])('partial.postcode of %j is %j', async (given, expected) => {
    expect(await value(partialPostcode(text(given)))).toBe(expected)
  })

  it.each([
    ['Hauptstr. 5', 'DE', '10115', 'DE 10***'],
    ['5 High St', "Côte d'Ivoire", 'SW1A 2AA', "Côte d'Ivoire SW***"],
    ['5 High St', null, '10115', '10***'],
    ['5 High St', 'DE', null, 'DE ***'],
    ['5 High St', '12 Secret Road', '1', '***'],
    [null, 'DE', '10115', null],
  ])('partial.address of %j in %j %j is %j', async (given, country, postcode, expected) => {
    expect(await value(partialAddress(text(given), { country: text(country), postcode: text(postcode) }))).toBe(expected)
  })

  it('generalises a day to its year', async () => {
    expect(await value(generaliseYear(sql`DATE '1987-12-31'`))).toBe(1987)
    expect(await value(generaliseYear(sql`NULL::DATE`))).toBeNull()
  })
})
