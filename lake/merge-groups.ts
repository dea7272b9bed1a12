// Which touched files of a merge are written anew together (lake-spec §4).
// Guarantee: pure; every file is in exactly one group, and a group of several is never larger than what one sort holds easily.
import type { FileSize } from './file-size.ts'

export interface TouchedFile {
  path: string
  size: number
  /** Its range begins before that of a touched file before it ends. */
  overlaps: boolean
  /** No file that stays lies between it and the touched file before it. */
  adjacent: boolean
}

/** Bytes of the files written together at most, unless one alone is larger. Sorted they take some ten times as much memory. */
const mostTogether = 64e6

/**
 * Files come in the order of their keys. Overlapping ones go together, so that what they are written into does not overlap any more;
 * so do small neighbours. All others are written one by one.
 */
export function mergeGroups(files: readonly TouchedFile[], size: FileSize): string[][] {
  const groups: { paths: string[]; bytes: number }[] = []
  for (const file of files) {
    const last = groups.at(-1)
    const small = last && (file.size < size.joinBelow || last.bytes < size.joinBelow)
    const together = last && (file.overlaps || (file.adjacent && small))
    if (together && last.bytes + file.size <= Math.max(mostTogether, size.splitAt)) {
      last.paths.push(file.path)
      last.bytes += file.size
    } else groups.push({ paths: [file.path], bytes: file.size })
  }
  return groups.map(({ paths }) => paths)
}
