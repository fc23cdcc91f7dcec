/** Tests set the ledger's clock by a function of their own. `verify` would name it, so it is put back before. */
import type { Sql } from '../../src/ledger/connect.ts'
import ledgerNow from '../../src/ledger/sql/functions/ledger_now.sql' with { type: 'text' }
import type { Ledger } from './test-ledger.ts'

export async function putShippedClock(owner: Sql): Promise<void> {
  await owner.unsafe(ledgerNow)
}

/** The clock stands where the test has put it again afterwards. */
export async function withShippedClock<T>(ledger: Ledger, work: () => Promise<T>): Promise<T> {
  await putShippedClock(ledger.owner)
  try {
    return await work()
  } finally {
    await ledger.travelTo(ledger.now)
  }
}
