// Is a live connector safe to read from? Asked by `up` before it calls a stack ready, and by `doctor`.
// Guarantee: judges what Connect runs now, not what a file says.
import { StackError } from '../stack-error.ts'
import { connectRequest } from './connect-api.ts'
import { connectorFindings } from './connector-rules.ts'
import type { Finding } from './rule.ts'

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
  return connectorFindings(config)
}
