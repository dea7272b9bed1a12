// `binlake replay --as-of <point> --to <lake>`: a copy of silver and gold as they were, in another lake.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ConfigError } from './config-error.ts'
import { exit } from './exit.ts'
import { duckOptions, openDuck } from './open-duck.ts'
import { openLake, openStoreOf } from './open-lake.ts'
import type { Session } from './session.ts'

export interface RestoreFlags {
  asOf: string
  to: string | undefined
  json: boolean
  tables: readonly string[]
}

/** `to` is a lake's URL, or a folder. Throws ConfigError without it, and what `restore` throws. */
export async function restoreCommand(session: Session, { asOf, to, json, tables }: RestoreFlags): Promise<number> {
  const { config, log, signal } = session
  if (to === undefined) {
    throw new ConfigError('CONFIG_INVALID', [
      'flag --to: missing; --as-of writes a copy into another lake, e.g. --to file:///srv/restored (to bring back what a rebuild replaced, use --rollback)',
    ])
  }
  const [{ Lakehouse }, { restore }, { loadGoldModels }, { parsePoint }] = await Promise.all([
    import('../lake/lakehouse.ts'),
    import('../processors/as-of/restore.ts'),
    import('../sql/gold-models.ts'),
    import('../sql/point.ts'),
  ])
  const point = parsePoint(asOf)
  const store = await openLake(config)
  const url =
    /^[a-z][a-z0-9+.-]*:\/\//i.test(to) || (to.startsWith('az:') && !existsSync(to)) ? to : pathToFileURL(resolve(to)).href
  const target = await openStoreOf({ ...config, lake: { ...config.lake, url } })
  try {
    await using duck = await openDuck(config)
    const lakes = { lake: new Lakehouse(store), to: new Lakehouse(target) }
    const gold = await loadGoldModels()
    const restored = await restore({ ...lakes, duck, duckOptions: duckOptions(config), point, gold, log, tables, signal })
    for (const line of restored.said) session.say(`${line}\n`)
    if (json) await session.print(`${JSON.stringify(restored.tables, null, 2)}\n`)
    else for (const { path, rows } of restored.tables) session.say(`${path}: ${rows.toLocaleString('en')} rows\n`)
    session.say(`${restored.tables.length} tables written to ${target.url}\n`)
    return exit.ok
  } finally {
    await target.close()
    await store.close()
  }
}
