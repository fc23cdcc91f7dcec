/**
 * Who may pass. The gate finds the key, judges the call, takes a place in the rate windows and, for a
 * priced call, asks the ledger for a hold. The ledger has the last word: when it says that the gate decided
 * by an old version of the key or the tariff, the gate reads again and decides again. Nothing is refused
 * from a state older than a second either.
 */

import type { Config, Route } from '../config/config.ts'
import type { Tariff } from '../config/tariff.ts'
import type { Appender } from '../ledger/append/appender.ts'
import type { AppendResult, Claim, Verdict } from '../ledger/append/call-commands.ts'
import type { KeyRecord } from '../ledger/read/read-for-calls.ts'
import { isMetered, type PriceRule } from '../pricing/price-rule.ts'
import { type Refusal, unknownKey } from '../problems/refusal.ts'
import { type KeyCache, ledgerTime } from './authenticate/key-cache.ts'
import { hashKey, type KeyPrefixes, parseKey } from './authenticate/key-format.ts'
import { authorizeKey, authorizePermission, limitsOf } from './authorize.ts'
import type { Permit, RateLimiter, RateLimitState } from './rate-limit/rate-limiter.ts'
import type { LeaseManager, Place as LeasePlace } from './reservation/lease-manager.ts'
import { purchasePreconditions } from './reservation/purchase-preconditions.ts'
import type { TariffCache } from './tariff-cache.ts'

export interface GateDeps {
  readonly config: Config
  readonly prefixes: KeyPrefixes
  readonly keys: KeyCache
  readonly tariffs: TariffCache
  readonly windows: RateLimiter
  readonly ahead: LeaseManager
  readonly appenderOf: (shard: number) => Appender
  /** The client's address, proxies considered; asked only where a key is bound to some: it costs a system call. */
  readonly ipOf: (request: Request) => string
}

/** A key that may make a call, and by which prices. */
export interface Admitted {
  readonly hash: string
  readonly key: KeyRecord
  readonly tariff: Tariff
  readonly price: PriceRule
}

/** A hold that the ledger granted: the call's own, or a place on a standing one. */
export interface Held {
  /** Of the key that was shown. */
  readonly hash: string
  /** As the hold, or its last extension, was decided by. */
  readonly key: KeyRecord
  readonly price: PriceRule
  readonly tariff: string
  readonly credits: number
  readonly quantity: number
  /** To the hold, or to its last extension. */
  readonly answer: AppendResult
  /** The Idempotency-Key that the hold has. */
  readonly claim: Claim | undefined
  /** The work was done under an earlier hold of the same claim, and its answer is stored. */
  readonly again: boolean
  /** Among the calls that could run on a standing hold; to be left when the call has ended. */
  readonly place?: LeasePlace
}

/** The call was made, and charged, before: nothing was held for it now. */
export interface Replay {
  readonly key: KeyRecord
  readonly replay: AppendResult
}

/** A window as a call found it; `degraded`: this gateway decided alone, by its share of the limit. */
export type SeenWindow = RateLimitState & { readonly degraded: boolean }

export type Refused = { readonly refusal: Refusal; readonly window?: SeenWindow }
export type Outcome<T> = ({ readonly ok: true } & T) | ({ readonly ok: false } & Refused)

/** A call that asks for a hold. */
export interface CallToHold {
  readonly requestId: string
  readonly request: Request
  readonly route: Route
  readonly claim: Claim | undefined
  readonly price: (rule: PriceRule) => { credits: number; quantity: number }
}

export interface Gate {
  /** The key that the request shows, whatever it may do; for routes that are about the key itself. */
  identify(request: Request): Promise<Outcome<{ admitted: Omit<Admitted, 'price'> }>>
  /** Key, permission and address. */
  admit(request: Request, route: Route): Promise<Outcome<{ admitted: Admitted }>>
  /** A place in the rate windows. */
  enter(
    admitted: Omit<Admitted, 'price'>,
    request: Request,
  ): Promise<Outcome<{ place: Permit; window: SeenWindow }>>
  /**
   * A hold for at most this many credits: a place on the key's standing hold where there is one, which asks
   * nothing of the ledger. `price` is asked again when the tariff turned out to be another one, since the bound may
   * be another then.
   */
  hold(admitted: Admitted, call: CallToHold): Promise<Outcome<Held | Replay>>
  /** The same for a call that ran on a standing hold and needs one of its own, as the key and its price now are. */
  takeDedicatedHold(held: Held, call: CallToHold): Promise<Outcome<Held | Replay>>
  /**
   * Adds to a hold, or by nothing lets it live longer: for a key that may still make this call, at the hold's
   * own price. Answers the hold as it then is.
   */
  extend(
    held: Held,
    call: {
      readonly requestId: string
      readonly request: Request
      readonly route: Route
      readonly credits: number
      readonly quantity: number
    },
  ): Promise<Outcome<Held>>
}

/** No refusal, and no call that holds nothing, is decided by a state older than this. */
const freshMs = 1_000
/** A key or tariff that changes faster than it can be read is refused service for now. */
const maxAttempts = 5

export function openGate(deps: GateDeps): Gate {
  const { config, prefixes, keys, tariffs, windows } = deps

  async function lookUp(
    hash: string,
    permission: string | undefined,
    request: Request,
    maxAgeMs: number,
  ) {
    const cached = keys.peek(hash, maxAgeMs) ?? (await keys.find(hash, maxAgeMs))
    const { record } = cached
    const tariff =
      record?.tariff && (tariffs.peek(record.tariff) ?? (await tariffs.find(record.tariff)))
    const plan = tariff && record ? tariff.plans[record.plan] : undefined
    const refusal =
      authorizeKey(record, cached.allowedIps, () => deps.ipOf(request), ledgerTime(cached)) ??
      (record && permission !== undefined
        ? authorizePermission(record, plan, permission)
        : undefined)
    return { cached, record, tariff: tariff || undefined, refusal }
  }

  /** Looks up and judges; before it refuses by what it remembered, it reads again. */
  async function admitHash(
    hash: string,
    permission: string | undefined,
    request: Request,
    maxAgeMs: number,
  ): Promise<Outcome<{ admitted: Omit<Admitted, 'price'> }>> {
    let found = await lookUp(hash, permission, request, maxAgeMs)
    if (found.refusal && performance.now() - found.cached.loadedAtMs > freshMs) {
      found = await lookUp(hash, permission, request, freshMs)
    }
    if (found.refusal) return { ok: false, refusal: found.refusal }
    if (!found.record || !found.tariff) return { ok: false, refusal: noPrice }
    return { ok: true, admitted: { hash, key: found.record, tariff: found.tariff } }
  }

  async function admitRoute(
    hash: string,
    route: Route,
    request: Request,
    maxAgeMs: number,
  ): Promise<Outcome<{ admitted: Admitted }>> {
    const outcome = await admitHash(hash, route.permission, request, maxAgeMs)
    if (!outcome.ok) return outcome
    const price = outcome.admitted.tariff.prices[route.id]
    // Neither a refusal nor a call that holds nothing may stand on an old tariff.
    const holds = price && price.per !== 'free'
    if (!holds && maxAgeMs > freshMs) return admitRoute(hash, route, request, freshMs)
    if (!price) return { ok: false, refusal: noPrice }
    return { ok: true, admitted: { ...outcome.admitted, price } }
  }

  async function enter(
    admitted: Omit<Admitted, 'price'>,
    request: Request,
  ): Promise<Outcome<{ place: Permit; window: SeenWindow }>> {
    const { hash, key, tariff } = admitted
    const plan = tariff.plans[key.plan]
    if (!plan) return { ok: false, refusal: noPrice }
    const decision = await windows.takePermit(limitsOf(key, plan))
    const window = { ...decision.state, degraded: decision.degraded }
    if (decision.allowed) return { ok: true, place: decision.permit, window }
    // The limit may be older than a second: a plan that was just raised must not refuse.
    if (!keys.peek(hash, freshMs)) {
      const again = await admitHash(hash, undefined, request, freshMs)
      if (!again.ok) return again
      if (isOlder(key, again.admitted.key)) return enter(again.admitted, request)
    }
    const detail = `At most ${window.limit} calls in ${window.windowMs / 1_000} s; try again later.`
    return { ok: false, window, refusal: { code: 'rate_limited', detail } }
  }

  /** The place of a call whose price is bounded from the start: no other may run on a standing hold. */
  function placeFor(
    { key, tariff, price }: Admitted,
    { route, claim }: CallToHold,
    credits: number,
  ): LeasePlace | undefined {
    if (claim || credits === 0 || isMetered(price) || !isLeaseable(key)) return undefined
    const maxInFlight = key.maxInFlight ?? tariff.plans[key.plan]?.maxInFlight ?? 0
    return deps.ahead.enter({ key, maxInFlight, credits, seconds: secondsOf(route) })
  }

  /** Asks the ledger, and again by the key as it is when it was another one. */
  async function holdFor(
    admitted: Admitted,
    { requestId, request, route, price, claim }: CallToHold,
    bound: ReturnType<CallToHold['price']>,
  ): Promise<Outcome<Held | Replay>> {
    let { key, price: rule } = admitted
    let { credits, quantity } = bound
    for (let tries = 0; tries < maxAttempts; tries++) {
      const answer = await deps.appenderOf(key.shard).append({
        kind: 'hold',
        ...purchasePreconditions(key),
        requestId,
        endpoint: route.id,
        tariff: key.tariff,
        credits,
        quantity,
        holdSeconds: holdSeconds(config, route, rule),
        ...(claim && { claim }),
      })
      if (answer.verdict === 'ok' || answer.verdict === 'resumed') {
        const again = answer.verdict === 'resumed'
        const { hash } = admitted
        const held = { hash, key, answer, price: rule, credits, quantity, tariff: key.tariff }
        return { ok: true, ...held, claim, again }
      }
      if (answer.verdict === 'replay') return { ok: true, key, replay: answer }
      if (answer.verdict === 'insufficient_credits' || answer.verdict === 'concurrency_exceeded') {
        deps.ahead.releaseLeases(key)
      }
      if (answer.verdict !== 'stale_key' && answer.verdict !== 'stale_tariff') {
        return { ok: false, refusal: refusalOf(answer, credits, key) }
      }
      const again = await admitRoute(admitted.hash, route, request, 0)
      if (!again.ok) return again
      ;({ key, price: rule } = again.admitted)
      ;({ credits, quantity } = price(rule))
    }
    return { ok: false, refusal: changing }
  }

  function show(request: Request): Outcome<{ hash: string }> {
    const text = keyText(request)
    if (text === undefined) {
      return {
        ok: false,
        refusal: {
          code: 'missing_key',
          detail: 'Send your API key in the X-API-Key header or as "Authorization: Bearer <key>".',
        },
      }
    }
    if (!parseKey(text, prefixes, config.legacyKeys)) {
      return {
        ok: false,
        refusal: {
          code: 'malformed_key',
          detail:
            'This is not an API key of this gateway: check for missing or changed characters.',
        },
      }
    }
    return { ok: true, hash: hashKey(text) }
  }

  return {
    async identify(request) {
      const shown = show(request)
      return shown.ok ? admitHash(shown.hash, undefined, request, freshMs) : shown
    },

    async admit(request, route) {
      const shown = show(request)
      return shown.ok ? admitRoute(shown.hash, route, request, Number.POSITIVE_INFINITY) : shown
    },

    enter,

    async hold(admitted, call) {
      const { hash, key, price } = admitted
      const bound = call.price(price)
      const place = placeFor(admitted, call, bound.credits)
      if (place?.standing) {
        const { answer } = place.standing
        const held = { hash, key, answer, price, ...bound, tariff: key.tariff }
        return { ok: true, ...held, claim: undefined, again: false, place }
      }
      const askedAtMs = performance.now()
      const outcome = await holdFor(admitted, call, bound).catch((error) => {
        place?.leave()
        throw error
      })
      if (!place) return outcome
      if (!outcome.ok || 'replay' in outcome) {
        place.leave()
        return outcome
      }
      if (isLeaseable(outcome.key)) place.held(outcome.key, outcome.answer, askedAtMs)
      return { ...outcome, place }
    },

    async takeDedicatedHold({ hash, key, price }, call) {
      const tariff = tariffs.peek(key.tariff) ?? (await tariffs.find(key.tariff))
      if (!tariff) return { ok: false, refusal: noPrice }
      return holdFor({ hash, key, tariff, price }, call, call.price(price))
    },

    async extend(held, { requestId, request, route, credits, quantity }) {
      let { key } = held
      for (let tries = 0; tries < maxAttempts; tries++) {
        const answer = await deps.appenderOf(key.shard).append({
          kind: 'extend',
          ...purchasePreconditions(key),
          requestId,
          endpoint: route.id,
          tariff: held.tariff,
          credits,
          quantity,
          holdSeconds: holdSeconds(config, route, held.price),
        })
        if (answer.verdict === 'ok') {
          const grown = { credits: held.credits + credits, quantity: held.quantity + quantity }
          return { ok: true, ...held, ...grown, key, answer }
        }
        if (answer.verdict === 'hold_not_open') return { ok: false, refusal: holdExpired }
        if (answer.verdict !== 'stale_key') {
          return { ok: false, refusal: refusalOf(answer, credits, key) }
        }
        const again = await admitRoute(held.hash, route, request, 0)
        if (!again.ok) return again
        ;({ key } = again.admitted)
      }
      return { ok: false, refusal: changing }
    },
  }
}

/**
 * The hold outlives the upstream's time by a margin, so that a slow answer still settles. Of a call that is
 * metered along the way it need not, since the call keeps it alive.
 */
function holdSeconds(config: Config, route: Route, price: PriceRule): number {
  if (isMetered(price)) return config.limits.holdSeconds
  return Math.max(config.limits.holdSeconds, secondsOf(route))
}

/**
 * What is held ahead would count against a key's cap. And the secret from before a rotation can end while the key is
 * sold to by the new one.
 */
function isLeaseable({ monthlyCap, previousUntil }: KeyRecord): boolean {
  return monthlyCap === null && previousUntil === null
}

/** How long a call can take until it is settled: its service's time, and a margin. */
function secondsOf({ timeoutMs }: Route): number {
  return Math.ceil(timeoutMs / 1_000) + 30
}

function isOlder(known: KeyRecord, read: KeyRecord): boolean {
  return (
    known.keyVersion !== read.keyVersion ||
    known.accountVersion !== read.accountVersion ||
    known.plan !== read.plan ||
    known.tariff !== read.tariff
  )
}

/** The key's text: X-API-Key, or the bearer token. */
function keyText(request: Request): string | undefined {
  const header = request.headers.get('x-api-key')
  if (header) return header
  const authorization = request.headers.get('authorization')
  if (authorization?.slice(0, 7).toLowerCase() !== 'bearer ') return undefined
  return authorization.slice(7).trim() || undefined
}

const noPrice: Refusal = {
  code: 'price_missing',
  detail: 'This endpoint has no price in the tariff in force: its operator has to publish one.',
  headers: { 'Retry-After': '60' },
}

const changing: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The key or the tariff is changing just now; try again.',
  headers: { 'Retry-After': '1' },
}

export const outcomeUnknown: Refusal = {
  code: 'outcome_unknown',
  detail:
    'The first call with this Idempotency-Key was not charged, but the service may have done the work: ' +
    'it is not executed again. To run it anew, use a new Idempotency-Key.',
}

const holdExpired: Refusal = {
  code: 'ledger_unavailable',
  detail: 'The ledger could not be reached in time to keep the hold of this call.',
}

/** What the client is told when the ledger refuses a hold. */
function refusalOf(answer: AppendResult, required: number, key: KeyRecord): Refusal {
  const position = `${answer.shard}-${answer.position}`
  const short = {
    required,
    available: answer.available,
    resetsAt: nextMonth(answer.recordedAt),
    position,
  }
  const verdict: Verdict = answer.verdict
  switch (verdict) {
    case 'insufficient_credits':
      return {
        code: 'insufficient_credits',
        detail: `This call needs ${required} credits and ${answer.available} are available.`,
        extensions: short,
      }
    case 'key_cap_reached':
      return {
        code: 'key_cap_reached',
        detail: `This call needs ${required} credits and the key's monthly cap leaves ${answer.available}.`,
        extensions: short,
      }
    case 'concurrency_exceeded':
      return {
        code: 'concurrency_exceeded',
        detail: 'The account has as many calls in flight as its plan allows.',
        headers: { 'Retry-After': '1' },
      }
    case 'key_revoked':
      return unknownKey
    case 'key_disabled':
      return { code: 'key_disabled', detail: 'This API key is disabled.' }
    case 'key_expired':
      // A secret from before a rotation is as dead, when its grace is over, as one that never was.
      if (key.previousUntil) return unknownKey
      return { code: 'key_expired', detail: 'This API key has expired.' }
    case 'account_frozen':
      return { code: 'account_frozen', detail: 'The account of this API key is frozen.' }
    case 'mismatch':
      return {
        code: 'idempotency_mismatch',
        detail:
          'This Idempotency-Key was used for another path or body. Use a new one for each call.',
      }
    case 'in_progress':
      return {
        code: 'idempotency_in_progress',
        detail: 'The first call with this Idempotency-Key still runs; try again for its answer.',
        headers: { 'Retry-After': '1' },
      }
    case 'outcome_unknown':
      return outcomeUnknown
    default:
      throw new Error(`a hold cannot be answered ${verdict}`)
  }
}

/** The first moment of the next UTC month, when allowances begin anew. */
function nextMonth(time: Date): string {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + 1, 1)).toISOString()
}
