// Sellers and what they sell: the opening catalogue, prices that move, stock that is counted once a night.
// Guarantee: at least half of the products stay active, so that there is always something to buy.
import { countries } from './countries.ts'
import { centsOf, moneyText } from './money.ts'
import type { Change } from './transaction.ts'
import { insert, nextId, type Product, update, type World } from './world.ts'

/** Categories, with the lowest and highest price in cents. */
const categories = [
  ['Books', 600, 4_500],
  ['Clothing', 1_200, 14_000],
  ['Electronics', 2_500, 120_000],
  ['Garden', 900, 30_000],
  ['Health', 500, 6_000],
  ['Home', 800, 45_000],
  ['Kitchen', 700, 25_000],
  ['Music', 900, 60_000],
  ['Office', 300, 20_000],
  ['Pets', 400, 9_000],
  ['Sports', 1_000, 40_000],
  ['Toys', 500, 12_000],
] as const
const styles = ['Classic', 'Compact', 'Nordic', 'Everyday', 'Deluxe', 'Vintage', 'Smart', 'Rustic', 'Light', 'Grand']
const materials = ['Oak', 'Cotton', 'Steel', 'Linen', 'Ceramic', 'Bamboo', 'Glass', 'Wool', 'Cork', 'Leather']
const things = ['Set', 'Box', 'Lamp', 'Bag', 'Stand', 'Kit', 'Case', 'Chair', 'Bottle', 'Clock', 'Guide', 'Mat']
const lowStock = 20

/** How wide the catalogue of a shop of this many customers is. */
export function catalogueSize(customers: number): { sellers: number; products: number } {
  const products = Math.min(5_000, Math.max(40, Math.round(customers / 5)))
  return { products, sellers: Math.min(200, Math.max(5, Math.round(products / 15))) }
}

/** A seller and the first products, in one transaction. */
export function openSeller(world: World, products: number): Change[] {
  const { random } = world
  const id = nextId(world, 'sellers')
  const country = random.pick(countries)
  const pool = world.names(country)
  const name = `${random.pick(pool.last)} ${random.pick(['& Co', 'Trading', 'Workshop', 'Supplies', 'Studio'])}`
  const inserted = insert(world, 'sellers', {
    id,
    name,
    email: `sales${id}@seller.example`,
    phone: `+${country.dialCode}${country.mobile.replaceAll('#', () => String(random.int(0, 9)))}`,
    city: random.pick(pool.cities),
    country: country.alpha2,
    rating: null,
  })
  world.sellers.push({ row: inserted.after })
  return [inserted, ...Array.from({ length: products }, () => addProduct(world, id))]
}

/** A new product of some seller. */
export function newProduct(world: World): Change[] {
  return [addProduct(world, Number(world.random.pick(world.sellers).row.id))]
}

/** A product by popularity: few are bought often. */
export function pickProduct(world: World): Product {
  const { random, products } = world
  for (let tries = 0; tries < 20; tries++) {
    const product = products[random.skewed(products.length, 2.2)]!
    if (product.row.active === 1) return product
  }
  return products.find(({ row }) => row.active === 1)!
}

/** A price moves by up to a quarter, mostly upwards. */
export function changePrice(world: World): Change[] {
  const product = pickProduct(world)
  const factor = 0.85 + world.random.next() * 0.4
  const price = Math.max(100, Math.round(centsOf(String(product.row.price)) * factor))
  return [changeProduct(world, product, { price: moneyText(price) })]
}

/** A product is put in another category. */
export function changeCategory(world: World): Change[] {
  const [category] = world.random.pick(categories)
  return [changeProduct(world, pickProduct(world), { category })]
}

/** A product is taken off the shelf, or put back. */
export function changeActive(world: World): Change[] | undefined {
  const product = world.random.pick(world.products)
  const active = world.products.filter(({ row }) => row.active === 1).length
  if (product.row.active === 1 && active <= world.products.length / 2 + 1) return undefined
  return [changeProduct(world, product, { active: product.row.active === 1 ? 0 : 1 })]
}

/** Customers' ratings of a seller come to a new mean. */
export function changeRating(world: World): Change[] {
  const seller = world.random.pick(world.sellers)
  const rating = moneyText(world.random.int(280, 500))
  const changed = update(world, 'sellers', { before: seller.row, columns: { rating } })
  seller.row = changed.after
  return [changed]
}

/** The nightly count: stock of everything sold since the last, refilled where it runs low. One transaction, perhaps a large one. */
export function countStock(world: World): Change[] {
  const changes: Change[] = []
  for (const product of world.products) {
    if (product.sold === 0) continue
    let stock = Number(product.row.stock) - product.sold
    if (stock < lowStock) stock = Math.max(stock, 0) + world.random.int(50, 500)
    product.sold = 0
    changes.push(changeProduct(world, product, { stock }))
  }
  return changes
}

function addProduct(world: World, sellerId: number): Change {
  const { random } = world
  const [category, lowest, highest] = random.pick(categories)
  const inserted = insert(world, 'products', {
    id: nextId(world, 'products'),
    seller_id: sellerId,
    name: `${random.pick(styles)} ${random.pick(materials)} ${random.pick(things)}`,
    category,
    // Cheap things are more common than dear ones.
    price: moneyText(Math.round(lowest + (highest - lowest) * random.next() ** 2)),
    stock: random.int(30, 800),
    active: 1,
  })
  // Popularity has nothing to do with age: the newcomer goes anywhere in the ranking.
  world.products.splice(random.int(0, world.products.length), 0, { row: inserted.after, sold: 0 })
  return inserted
}

function changeProduct(world: World, product: Product, columns: { [column: string]: string | number }): Change {
  const changed = update(world, 'products', { before: product.row, columns })
  product.row = changed.after
  return changed
}
