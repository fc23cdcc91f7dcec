/** Extends a hold, and asks again by the key as it is now where the ledger says it has changed. */

import { countedOf } from '../../../events/counted.ts'
import type { Sent } from '../../ledger/append/call-commands.ts'
import type { Refusal } from '../../problems/refusal.ts'
import { authorizeCall } from '../authorize/authorize.ts'
import type { Outcome } from '../outcome.ts'
import { changingTooFast } from '../refusals.ts'
import { holdSeconds } from './hold-time.ts'
import { maxAttempts, purchasePreconditions } from './purchase-preconditions.ts'
import { isShort, refusalOfVerdict } from './refusal-of-verdict.ts'
import type { CallToReserve, Terms } from './reservation.ts'
import type { ReserveDeps } from './reserve-deps.ts'
import type { Bound } from './take-dedicated-hold.ts'

/**
 * Adds to a hold, or with what it covers only lets it live longer, and says what was sent so far. The key must still be
 * allowed to make the call; the price stays the hold's. Returns the terms as they then are.
 * @param grown what it covers then, and what that costs
 */
export async function extendHold(
  deps: ReserveDeps,
  { requestId, request, route }: CallToReserve,
  terms: Terms,
  grown: Bound,
  sent: Sent | undefined,
): Promise<Outcome<{ readonly terms: Terms }>> {
  let { key } = terms
  const credits = grown.credits - terms.credits
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const result = await deps.appenderOf(key.shard).append({
      kind: 'extend',
      ...purchasePreconditions(key),
      requestId,
      endpoint: route.id,
      tariff: terms.tariff,
      credits,
      quantity: grown.quantity - terms.quantity,
      holdSeconds: holdSeconds(deps.config, route, terms.price),
      ...(sent && { sent }),
    })
    if (result.verdict === 'ok') {
      return { ok: true, terms: { ...terms, ...countedOf(grown), credits: grown.credits, key } }
    }
    if (result.verdict === 'hold_not_open') return { ok: false, refusal: holdExpired }
    if (isShort(result) && deps.leases.releaseLeases(key)) continue
    if (result.verdict !== 'stale_key') {
      const scale = deps.tariffs.peek(key.tariff)?.credits
      return { ok: false, refusal: refusalOfVerdict(result, credits, key, scale) }
    }
    const again = await authorizeCall(deps, terms.keyHash, route, request, 0)
    if (!again.ok) return again
    ;({ key } = again.authorized)
  }
  return { ok: false, refusal: changingTooFast }
}

const holdExpired: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The ledger could not be reached in time to keep the hold of this call.',
}
