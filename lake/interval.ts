// Durations as Delta's table properties write them: `interval 1 week`, `interval 36 hours`.

const units: Record<string, number> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
}

/** Milliseconds that a table keeps removed files: as its property says, else Delta's default. */
export function fileRetention({ configuration }: { configuration: Record<string, string> }): number {
  return intervalMs(configuration['delta.deletedFileRetentionDuration'] ?? '') ?? units.week!
}

/** Milliseconds of a duration property; undefined if the text is not one we understand (months and years have no fixed length). */
export function intervalMs(text: string): number | undefined {
  const parts = text
    .trim()
    .toLowerCase()
    .replace(/^interval\s+/, '')
    .split(/\s+/)
  if (parts.length < 2 || parts.length % 2 !== 0) return undefined
  let total = 0
  for (let i = 0; i < parts.length; i += 2) {
    const unit = units[parts[i + 1]!.replace(/s$/, '')]
    if (!/^\d+$/.test(parts[i]!) || unit === undefined) return undefined
    total += Number(parts[i]) * unit
  }
  return total
}
