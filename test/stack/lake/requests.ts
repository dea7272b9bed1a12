// A door in front of a server that counts what goes through: requests as they are on the wire, whatever the client calls them.
import { once } from 'node:events'
import { createServer, request } from 'node:http'

export interface CountingProxy {
  port: number
  /** `GET`, `PUT`, `LIST`, … of every request since the last call, in order. */
  taken(): string[]
  stop(): Promise<void>
}

/** Forwards to a port of this machine. A blob's signature does not cover host and port, so any client may go through. */
export async function countingProxy(port: number): Promise<CountingProxy> {
  const seen: string[] = []
  const server = createServer((incoming, outgoing) => {
    seen.push(incoming.url?.includes('comp=list') ? 'LIST' : incoming.method!)
    const { method, url, headers } = incoming
    const onward = request({ host: '127.0.0.1', port, ...(method ? { method } : {}), path: url, headers }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    taken: () => seen.splice(0),
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
