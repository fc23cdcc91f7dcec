/** Opens one connection to one Redis server, with its TLS, its login and its database. It is never made again by itself. */
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import {
  printRedisHost,
  type RedisAddress,
  type RedisHost,
  type RedisLogin,
} from '../../config/redis-url.ts'

/** What it takes to connect to one server: a Redis, or a Sentinel. */
export interface RedisServer extends RedisHost {
  readonly login: RedisLogin
  readonly database: number
  readonly tls: RedisAddress['tls']
}

export interface RedisClient {
  readonly client: Redis
  /** Resolves with the reason when the connection is of no use any more. */
  readonly lost: Promise<Error>
  /** Ends the connection, with everything in flight on it, for this reason. Returns the first reason there was. */
  end(reason: unknown): Error
}

/** The server at this host, which takes what the address says of all of them. */
export function serverAt(host: RedisHost, { login, database, tls }: RedisAddress): RedisServer {
  return { ...host, login, database, tls }
}

/**
 * Connects and signs in. Nothing is queued for another connection, or sent again on one.
 * @throws Error with the server's or the system's own words, at the latest after `timeoutMs`
 */
export async function openRedisClient(
  server: RedisServer,
  timeoutMs: number,
): Promise<RedisClient> {
  const client = newClient(server, timeoutMs)
  const life = watchClient(client)
  const slow = new Error(`${printRedisHost(server)} did not respond within ${timeoutMs} ms`)
  const timer = setTimeout(() => life.end(slow), timeoutMs)
  const { login, database } = server
  try {
    await client.connect()
    if (login.password) {
      await client.call('AUTH', ...(login.username ? [login.username] : []), login.password)
    }
    if (database > 0) await client.call('SELECT', database)
    return { client, ...life }
  } catch (error) {
    // The library says "Connection is closed." for whatever closed it, which was heard before.
    throw life.end(error)
  } finally {
    clearTimeout(timer)
  }
}

/** Login and database are left to us: the library keeps to itself what the server says of them. */
function newClient({ host, port, tls }: RedisServer, connectTimeout: number): Redis {
  return new Redis({
    ...{ host, port, connectTimeout },
    ...(tls && { tls: tlsOptions(tls) }),
    // Names that lead to addresses of either kind.
    family: 0,
    lazyConnect: true,
    retryStrategy: null,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    enableAutoPipelining: false,
    disableClientInfo: true,
    protocol: 2,
  })
}

/** The files are read for each connection, so that a renewed certificate needs no restart. */
function tlsOptions({ rootCertificate, certificate, key }: NonNullable<RedisAddress['tls']>) {
  return {
    ...(rootCertificate && { ca: readFileSync(rootCertificate) }),
    ...(certificate && { cert: readFileSync(certificate) }),
    ...(key && { key: readFileSync(key) }),
  }
}

function watchClient(client: Redis): Pick<RedisClient, 'lost' | 'end'> {
  let failure: Error | undefined
  const lost = new Promise<Error>((resolve) => {
    client.on('error', (error: Error) => {
      failure ??= error
    })
    client.once('end', () => resolve(failure ?? new Error('Redis closed the connection')))
  })
  return {
    lost,
    end(reason) {
      failure ??= reason instanceof Error ? reason : new Error(String(reason))
      // disconnect() would first wait for a stopped Redis to say goodbye.
      client.stream?.destroy()
      return failure
    },
  }
}
