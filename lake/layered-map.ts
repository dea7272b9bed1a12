// A large map with few changes on top: what a commit leaves of a table's files, without copying the others.
// Guarantee: reads as the changed copy would; the map below is shared and never written.

/** Maps up to this size are copied: that costs less than looking through a layer. */
const copied = 1000

/** `base` with `changes` applied; undefined takes a key out. Costs the changes since the last copy, a copy once in a while. */
export function changedMap<Value extends object | bigint>(
  base: ReadonlyMap<string, Value>,
  changes: ReadonlyMap<string, Value | undefined>,
): ReadonlyMap<string, Value> {
  const below: ReadonlyMap<string, Value> = base instanceof LayeredMap ? base.below : base
  const above: Map<string, Value | undefined> = new Map(base instanceof LayeredMap ? base.above : undefined)
  for (const [key, value] of changes) {
    if (value !== undefined || below.has(key)) above.set(key, value)
    else above.delete(key)
  }
  if (above.size === 0) return below
  // Layers that grow long are melted into one map.
  if (below.size > copied && above.size < 8 * Math.sqrt(below.size)) return new LayeredMap(below, above)
  const copy = new Map(below)
  for (const [key, value] of above) {
    if (value === undefined) copy.delete(key)
    else copy.set(key, value)
  }
  return copy
}

class LayeredMap<Value> implements ReadonlyMap<string, Value> {
  readonly below: ReadonlyMap<string, Value>
  readonly above: ReadonlyMap<string, Value | undefined>
  readonly size: number

  constructor(below: ReadonlyMap<string, Value>, above: ReadonlyMap<string, Value | undefined>) {
    this.below = below
    this.above = above
    let size = below.size
    for (const [key, value] of above) size += Number(value !== undefined) - Number(below.has(key))
    this.size = size
  }

  get(key: string): Value | undefined {
    return this.above.has(key) ? this.above.get(key) : this.below.get(key)
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  *entries(): MapIterator<[string, Value]> {
    for (const entry of this.below) if (!this.above.has(entry[0])) yield entry
    for (const [key, value] of this.above) if (value !== undefined) yield [key, value]
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries()
  }

  forEach(each: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void, self?: unknown): void {
    for (const [key, value] of this.entries()) each.call(self, value, key, this)
  }
}
