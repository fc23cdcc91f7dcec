/** What the client library is told of an address. It gets its sockets ready made: see open-socket.ts. */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import postgres from 'postgres'
import type { DatabaseAddress } from './database-address.ts'
import { type Watch, watchSocket } from './watch-socket.ts'

type Options = postgres.Options<Record<string, postgres.PostgresType>>

/**
 * Opens a pool of the client library.
 * @param open connects it; called for each connection
 */
export function openPostgres(
  address: DatabaseAddress,
  open: () => Promise<Socket>,
  watch: Watch,
  options: Options,
): postgres.Sql {
  const { hosts, user, password, database, connectTimeoutSeconds, keepAliveSeconds } = address
  return withoutVariable('PGTARGETSESSIONATTRS', () =>
    postgres({
      // Of several hosts, the library would try the next without an end and tell nobody.
      host: [hosts.map(({ name }) => name).join(',')],
      port: [hosts[0]?.port ?? 0],
      ssl: false,
      connect_timeout: connectTimeoutSeconds,
      keep_alive: keepAliveSeconds,
      onnotice: () => {},
      ...{ user, password, database, ...options },
      connection: {
        ...(address.options === undefined ? {} : { options: address.options }),
        ...options.connection,
      },
      // The library forgets a connection whose socket it does not get, so a failure is a socket that fails.
      socket: async () => {
        try {
          const socket = await open()
          watchSocket(socket, watch)
          return socket
        } catch (error) {
          return failingSocket(error as Error)
        }
      },
    } as Options),
  )
}

function failingSocket(error: Error): Duplex {
  const socket = new Duplex({ read() {}, write: (_, __, done) => done() })
  setImmediate(() => socket.destroy(error))
  return socket
}

/** The library would read this variable, and refuse values of it. Ours has read it already. */
function withoutVariable<T>(name: string, work: () => T): T {
  const value = process.env[name]
  delete process.env[name]
  try {
    return work()
  } finally {
    if (value !== undefined) process.env[name] = value
  }
}
