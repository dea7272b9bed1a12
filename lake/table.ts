// A Delta table's place; every other file of the lake takes one.
import type { ObjectStore } from '../connectors/object-store.ts'

export interface Table {
  store: ObjectStore
  /** Path of the table's root in the store, zone first, no slash at the ends: `silver/shop/orders`. */
  path: string
}
