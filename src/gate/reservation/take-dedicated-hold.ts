/** Asks the ledger for a hold of a call's own, and again by the key as it is now where the ledger says it has changed. */
import { maxAmount } from '../../../events/bounds.ts'
import { type Counted, countedOf } from '../../../events/counted.ts'
import type { AppendResult, Claim, Hold } from '../../ledger/append/call-commands.ts'
import type { KeyRecord } from '../../ledger/read/read-key-by-hash.ts'
import { newRequestId } from '../../lib/ids.ts'
import { boundOf, unknownRate } from '../../pricing/counting.ts'
import { creditsUpTo } from '../../pricing/price-arithmetic.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { type AuthorizedCall, authorizeCall } from '../authorize/authorize.ts'
import type { Outcome } from '../outcome.ts'
import { changingTooFast, clocksDisagree, withoutRate } from '../refusals.ts'
import { holdSeconds } from './hold-time.ts'
import { maxAttempts, purchasePreconditions } from './purchase-preconditions.ts'
import { isShort, refusalOfVerdict } from './refusal-of-verdict.ts'
import { type CallToReserve, type Terms, tiersOf } from './reservation.ts'
import type { ReserveDeps } from './reserve-deps.ts'

/** What the ledger said to a hold. */
export type HoldResult =
  | { readonly kind: 'held'; readonly terms: Terms }
  /** The work was done under an earlier hold of the same claim, and its response is stored. */
  | { readonly kind: 'resumed'; readonly terms: Terms; readonly claim: Claim }
  | Replay

/** The call was made and charged before: nothing is held now. */
export interface Replay {
  readonly kind: 'replay'
  readonly key: KeyRecord
  readonly result: AppendResult
  readonly claim: Claim
}

/** The most that a call can use, and what that costs. */
export interface Bound extends Counted {
  readonly credits: number
}

/** A cost of more than one call can have is a little more, so that the ledger refuses it. */
export function upperBound(price: PriceRule, content: RequestContent): Outcome<{ bound: Bound }> {
  const unknown = unknownRate(price, content)
  if (unknown) return { ok: false, refusal: withoutRate(unknown) }
  const counted = boundOf(price, content)
  const credits = creditsUpTo(price, counted, maxAmount + 1)
  return { ok: true, bound: { ...counted, credits } }
}

/** @param appendFirst appends the hold the first time, where that has to be done in a special way */
export async function takeDedicatedHold(
  deps: ReserveDeps,
  authorized: AuthorizedCall,
  call: CallToReserve,
  bound: Bound,
  appendFirst?: (hold: Hold) => Promise<AppendResult>,
): Promise<Outcome<HoldResult>> {
  let by = authorized
  let most = bound
  let append = appendFirst
  let isNamedAnew = false
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { key, price, plan } = by
    const command = holdCommand(deps, by, call, most)
    const result = await (append ?? deps.appenderOf(key.shard).append)(command)
    switch (result.verdict) {
      case 'ok':
      case 'resumed': {
        const { keyHash } = by
        const { claim } = call
        const counted = { ...countedOf(most), credits: result.credits ?? most.credits }
        const terms = { keyHash, key, price, tariff: key.tariff, plan, ...counted, claim, result }
        if (result.verdict === 'ok') return { ok: true, kind: 'held', terms }
        return { ok: true, kind: 'resumed', terms, claim: requireClaim(call) }
      }
      case 'replay':
        return { ok: true, kind: 'replay', key, result, claim: requireClaim(call) }
      case 'stale_key':
      case 'stale_tariff':
      case 'stale_plan': {
        const again = await authorizeCall(deps, by.keyHash, call.route, call.request, 0)
        if (!again.ok) return again
        by = again.authorized
        const anew = upperBound(by.price, call.content)
        if (!anew.ok) return anew
        most = anew.bound
        append = undefined
        break
      }
      case 'request_out_of_time': {
        if (isNamedAnew) return { ok: false, refusal: clocksDisagree }
        isNamedAnew = true
        nameCall(deps, key, call)
        append = undefined
        break
      }
      default: {
        if (isShort(result) && deps.leases.releaseLeases(key)) {
          append = undefined
          break
        }
        return {
          ok: false,
          refusal: refusalOfVerdict(result, most.credits, key, by.tariff.credits),
        }
      }
    }
  }
  return { ok: false, refusal: changingTooFast }
}

/** Gives the call an id of the ledger's time, which opens its hold or ends it on a lease. */
export function nameCall({ appenderOf }: ReserveDeps, { shard }: KeyRecord, call: CallToReserve) {
  call.requestId = newRequestId(appenderOf(shard).ledgerNowMs)
}

function holdCommand(
  { config }: ReserveDeps,
  { key, price, plan }: AuthorizedCall,
  { requestId, route, claim }: CallToReserve,
  bound: Bound,
): Hold {
  return {
    kind: 'hold',
    ...purchasePreconditions(key),
    requestId,
    endpoint: route.id,
    tariff: key.tariff,
    plan,
    tiered: tiersOf(price),
    credits: bound.credits,
    ...countedOf(bound),
    holdSeconds: holdSeconds(config, route, price),
    ...(claim && { claim }),
  }
}

/** The ledger resumes and replays only what has a claim. */
function requireClaim({ claim }: CallToReserve): Claim {
  if (!claim) throw new TypeError('a call without an Idempotency-Key repeats no other call')
  return claim
}
