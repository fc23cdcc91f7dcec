/**
 * A line between a gateway and PostgreSQL that can be cut after the server has done its work: what the
 * client sent arrives, the result does not. That is the case in which a gateway cannot know.
 */

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface LossyLine {
  /** The database's URL by way of this line. */
  readonly url: string
  /** Results that were lost so far. */
  readonly lost: number
  /** Loses the next result of the server, and the connection with it. */
  loseNextResult(): void
  close(): Promise<void>
}

export async function openLossyLine(databaseUrl: string): Promise<LossyLine> {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
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
    client.on('data', (bytes) => upstream.write(bytes))
    upstream.on('data', (bytes) => {
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
    loseNextResult() {
      armed = true
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
