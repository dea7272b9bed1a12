// A store whose objects are as old as the simulated clock says: all else is the real one.
import type { ObjectInfo, ObjectStore } from '../../connectors/object-store.ts'

export function clocked(store: ObjectStore): ObjectStore {
  const written = new Map<string, number>()
  const dated = (info: ObjectInfo): ObjectInfo => ({ ...info, modified: new Date(written.get(info.path) ?? info.modified) })
  const noted = <Args extends [string, ...unknown[]], Result>(write: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      const result = await write.apply(store, args)
      written.set(args[0], Date.now())
      return result
    }
  }
  return {
    url: store.url,
    scratch: store.scratch,
    get: path => store.get(path),
    put: noted(store.put),
    putFile: noted(store.putFile),
    putIfAbsent: noted(store.putIfAbsent),
    async *list(prefix) {
      for await (const info of store.list(prefix)) yield dated(info)
    },
    folders: prefix => store.folders(prefix),
    async head(path) {
      const info = await store.head(path)
      return info && dated(info)
    },
    async delete(path) {
      await store.delete(path)
      written.delete(path)
    },
    fetch: (path, size) => store.fetch(path, size),
    // Its files' times are the real ones, and no write is ever cut short here.
    sweep: async () => {},
    close: () => store.close(),
  }
}
