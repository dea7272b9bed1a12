// Ends what a run of stack tests has started in its folder, servers of single tests included, and removes the folder.
// As a program, `node take-down.ts <folder>`: for a run that was interrupted and cannot wait.
import { globSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stop } from '../../infra/local/process.ts'
import { down } from '../../infra/stack.ts'

/** `folder/stack` holds the stack that all tests share. */
export async function takeDown(folder: string): Promise<void> {
  await down({ dir: join(folder, 'stack'), purge: true, report: () => {} })
  // Each server keeps its pid beside its data (infra/local/service.ts).
  await Promise.all(
    globSync('**/process.json', { cwd: folder }).map(async file => {
      const ref = JSON.parse(await readFile(join(folder, file), 'utf8').catch(() => '{}'))
      await stop(ref, 10_000)
    }),
  )
  await rm(folder, { recursive: true, force: true })
}

if (import.meta.main) await takeDown(process.argv[2]!)
