// The customers file: what the sign-up form asked for, as a JSON array.
// Guarantee: the file is there whole or not at all, and holds the customers of the database, by id.
import { createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Row } from './transaction.ts'

/** Rows may hold whole numbers as text. Returns the number of customers written. */
export async function writeCustomersFile(file: string, customers: AsyncIterable<Row>): Promise<number> {
  let count = 0
  async function* lines() {
    for await (const row of customers) {
      const line = JSON.stringify({ ...row, id: Number(row.id), marketing_consent: Number(row.marketing_consent) === 1 })
      yield `${count === 0 ? '[' : ','}\n  ${line}`
      count++
    }
    yield count === 0 ? '[]\n' : '\n]\n'
  }
  const unfinished = `${file}.new`
  await pipeline(Readable.from(lines()), createWriteStream(unfinished))
  await rename(unfinished, file)
  return count
}
