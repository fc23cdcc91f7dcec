import postgres from 'postgres'
import { LedgerUnavailable } from './append/call-commands.ts'

/** Lost and refused connections, servers that start or stop, too many connections, a lock that was not granted in time. */
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

/** Whether an error means that the ledger cannot be reached, so that trying again later may help; or the request was wrong. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof LedgerUnavailable) return true
  if (error instanceof postgres.PostgresError) return serverCodes.test(error.code)
  return error instanceof Error && 'code' in error && clientCodes.has(String(error.code))
}
