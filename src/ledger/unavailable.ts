/** Tells a ledger that cannot be reached from a request that is wrong, in one place. */
import postgres from 'postgres'
import { LedgerUnavailable } from './append/call-commands.ts'

/** Lost and refused connections, servers that start or stop, no more connections, a lock that was not got. */
const serverCodes = /^(08|57P0|53|55P03|25006)/
const clientCodes = new Set([
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
])

/** Whether an error means that the ledger gave no answer, so that asking again later may help. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof LedgerUnavailable) return true
  if (error instanceof postgres.PostgresError) return serverCodes.test(error.code)
  return error instanceof Error && 'code' in error && clientCodes.has(String(error.code))
}
