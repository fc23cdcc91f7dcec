/**
 * A line between a gateway and PostgreSQL that can be cut after the server has done its work: what the
 * client sent arrives, the result does not. That is the case in which a gateway cannot know. It can also
 * swallow all that its connections carry, as when the machine at the other end is gone.
 */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface LossyLine {
  /** The database's URL by way of this line. */
  readonly url: string
  /** Results that were lost so far. */
  readonly lost: number
  /** Connections that neither side has ended. */
  readonly connections: number
  /** Loses the next result of the server, and the connection with it. */
  loseNextResult(): void
  /** From now on nothing passes on the connections that there are, and none of them ends; new ones are as good as before. */
  swallow(): void
  close(): Promise<void>
}

export async function openLossyLine(databaseUrl: string): Promise<LossyLine> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const swallowed = new Set<Socket>()
  let armed = false
  let lost = 0

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes) => void (swallowed.has(client) || upstream.write(bytes)))
    upstream.on('data', (bytes) => {
      if (swallowed.has(upstream)) return
      if (!armed) return client.write(bytes)
      armed = false
      lost++
      client.destroy()
      return upstream.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)

  return {
    url: url.href,
    get lost() {
      return lost
    },
    get connections() {
      return sockets.size / 2
    },
    loseNextResult() {
      armed = true
    },
    swallow() {
      for (const socket of sockets) swallowed.add(socket)
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
