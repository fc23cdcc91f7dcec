/** The connection to one master, made again whenever it is lost, and how far back that master is trusted. */
import type { connectToRedis, RedisConnection } from './redis-connection.ts'
import { type RedisTrust, trustIn } from './redis-trust.ts'

const reconnectAfterMs = 250

export interface RedisNode {
  /** Resolves after the first attempt to connect. */
  readonly ready: Promise<void>
  readonly connection: RedisConnection | undefined
  /** Since when it has certainly kept its memory; undefined: it has not been seen yet. */
  readonly trustedSinceMs: number | undefined
  close(): Promise<void>
}

/**
 * @param connect makes a connection to it
 * @param isOnlyGateway whether no call can have been admitted beside Redis (see redis-trust.ts)
 * @param onLost is told why there is no connection, at each attempt
 */
export function keepConnected(
  connect: () => ReturnType<typeof connectToRedis>,
  isOnlyGateway: () => boolean,
  onFound: () => void,
  onLost: (error: unknown) => void,
): RedisNode {
  let connection: RedisConnection | undefined
  let trust: RedisTrust | undefined
  let isClosed = false
  let nextAttempt: ReturnType<typeof setTimeout> | undefined

  async function tryToConnect(): Promise<void> {
    try {
      const connected = await connect()
      if (isClosed) return connected.close()
      adopt(connected)
    } catch (error) {
      retryLater(error)
    }
  }

  function adopt(connected: RedisConnection): void {
    trust = trustIn(connected.identity, trust, performance.now(), isOnlyGateway())
    connection = connected
    onFound()
    connected.lost.then((reason) => {
      connection = undefined
      retryLater(reason)
    })
  }

  function retryLater(error: unknown): void {
    if (isClosed) return
    onLost(error)
    nextAttempt = setTimeout(tryToConnect, reconnectAfterMs)
  }

  return {
    ready: tryToConnect(),
    get connection() {
      return connection
    },
    get trustedSinceMs() {
      return trust?.trustedSinceMs
    },
    async close() {
      isClosed = true
      clearTimeout(nextAttempt)
      connection?.close()
      await connection?.lost
    },
  }
}
