// The end of a test's own connector: it, where it read, and its topics are gone.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@platformatic/kafka'
import { type ConnectorStatus, connectRequest } from '../../../infra/debezium/connect-api.ts'

/** `ours` tells the topics that go with it. Throws when the connector has not stopped within a minute. */
export async function removeConnector(
  connectUrl: string,
  name: string,
  { admin, ours }: { admin: Admin; ours: (topic: string) => boolean },
): Promise<void> {
  const path = `/connectors/${name}`
  await connectRequest(connectUrl, `${path}/stop`, { method: 'PUT' })
  const deadline = performance.now() + 60_000
  const state = async () => (await connectRequest<ConnectorStatus>(connectUrl, `${path}/status`))?.connector.state
  while ((await state()) !== 'STOPPED') {
    if (performance.now() > deadline) throw new Error(`connector ${name} does not stop`)
    await sleep(100)
  }
  // Connect remembers how far a connector got by its name, even after it has gone.
  await connectRequest(connectUrl, `${path}/offsets`, { method: 'DELETE' })
  await connectRequest(connectUrl, path, { method: 'DELETE' })
  await removeTopics(admin, ours)
}

export async function removeTopics(admin: Admin, ours: (topic: string) => boolean): Promise<void> {
  const topics = (await admin.listTopics({ includeInternals: true })).filter(ours)
  if (topics.length > 0) await admin.deleteTopics({ topics })
}
