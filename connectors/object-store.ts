// The contract of every place a lake can live: a local folder, Azure Data Lake Storage Gen2, Azurite.
// Guarantee asked of each implementation: `putIfAbsent` has exactly one winner per path, ever.

export interface ObjectInfo {
  /** Path from the store's root, with `/` between the parts, e.g. `silver/shop/orders/_delta_log/00000000000000000000.json`. */
  path: string
  /** Bytes. */
  size: number
  modified: Date
}

/** Paths start with the zone: `bronze/…`, `silver/…`, `gold/…`, `quarantine/…`. On Azure the zone is the file system (container). */
export interface ObjectStore {
  /** What a person would type to name this place; holds no secret. */
  readonly url: string
  /** A local folder for files on their way to `putFile`: on the same disk as a local lake, so that the way there is a rename. */
  readonly scratch: string
  /** The whole object, or undefined if there is none. */
  get(path: string): Promise<Buffer | undefined>
  /** Writes or replaces. Readers see the old bytes or the new, never a mixture. */
  put(path: string, bytes: Uint8Array): Promise<void>
  /** Uploads a finished local file, which it may move: the caller must not use `file` afterwards except through `fetch(path)`. */
  putFile(path: string, file: string): Promise<void>
  /** Writes only if nothing is there. True: this call wrote it. False: something was there (possibly our own earlier try). */
  putIfAbsent(path: string, bytes: Uint8Array): Promise<boolean>
  /** All objects whose path starts with `prefix`, in path order; the prefix names its zone whole: `silver/`. Folders are not objects. */
  list(prefix: string): AsyncIterable<ObjectInfo>
  /** Names of the folders directly below `prefix`, which ends with `/`; cheap however much is in them. */
  folders(prefix: string): Promise<string[]>
  head(path: string): Promise<ObjectInfo | undefined>
  /** Deletes; no error if there is nothing. */
  delete(path: string): Promise<void>
  /** A local file with the bytes of an immutable object (data files): the object itself on a local folder, a cached download elsewhere. `size` is what the log says: a copy of another size is fetched anew. */
  fetch(path: string, size?: number): Promise<string>
  /** Removes what writes below `prefix` left when they were cut short before `before`: files that are no objects, and never will be. */
  sweep(prefix: string, before: Date): Promise<void>
  close(): Promise<void>
}
