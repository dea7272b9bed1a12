// A TCP proxy before Azurite that understands just enough HTTP to lose what a test wants lost.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

/** What happens to a request: it passes; its answer is lost on the way back; the server is not asked; nobody answers; an answer of the proxy's own. */
export type Fate = 'pass' | 'lose-answer' | 'refuse' | 'hang' | 'half-body' | { status: number; headers?: Record<string, string> }

export interface FlakyProxy {
  port: number
  /** Requests so far, as `PUT /path`. */
  seen: string[]
  close(): Promise<void>
}

/** `fate` is asked for each request; the number counts the requests of that method and path from 1. */
export async function flakyProxy(target: number, fate: (request: IncomingMessage, nth: number) => Fate): Promise<FlakyProxy> {
  const seen: string[] = []
  const server = createServer((incoming, answer) => {
    const name = `${incoming.method} ${incoming.url!.split('?')[0]}`
    seen.push(name)
    serve(fate(incoming, seen.filter(one => one === name).length), { target, incoming, answer })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as { port: number }).port,
    seen,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

type Exchange = { target: number; incoming: IncomingMessage; answer: ServerResponse }

function serve(fate: Fate, { target, incoming, answer }: Exchange): void {
  if (fate === 'hang') return
  if (fate === 'refuse') {
    incoming.socket.destroy()
    return
  }
  if (typeof fate === 'object') {
    incoming.resume()
    answer.writeHead(fate.status, fate.headers).end()
    return
  }
  const { method, url, headers } = incoming
  const onward = request({ port: target, host: '127.0.0.1', method, path: url, headers }, reply => {
    if (fate === 'lose-answer') {
      reply.resume().on('end', () => incoming.socket.destroy())
      return
    }
    answer.writeHead(reply.statusCode!, reply.headers)
    if (fate === 'half-body') reply.once('data', (chunk: Buffer) => answer.write(chunk.subarray(0, chunk.length / 2)))
    else reply.pipe(answer)
  })
  onward.on('error', () => incoming.socket.destroy())
  incoming.pipe(onward)
}
