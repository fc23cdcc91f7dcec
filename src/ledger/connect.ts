/**
 * Connections to the ledger's database. Everything stands in one schema. A connection takes the role of what is done over it,
 * whoever logged in, and can do nothing else then.
 */
import type postgres from 'postgres'
import { type Sum, toSum } from '../lib/sums.ts'
import type { DatabaseAddress } from './connection/database-address.ts'
import { openServer } from './connection/find-server.ts'
import { openPostgres } from './connection/open-postgres.ts'
import { parseDatabaseUrl } from './connection/parse-database-url.ts'
import { type Role, roleNames } from './roles.ts'

export type Sql = postgres.Sql<{ bigint: number }>

export const defaultSchema = 'tollbook'

export interface ConnectOptions {
  readonly url: string
  readonly schema?: string
  /** owner: as whoever logged in (migrations). */
  readonly as: 'owner' | Role
  /** What the server calls the connections, unless the URL says so; `tollbook` by default. */
  readonly name?: string
  /** Connections at most. */
  readonly max: number
  /** How long a statement waits for a lock. It ends the wait for a lock holder that has stopped. */
  readonly lockTimeoutMs?: number
  /** How long a statement may run. */
  readonly statementTimeoutMs?: number
  /**
   * A connection is given up when the server owes a reply and has sent nothing for so long. By default an hour, for statements
   * that compute for long; a gateway, whose statements are short, takes `gatewaySilenceSeconds`.
   */
  readonly maxSilenceSeconds?: number
}

/** Longer than an append waits for a lock (`lockTimeoutMs`), so that a server that replies is not taken for one that does not. */
export const gatewaySilenceSeconds = 15
const defaultSilenceSeconds = 3_600

/**
 * How long gateways and management commands wait for a lock: less than a gateway waits for a reply, so that what is given up is
 * not written long after.
 */
export const maxLockWaitMs = 10_000

/**
 * What every connection asks for, whatever the server, the database or the login has as its default. An append must see, once it has the
 * lock, what the append before it wrote.
 */
const sessionDefaults = {
  timezone: 'UTC',
  default_transaction_isolation: 'read committed',
  // Our statements are many and short, and what is turned off for their plans makes them look costly before version 18: compiled,
  // one that follows the log took ten times as long as it ran.
  jit: 'off',
  // Calls need a processor while a report is computed: it takes one, whatever the server has to give.
  max_parallel_workers_per_gather: 0,
} as const

/**
 * What is sold or decided is durable when its commit returns, whatever a login was told by an `alter role`, which whoever is logged
 * in may do. Who migrates or restores keeps what the server is set to, which `doctor` shows.
 */
const durableCommits = { synchronous_commit: 'on' } as const

/** Where a connection finds the ledger's tables and functions. */
export function searchPath(schema: string = defaultSchema): string {
  return `${schema}, pg_temp`
}

/** The server finds out within half a minute that a client has vanished, and ends its transaction and the locks in it. */
const vanishedClients = {
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 4,
  tcp_user_timeout: 30_000,
}

/**
 * Opens a pool. bigint columns arrive as numbers: positions and amounts are safe integers. numeric columns, which are sums, arrive
 * as Sum. Decoding never throws: it would end the connection, and with it the replies to others.
 * @throws BadConnectionString
 */
export function connect(options: ConnectOptions): Sql {
  const address = parseDatabaseUrl(options.url)
  return replaceWhenLost((onLost) => openPool(address, options, onLost))
}

function openPool(address: DatabaseAddress, options: ConnectOptions, onLost: () => void): Sql {
  const watch = {
    maxSilenceSeconds: options.maxSilenceSeconds ?? defaultSilenceSeconds,
    onUnfit: onLost,
  }
  return openPostgres(address, () => openServer(address), watch, {
    max: options.max,
    onclose: onLost,
    connection: {
      application_name: address.applicationName ?? options.name ?? 'tollbook',
      search_path: searchPath(options.schema),
      ...sessionDefaults,
      ...vanishedClients,
      ...(options.as === 'owner' ? {} : { role: roleNames[options.as], ...durableCommits }),
      ...(options.lockTimeoutMs ? { lock_timeout: options.lockTimeoutMs } : {}),
      ...(options.statementTimeoutMs ? { statement_timeout: options.statementTimeoutMs } : {}),
    },
    types: {
      bigint: { to: 20, from: [20], serialize: String, parse: parseBigint },
      numeric: { to: 1700, from: [1700], serialize: String, parse: parseNumeric },
    },
  }) as unknown as Sql
}

/** A value that is no safe integer fails where somebody counts with it as a number, and nowhere else. */
function parseBigint(text: string): number {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : (BigInt(text) as unknown as number)
}

/** Sums are numerics. */
function parseNumeric(text: string): Sum {
  return /^-?\d+$/.test(text) ? toSum(BigInt(text)) : text
}

/**
 * A pool that is replaced as soon as one of its connections is lost, or of no use. postgres.js remembers the last query of a
 * lost connection. When the server refuses the next attempt (because it is starting up, say), postgres.js attributes the
 * refusal to that query, reports it to nobody, and the connection stays unusable. A new pool does not have that query. What is
 * under way in the old pool may finish.
 */
function replaceWhenLost(open: (onLost: () => void) => Sql): Sql {
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
