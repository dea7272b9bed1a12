// A process that writes to an embedded shop until it is killed; says one line when it has begun.
import { EmbeddedShop } from '../../../shop/embedded-shop.ts'
import { readExistingEmbedded } from '../../../shop/existing-embedded.ts'
import { transactions } from '../../../shop/simulate.ts'
import { toEmbedded } from '../../../shop/to-embedded.ts'

const shop = await EmbeddedShop.open(process.argv[2]!)
const from = await readExistingEmbedded(shop)
const start = new Date(from.lastChange ?? Date.UTC(2025, 0, 1))
const source = transactions({ seed: 1, customers: 100, orders: Number.POSITIVE_INFINITY, start, from })
let said = false
const onProgress = () => {
  if (!said) process.stdout.write('begun\n')
  said = true
}
await toEmbedded(source, shop, { rate: 0, signal: new AbortController().signal, onProgress })
