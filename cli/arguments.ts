// Reads the arguments of flags; commander turns what is thrown here into a usage message.
import { InvalidArgumentError } from 'commander'

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A whole number, `min` or more. */
export function whole(min = 0): (text: string) => number {
  return text => {
    const value = Number(text.replaceAll('_', ''))
    if (!/^[\d_]+$/.test(text) || value < min) throw new InvalidArgumentError(`expected a whole number, ${min} or more`)
    return value
  }
}

/** A number of seconds above zero. */
export function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('expected a number of seconds above 0')
  return value
}

/** `500ms`, `30s`, `5m`, `1h`, `2d` in milliseconds. */
export function duration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? []
  if (!amount || !unit) throw new InvalidArgumentError('expected a duration such as 500ms, 30s, 5m, 1h or 2d')
  return Number(amount) * unitMs[unit]!
}

/** Collects a flag that may be repeated. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}
