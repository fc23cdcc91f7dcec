/**
 * An upstream behind the gateway that responds as a test says. It records every request that it got, and bills are
 * compared with that record. `startUpstream` responds in HTTP; `startRawUpstream` writes bytes, to break HTTP.
 */
import { createServer, type Socket } from 'node:net'

/** A request that reached the upstream. */
export interface Executed {
  readonly requestId: string | null
  readonly method: string
  /** With the query, as it was sent. */
  readonly target: string
  readonly headers: Headers
  readonly body: Uint8Array
}

export type Script = (request: Executed) => Response | Promise<Response>

export interface Upstream {
  /** Without a slash at the end. */
  readonly url: string
  /** Everything executed since the last script was set, in the order of arrival. */
  readonly executed: readonly Executed[]
  /** Responds by this script from now on, and begins a new record. */
  respond(script: Script): void
  stop(): Promise<void>
}

/** Responds with `{"ok":true}` until a script is set. */
export function startUpstream(): Upstream {
  let executed: Executed[] = []
  let script: Script = () => Response.json({ ok: true })
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const { method, headers, url } = request
      const { pathname, search } = new URL(url)
      const body = await request.bytes()
      const requestId = headers.get('x-request-id')
      const one = { requestId, method, target: pathname + search, headers, body }
      executed.push(one)
      return script(one)
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    get executed() {
      return executed
    },
    respond(next) {
      script = next
      executed = []
    },
    stop: () => server.stop(true),
  }
}

/** Gets the socket and the head of a request when the whole request has arrived. */
export type RawScript = (socket: Socket, head: string) => void

export interface RawUpstream {
  readonly url: string
  /** Heads of the requests since the last script was set. */
  readonly heads: readonly string[]
  respond(script: RawScript): void
  stop(): Promise<void>
}

export async function startRawUpstream(): Promise<RawUpstream> {
  let heads: string[] = []
  let script: RawScript = (socket) => socket.destroy()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let received = ''
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (data) => {
      received += data.toString('latin1')
      const end = received.indexOf('\r\n\r\n')
      const announced = Number(/^content-length: (\d+)/im.exec(received)?.[1] ?? 0)
      if (end < 0 || received.length < end + 4 + announced) return
      const head = received.slice(0, end)
      received = received.slice(end + 4 + announced)
      heads.push(head)
      script(socket, head)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}`,
    get heads() {
      return heads
    },
    respond(next) {
      script = next
      heads = []
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
