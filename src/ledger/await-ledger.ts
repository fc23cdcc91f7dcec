/** Waiting for the ledger's reply to a question that a call asks. */
import pTimeout from 'p-timeout'
import { LedgerUnavailable } from './unavailable.ts'

/**
 * The value of `reply`, which is waited for `timeoutMs` at most.
 *
 * @throws LedgerUnavailable when the reply fails or takes longer
 */
export async function awaitLedger<T>(timeoutMs: number, reply: Promise<T>): Promise<T> {
  try {
    return await pTimeout(withoutCancel(reply), {
      milliseconds: timeoutMs,
      fallback() {
        throw new LedgerUnavailable(`no reply within ${timeoutMs} ms`)
      },
    })
  } catch (error) {
    if (error instanceof LedgerUnavailable) throw error
    throw new LedgerUnavailable('the ledger did not reply', { cause: error })
  }
}

/** A promise that p-timeout cannot cancel: a query of postgres.js has `cancel()`, and PostgreSQL reports a cancelled commit as done. */
async function withoutCancel<T>(query: Promise<T>): Promise<T> {
  return await query
}
