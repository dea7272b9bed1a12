// Which small files are joined into one: only where it pays, so that no row is rewritten again and again (lake-spec §5).
// Guarantee: pure; a group holds neighbours of one partition in the order given, and is at most `target` bytes.
import type { Add } from './actions.ts'

export interface CompactionRule {
  /** Bytes that a joined file should not exceed. */
  target: number
  /** Fewer neighbours than this are left as they are; default 8. A settled partition is joined from two on. */
  minFiles?: number
  /** Partitions that get no more rows, so that joining is worth it once whatever the sizes; default: none. */
  settled?: (partitionValues: Record<string, string | null>) => boolean
}

/** Each file of a group is a line of the log and an open file while it is joined. */
const mostFiles = 1_000

/**
 * Groups to join, from the files in the order in which their rows belong together.
 * A file is taken only with as many bytes beside it as it has itself: what it is written into is twice its size at least, so a row is
 * written at most log2(target / size of its first file) times.
 */
export function planCompaction(files: readonly Add[], rule: CompactionRule): Add[][] {
  const partitions = Map.groupBy(files, add => JSON.stringify(Object.entries(add.partitionValues).sort()))
  return [...partitions.values()].flatMap(partition => {
    if (rule.settled?.(partition[0]!.partitionValues)) return bins(partition, rule.target).filter(bin => bin.length > 1)
    return worthwhile(partition, { target: rule.target, minFiles: rule.minFiles ?? 8 })
  })
}

function worthwhile(files: readonly Add[], rule: { target: number; minFiles: number }): Add[][] {
  if (files.length < Math.max(2, rule.minFiles)) return []
  const all = bytes(files)
  const largest = files.reduce((most, file) => (file.size > most.size ? file : most))
  if (2 * largest.size > Math.min(all, rule.target)) {
    const at = files.indexOf(largest)
    return [...worthwhile(files.slice(0, at), rule), ...worthwhile(files.slice(at + 1), rule)]
  }
  if (all <= rule.target && files.length <= mostFiles) return [[...files]]
  return bins(files, rule.target).flatMap(bin => worthwhile(bin, rule))
}

/** Neighbours together as long as they fit. */
function bins(files: readonly Add[], target: number): Add[][] {
  const made: Add[][] = []
  let room = 0
  for (const file of files) {
    const bin = made.at(-1)
    if (bin && file.size <= room && bin.length < mostFiles) bin.push(file)
    else {
      made.push([file])
      room = target
    }
    room -= file.size
  }
  return made
}

function bytes(files: readonly Add[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}
