// Money inside the simulation is whole cents; rows hold it as MySQL prints DECIMAL(12,2).
// Guarantee: no binary fraction ever touches an amount.

/** `12.30` of 1230. */
export function moneyText(cents: number): string {
  const whole = Math.floor(Math.abs(cents) / 100)
  const rest = Math.abs(cents) % 100
  return `${cents < 0 ? '-' : ''}${whole}.${rest < 10 ? '0' : ''}${rest}`
}

/** 1230 of `12.30`; the text must have two decimals, as DECIMAL(12,2) prints. */
export function centsOf(text: string): number {
  if (!/^-?\d+\.\d\d$/.test(text)) throw new RangeError('not an amount as MySQL prints DECIMAL(12,2)')
  return Number(text.replace('.', ''))
}
