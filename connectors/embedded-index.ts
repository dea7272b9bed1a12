// A few waypoints per partition, so that a reader or a restarted writer need not walk the whole log file.
// Guarantee: a hint only; each waypoint is checked against the log before it is used, and the log works without any.
import { appendFileSync, readFileSync } from 'node:fs'

/** The frame with this offset starts at this byte. */
export interface Waypoint {
  offset: number
  position: number
}

const entryBytes = 16

export function indexFile(logFile: string): string {
  return `${logFile.slice(0, -'.log'.length)}.index`
}

/** In log order; a torn last entry is left out. */
export function readWaypoints(logFile: string): Waypoint[] {
  let bytes: Buffer
  try {
    bytes = readFileSync(indexFile(logFile))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const waypoints: Waypoint[] = []
  for (let at = 0; at + entryBytes <= bytes.length; at += entryBytes) {
    waypoints.push({ offset: bytes.readDoubleLE(at), position: bytes.readDoubleLE(at + 8) })
  }
  return waypoints
}

export function addWaypoint(logFile: string, { offset, position }: Waypoint): void {
  const bytes = Buffer.allocUnsafe(entryBytes)
  bytes.writeDoubleLE(offset, 0)
  bytes.writeDoubleLE(position, 8)
  appendFileSync(indexFile(logFile), bytes)
}
