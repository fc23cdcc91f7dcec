/** The error of a ledger that cannot be reached, and how it is told from a request that is at fault. */
import postgres from 'postgres'

/** Why a ledger that replies takes nothing: see enter_shard.sql. */
export type LedgerFault = 'log_diverged' | 'clock_disagrees'

/** The ledger cannot be reached in time: there is no verdict, and nothing may be served. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable'
  /** The command was sent, and the ledger may still write it. Sent as a new command, it could be written twice. */
  readonly mayBeWritten: boolean

  constructor(message: string, options: ErrorOptions & { readonly mayBeWritten?: boolean } = {}) {
    super(message, options)
    this.mayBeWritten = options.mayBeWritten ?? false
  }
}

/**
 * Lost and refused connections (class 08), a transaction that lost to another one (40), a server without room (53), one that
 * starts, stops or was told to stop a statement (57), a lock that was not granted in time, a database that takes no
 * connections (55000), a server that only reads, and a connection whose transaction has failed already.
 */
const serverCodes = /^(08|40|53|57|55000|55P03|25006|25P02)/
const clientCodes = new Set([
  'CONNECT_TIMEOUT',
  'NO_SUCH_SERVER',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
])

/** Whether the ledger cannot be reached, so that trying again may help. false: the request itself is at fault. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof LedgerUnavailable) return true
  if (error instanceof postgres.PostgresError) {
    // After a fatal error the server ends the connection, or has not let it begin.
    return isFatal(error) || serverCodes.test(error.code)
  }
  return error instanceof Error && 'code' in error && clientCodes.has(String(error.code))
}

/** Whether the database refused something, or cannot be reached: the program that asked is not at fault by itself. */
export function isOfDatabase(error: unknown): boolean {
  return error instanceof postgres.PostgresError || isUnavailable(error)
}

/** A statement was ended because it ran as long as its connection lets it. */
export function isStatementTimeout(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === '57014'
}

function isFatal({ severity }: postgres.PostgresError): boolean {
  return severity === 'FATAL' || severity === 'PANIC'
}

/** The ledger cannot write a command, whatever is sent beside it: something in it is at fault. Nothing of it was written. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused'
}
