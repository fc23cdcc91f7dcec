/** A question to the ledger, waited for no longer than its asker can. */
import { LedgerUnavailable } from './append/call-commands.ts'

/** The promise's value, or LedgerUnavailable when it fails or takes longer. */
export async function awaitLedger<T>(deadlineMs: number, promise: Promise<T>): Promise<T> {
  let timer: Timer | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new LedgerUnavailable(`no answer within ${deadlineMs} ms`)),
      deadlineMs,
    )
  })
  try {
    return await Promise.race([promise, late])
  } catch (error) {
    if (error instanceof LedgerUnavailable) throw error
    throw new LedgerUnavailable('the ledger did not answer', { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
