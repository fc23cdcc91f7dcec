/** Finds the server that an address means among its hosts: mostly the primary. */
import type { Socket } from 'node:net'
import postgres from 'postgres'
import { type DatabaseAddress, type Host, printHosts, type ServerKind } from './database-address.ts'
import { openPostgres } from './open-postgres.ts'
import { openSocket } from './open-socket.ts'

interface ServerState {
  readonly isStandby: boolean
  readonly isReadOnly: boolean
}

/**
 * A connection to the first host that can be reached, or to one that is of the kind that is asked for.
 * @throws whatever kept the host from being used; of several, an error that says it of each
 */
export async function openServer(address: DatabaseAddress): Promise<Socket> {
  const { hosts, server } = address
  if (server === 'any') return tryInTurn(hosts, (host) => openSocket(host, address))
  if (server !== 'prefer-standby') return openSocket(await findHost(address, server), address)
  const standby = await findHost(address, 'standby').catch(() => undefined)
  if (standby) return openSocket(standby, address)
  return tryInTurn(hosts, (host) => openSocket(host, address))
}

/** While a host is silent, those that have replied are asked again after so long. */
const askAgainMs = 500

/**
 * All are asked at once: one that is gone does not say so, and the others are not to wait for it. While it is silent, another one
 * may become what is wanted, as a standby does when its primary was cut off.
 */
async function findHost(address: DatabaseAddress, wanted: ServerKind): Promise<Host> {
  let found = false
  const silent = new Set(address.hosts)
  const findings = address.hosts.map(async (host) => {
    for (;;) {
      const state = await readServerState(host, address).finally(() => silent.delete(host))
      if (isWanted(state, wanted)) {
        found = true
        return host
      }
      if (found || silent.size === 0) throw new Error(kindOf(state))
      await new Promise((resolve) => setTimeout(resolve, askAgainMs))
    }
  })
  try {
    return await Promise.any(findings)
  } catch (error) {
    throw noneOf(
      address.hosts,
      (error as AggregateError).errors,
      wanted === 'primary' ? 'primary' : `${wanted} server`,
    )
  }
}

function kindOf({ isStandby, isReadOnly }: ServerState): string {
  return isStandby ? 'a standby' : isReadOnly ? 'read-only' : 'a primary'
}

function isWanted({ isStandby, isReadOnly }: ServerState, wanted: ServerKind): boolean {
  if (wanted === 'primary') return !isStandby
  if (wanted === 'standby') return isStandby
  return wanted === 'read-only' ? isReadOnly : !isReadOnly
}

/** A setting can make a primary read-only, and a standby has that setting off: so the server is asked what it is. */
async function readServerState(host: Host, address: DatabaseAddress): Promise<ServerState> {
  const watch = { maxSilenceSeconds: address.connectTimeoutSeconds, onUnfit: () => {} }
  const open = () => openSocket(host, address)
  const sql = openPostgres(address, open, watch, { max: 1, fetch_types: false })
  try {
    const [row] = await sql<[ServerState]>`
      select pg_is_in_recovery() as "isStandby",
        current_setting('transaction_read_only')::boolean as "isReadOnly"`
    return row
  } finally {
    void sql.end({ timeout: 1 })
  }
}

async function tryInTurn<T>(hosts: readonly Host[], open: (host: Host) => Promise<T>): Promise<T> {
  const errors: unknown[] = []
  for (const host of hosts) {
    try {
      return await open(host)
    } catch (error) {
      errors.push(error)
    }
  }
  throw noneOf(hosts, errors, 'server that can be reached')
}

/** @param errors one for each host */
function noneOf(hosts: readonly Host[], errors: readonly unknown[], wanted: string): Error {
  // A login that is refused is not a server that is away, whatever the others are.
  const refusal = errors.find((error) => error instanceof postgres.PostgresError)
  if (refusal instanceof Error) return refusal
  const [only] = errors
  if (errors.length === 1 && only instanceof Error && 'code' in only) return only
  const reasons = hosts.map((host, i) => `${printHosts({ hosts: [host] })}: ${reasonOf(errors[i])}`)
  const message = `found no ${wanted} among ${hosts.length} hosts (${reasons.join('; ')})`
  return Object.assign(new Error(message), { code: 'NO_SUCH_SERVER' })
}

function reasonOf(error: unknown): string {
  return error instanceof Error
    ? error.message || ('code' in error ? String(error.code) : error.name)
    : String(error)
}
