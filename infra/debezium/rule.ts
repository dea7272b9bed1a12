// A setting of the connector or of the server that binlake's promises rest on, and what breaks it (cdc-spec §7).
// Guarantee: names of values are compared without regard to case, as Debezium, Kafka and the servers read them.
import type { Flavour } from './template.ts'

export interface Rule {
  setting: string
  /** For people: what it should be. */
  wanted: string
  safe: (value: string) => boolean
  why: string
  /** What applies when the setting is absent. Without it an absent setting is one that this version does not have. */
  byDefault?: string
  /** Absent: both. */
  flavour?: Flavour
  /** Whether other settings make the rule void. */
  unless?: (settings: ReadonlyMap<string, string>) => boolean
}

export interface Finding {
  setting: string
  /** The value in effect; `(default) …` when it is not set. */
  found: string
  wanted: string
  why: string
}

/** A rule that asks for one value. */
export function is(setting: string, wanted: string, why: string, more: Pick<Rule, 'byDefault' | 'flavour'> = {}): Rule {
  return { setting, wanted, why, safe: value => value.toLowerCase() === wanted.toLowerCase(), ...more }
}

/** What in `settings` breaks the rules that are for this flavour. Pure. */
export function broken(rules: readonly Rule[], settings: ReadonlyMap<string, string>, flavour: Flavour): Finding[] {
  return rules.flatMap(({ setting, wanted, safe, why, byDefault, flavour: only = flavour, unless }) => {
    const given = settings.get(setting)?.trim()
    const effective = byDefault === undefined ? given : given || byDefault
    if (effective === undefined || only !== flavour || unless?.(settings) || safe(effective)) return []
    const [nothing, none] = byDefault === undefined ? ['(empty)', '(empty)'] : [`(default) ${byDefault}`, '(not set)']
    return [{ setting, found: given || nothing, wanted: wanted || none, why }]
  })
}

/** One line a finding. */
export function describe(list: readonly Finding[]): string {
  return list.map(({ setting, found, wanted, why }) => `${setting} is ${found}, should be ${wanted}: ${why}`).join('\n')
}
