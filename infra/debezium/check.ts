// Is a live connector safe to read from? Asked by `up` before it calls a stack ready, and by `doctor`.
// Guarantee: judges what Connect runs now, not what a file says.
import { StackError } from '../stack-error.ts'
import { connectRequest } from './connect-api.ts'
import { applies, rules } from './rules.ts'

export interface Finding {
  setting: string
  /** The value in effect; `(default) …` when it is not set. */
  found: string
  wanted: string
  why: string
}

/** Findings of connector `name`, none when it is safe. Throws CONNECT_UNREACHABLE, or CONNECT_REFUSED if there is no such connector. */
export async function checkConnector(
  connectUrl: string,
  name: string,
  options: { signal?: AbortSignal } = {},
): Promise<Finding[]> {
  const config = await connectRequest<Record<string, string>>(
    connectUrl,
    `/connectors/${encodeURIComponent(name)}/config`,
    options,
  )
  if (!config) throw new StackError('CONNECT_REFUSED', `Kafka Connect at ${new URL(connectUrl).origin} has no connector ${name}`)
  return findings(config)
}

/** The rules that `config` breaks. Pure. */
export function findings(config: Record<string, string>): Finding[] {
  return rules.flatMap(rule => {
    const value = config[rule.setting]
    const effective = value?.trim() || rule.byDefault
    if (!applies(rule, config) || rule.safe(effective)) return []
    const found = value?.trim() ? value : `(default) ${rule.byDefault}`
    return [{ setting: rule.setting, found, wanted: rule.wanted || '(not set)', why: rule.why }]
  })
}

/** One line a finding. */
export function describe(list: readonly Finding[]): string {
  return list.map(({ setting, found, wanted, why }) => `${setting} is ${found}, should be ${wanted}: ${why}`).join('\n')
}
