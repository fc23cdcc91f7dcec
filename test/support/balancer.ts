/**
 * A load balancer as small as one can be: it passes on connections, in turn, to the gateways whose /ready says
 * that they can serve, asks again all the time, and retries nothing.
 */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { until } from './until.ts'

export interface Balancer {
  readonly url: string
  /** Takes a gateway in; resolves when it gets connections. */
  add(gatewayUrl: string): Promise<void>
  /** Forgets a gateway that has ended. */
  remove(gatewayUrl: string): void
  stop(): Promise<void>
}

const askEveryMs = 20

export async function startBalancer(): Promise<Balancer> {
  const gateways = new Map<string, { ready: boolean }>()
  const sockets = new Set<Socket>()
  let stopped = false
  let turn = 0

  const server = createServer((client) => {
    const ready = [...gateways].filter(([, gateway]) => gateway.ready).map(([url]) => url)
    const url = ready[turn++ % ready.length]
    if (url === undefined) return void client.destroy()
    const { hostname, port } = new URL(url)
    const gateway = connect(Number(port), hostname)
    for (const [socket, other] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      sockets.add(socket)
      socket.on('data', (bytes) => other.write(bytes))
      socket.on('error', () => {})
      // What was read before the end is written before it, too.
      socket.on('close', () => {
        sockets.delete(socket)
        other.end()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  async function watch(url: string): Promise<void> {
    for (;;) {
      const response = await fetch(`${url}/ready`, { keepalive: false }).catch(() => undefined)
      await response?.body?.cancel()
      const gateway = gateways.get(url)
      if (stopped || gateway === undefined) return
      gateway.ready = response?.status === 200
      await Bun.sleep(askEveryMs)
    }
  }

  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    async add(url) {
      gateways.set(url, { ready: false })
      void watch(url)
      await until(() => gateways.get(url)?.ready === true)
    },
    remove: (url) => void gateways.delete(url),
    async stop() {
      stopped = true
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
