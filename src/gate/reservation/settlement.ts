/** What becomes of a hold: settled or released, once. Of a place on a standing hold: the call is bought, or failed. */

import type { Appender } from '../../ledger/append/appender.ts'
import type { AppendResult, TerminatedBy, Verdict } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-for-calls.ts'
import type { Place } from './lease-manager.ts'
import { purchasePreconditions } from './purchase-preconditions.ts'

/** A hold that was granted. */
export interface OpenHold {
  readonly requestId: string
  readonly key: KeyRecord
  readonly endpoint: string
  readonly tariff: string
  readonly credits: number
  readonly quantity: number
  /** When the call began, on the monotonic clock. */
  readonly startedAtMs: number
  readonly place?: Place
}

export interface Used {
  readonly credits: number
  readonly quantity: number
  readonly status: number
  readonly shortfall?: number
  readonly terminatedBy?: TerminatedBy
  readonly alreadyDelivered?: true
}

/**
 * Charges what was used. Throws when the charge is not durable; the answer must not be sent then.
 * @throws NotBought when the call ran on a standing hold and the ledger does not sell it so: nothing is written
 */
export async function settle(
  appender: Appender,
  hold: OpenHold,
  used: Used,
): Promise<AppendResult> {
  if (hold.place?.standing) return buy(appender, hold, used)
  const answer = await appender.append({ kind: 'settle', ...reference(hold), ...used })
  if (answer.verdict !== 'ok') throw new SettlementRefused(answer.verdict)
  return answer
}

async function buy(
  appender: Appender,
  hold: OpenHold,
  { credits, quantity, status }: Used,
): Promise<AppendResult> {
  const standing = hold.place?.standing
  if (!standing) throw new TypeError('the call runs on no standing hold')
  while (standing.renewing) await standing.renewing
  const askedAtMs = performance.now()
  const answer = await appender.append({
    kind: 'charge_on_lease',
    ...reference(hold),
    ...purchasePreconditions(hold.key),
    ...{ lease: standing.holdId, credits, quantity, status },
  })
  if (answer.verdict === 'ok') return standing.sold(answer, askedAtMs)
  // What the standing hold has is enough for what runs on it.
  if (answer.verdict !== 'insufficient_credits') standing.refused()
  throw new NotBought(answer.verdict)
}

/**
 * Frees the hold uncharged. Resolves to undefined when the ledger cannot be reached: the hold then stays
 * until it expires, which frees it too.
 */
export async function release(
  appender: Appender,
  hold: OpenHold,
  reason: string,
  status?: number,
): Promise<AppendResult | undefined> {
  const standing = hold.place?.standing
  try {
    while (standing?.renewing) await standing.renewing
    const answer = await appender.append({
      ...(standing
        ? { kind: 'void_on_lease', lease: standing.holdId, quantity: hold.quantity }
        : { kind: 'release' }),
      ...reference(hold),
      reason,
      ...(status === undefined ? {} : { status }),
    })
    if (answer.verdict !== 'ok') return undefined
    return standing ? standing.failed(answer) : answer
  } catch {
    return undefined
  }
}

/** The ledger does not settle the hold; nothing is written. `hold_not_open`: it has expired meanwhile. */
export class SettlementRefused extends Error {
  override readonly name = 'SettlementRefused'
  readonly verdict: Verdict

  constructor(verdict: Verdict) {
    super(verdict)
    this.verdict = verdict
  }
}

/** The key, its price or its credits are not any more what the call began with, or the standing hold is gone. */
export class NotBought extends Error {
  override readonly name = 'NotBought'
  readonly verdict: Verdict

  constructor(verdict: Verdict) {
    super(verdict)
    this.verdict = verdict
  }
}

function reference({ requestId, key, endpoint, tariff, startedAtMs }: OpenHold) {
  return {
    requestId,
    accountId: key.accountId,
    keyId: key.keyId,
    mode: key.mode,
    endpoint,
    tariff,
    actor: `key:${key.keyId}`,
    latencyMs: Math.round(performance.now() - startedAtMs),
  }
}
