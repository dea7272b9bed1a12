// Removes old files that nobody will name any more: half-written neighbours of objects, and uploads that never came about.
// Guarantee: only files last written before the moment given, and only those the caller's test names.
import { readdir, rm, stat } from 'node:fs/promises'
import { join as joinPath } from 'node:path'

/** Looks through a folder and all below it. A folder that is not there holds nothing. */
export async function sweepFolder(folder: string, before: Date, isLeftover: (name: string) => boolean): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile() || !isLeftover(entry.name)) continue
    const file = joinPath(entry.parentPath, entry.name)
    const found = await stat(file).catch(() => undefined)
    if (found && found.mtime < before) await rm(file, { force: true })
  }
}
