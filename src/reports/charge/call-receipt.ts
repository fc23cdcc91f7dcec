/** What became of one call: what it was charged, or why it was refused. */
import type { Sql } from '../../ledger/connect.ts'
import { readStoredRefusal } from '../../ledger/refusals/stored-refusals.ts'
import { lookUpCharge } from './charge-lookup.ts'
import type { Charge } from './charge-shape.ts'

/** A call that was refused within the last day, before anything was held for it. */
export interface RefusedReceipt {
  readonly requestId: string
  readonly status: 'refused'
  readonly accountId: string
  readonly keyId: string
  readonly endpoint: string
  /** The code that its client read. */
  readonly reason: string
  /** What its client read beside the code, such as the credits that were missing. */
  readonly figures: Readonly<Record<string, number | string>>
  readonly refusedAt: string
}

export type CallReceipt = Charge | RefusedReceipt

/** @returns undefined when nothing is known of a call of this id, or it is another account's than the one that is given */
export async function readCallReceipt(
  sql: Sql,
  requestId: string,
  accountId?: string,
): Promise<CallReceipt | undefined> {
  const charge = await lookUpCharge(sql, requestId, accountId)
  if (charge) return charge
  const refusal = await readStoredRefusal(sql, requestId)
  if (!refusal || (accountId !== undefined && refusal.accountId !== accountId)) return undefined
  const { keyId, endpoint, reason, figures } = refusal
  return {
    ...{ requestId, status: 'refused', accountId: refusal.accountId, keyId, endpoint },
    ...{ reason, figures, refusedAt: refusal.refusedAt.toISOString() },
  }
}
