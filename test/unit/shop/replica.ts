// A database in memory that refuses what MySQL would refuse: the tests apply the simulation's transactions to it.
import { shopTable, shopTables, type Table } from '../../../shop/tables.ts'
import type { Change, Row, ShopTransaction } from '../../../shop/transaction.ts'

/** Applies changes one by one; throws where a key, a foreign key, NOT NULL, or a before image does not hold. */
export class Replica {
  readonly tables = new Map<string, Map<string, Row>>(shopTables.map(({ name }) => [name, new Map()]))
  readonly #unique = new Map<string, Set<string>>()
  /** How many rows refer to a parent row, by parent. */
  readonly #references = new Map<string, number>()

  apply({ changes }: ShopTransaction): void {
    for (const change of changes) this.#change(change)
  }

  rows(table: string): Row[] {
    return [...this.tables.get(table)!.values()]
  }

  #change({ table: name, before, after }: Change): void {
    const table = shopTable(name)
    const rows = this.tables.get(name)!
    if (before) {
      const key = keyOf(table.primaryKey, before)
      if (JSON.stringify(rows.get(key)) !== JSON.stringify(before)) throw new Error(`${name}: the before image is not the row`)
      if (!after || keyOf(table.primaryKey, after) !== key) this.#refuseOrphans(name, key)
      rows.delete(key)
      this.#index(table, before, -1)
    }
    if (after) {
      const key = keyOf(table.primaryKey, after)
      if (rows.has(key)) throw new Error(`${name}: duplicate key`)
      refuseBadRow(table, after)
      this.#index(table, after, 1)
      rows.set(key, after)
    }
  }

  #index(table: Table, row: Row, by: 1 | -1): void {
    for (const columns of table.uniqueKeys) {
      const taken = this.#unique.get(table.name) ?? new Set()
      this.#unique.set(table.name, taken)
      const key = keyOf(columns, row).toLowerCase()
      if (by === 1 && taken.has(key)) throw new Error(`${table.name}: duplicate unique key`)
      if (by === 1) taken.add(key)
      else taken.delete(key)
    }
    for (const { columns, table: parent } of table.foreignKeys) {
      if (columns.some(column => row[column] === null)) continue
      const key = keyOf(columns, row)
      if (by === 1 && !this.tables.get(parent)!.has(key)) throw new Error(`${table.name}: no such row in ${parent}`)
      const reference = `${parent} ${key}`
      this.#references.set(reference, (this.#references.get(reference) ?? 0) + by)
    }
  }

  #refuseOrphans(name: string, key: string): void {
    if ((this.#references.get(`${name} ${key}`) ?? 0) > 0) throw new Error(`${name}: the row still has children`)
  }
}

function keyOf(columns: readonly string[], row: Row): string {
  return JSON.stringify(columns.map(column => row[column]))
}

function refuseBadRow(table: Table, row: Row): void {
  const names = table.columns.map(({ name }) => name).join()
  if (Object.keys(row).join() !== names) throw new Error(`${table.name}: columns differ from the table's, or their order does`)
  for (const { name, type, nullable } of table.columns) {
    const value = row[name]
    if (value === null ? !nullable : !fits(type, value!)) throw new Error(`${table.name}.${name}: not a value of ${type}`)
  }
}

function fits(type: string, value: string | number): boolean {
  if (/^(big|tiny|small)?int/.test(type)) return Number.isSafeInteger(value)
  if (typeof value !== 'string') return false
  if (type.startsWith('enum')) return type.includes(`'${value}'`)
  if (type === 'date') return /^\d{4}-\d\d-\d\d$/.test(value)
  if (/^(timestamp|datetime)/.test(type)) return /^20[23]\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/.test(value)
  const [length, scale] = type.match(/\d+/g)!.map(Number)
  if (type.startsWith('decimal')) return new RegExp(`^\\d{1,${length! - scale!}}\\.\\d{${scale}}$`).test(value)
  return value.length <= length!
}
