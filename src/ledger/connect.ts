/**
 * Connections to the ledger's database. Everything stands in one schema. A serving connection takes the serving role, whoever
 * logged in: that role can read and execute the ledger's functions, and nothing else.
 */
import postgres from 'postgres'

export type Sql = postgres.Sql<{ bigint: number }>

export const defaultSchema = 'tollbook'
export const servingRole = 'tollbook_gateway'

export interface ConnectOptions {
  readonly url: string
  readonly schema?: string
  /** owner: as whoever logged in (migrations); serving: as the serving role. */
  readonly as: 'owner' | 'serving'
  /** Connections at most. */
  readonly max: number
  /** How long a statement waits for a lock. It ends the wait for a lock holder that has stopped. */
  readonly lockTimeoutMs?: number
  /** How long a statement may run. */
  readonly statementTimeoutMs?: number
}

/**
 * Opens a pool. bigint columns arrive as numbers: positions and amounts are safe integers, and a value that is none is an error
 * rather than a rounded figure.
 */
export function connect(options: ConnectOptions): Sql {
  return replaceWhenLost((onclose) => openPool(options, onclose))
}

function openPool(options: ConnectOptions, onclose: () => void): Sql {
  return postgres(options.url, {
    max: options.max,
    connect_timeout: 5,
    onclose,
    onnotice: () => {},
    connection: {
      application_name: 'tollbook',
      search_path: `${options.schema ?? defaultSchema}, pg_temp`,
      timezone: 'UTC',
      ...(options.as === 'serving' ? { role: servingRole } : {}),
      ...(options.lockTimeoutMs ? { lock_timeout: options.lockTimeoutMs } : {}),
      ...(options.statementTimeoutMs ? { statement_timeout: options.statementTimeoutMs } : {}),
    },
    types: {
      bigint: { to: 20, from: [20], serialize: String, parse: safeInteger },
    },
  }) as unknown as Sql
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`beyond a safe integer: ${text}`)
  return value
}

/**
 * A pool that is replaced as soon as one of its connections is lost. postgres.js remembers the last query of a lost
 * connection. When the server refuses the next attempt (because it is starting up, say), postgres.js attributes the refusal to
 * that query, reports it to nobody, and the connection stays unusable. A new pool does not have that query. What is under way
 * in the old pool may finish.
 */
function replaceWhenLost(open: (onclose: () => void) => Sql): Sql {
  let ended = false
  let current = openNext()

  function openNext(): Sql {
    const pool = open(() => {
      if (ended || current !== pool) return
      current = openNext()
      void pool.end({ timeout: 5 })
    })
    return pool
  }

  return new Proxy(current, {
    apply: (_, __, args) => Reflect.apply(current, undefined, args),
    get(_, name) {
      if (name === 'end') ended = true
      return Reflect.get(current, name)
    },
  })
}
