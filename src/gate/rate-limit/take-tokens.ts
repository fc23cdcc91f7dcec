/** Takes the tokens that a call can use under the limits of tokens of its account or route. */
import type { Route } from '../../config/config.ts'
import { formatNumber } from '../../lib/format-figures.ts'
import { limitsText } from '../../lib/rate-limits.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import { tokenBound } from '../../pricing/tokens-of-call.ts'
import type { Refusal } from '../../problems/refusal.ts'
import { type AuthorizedCall, authorizeCall, maxStalenessMs } from '../authorize/authorize.ts'
import type { Outcome } from '../outcome.ts'
import { priceMissing } from '../refusals.ts'
import { tokenLimitsOf } from './limits-of-key.ts'
import type { RateLimit, RateLimitState } from './rate-limiter.ts'
import { hasChanged, type PermitDeps } from './take-permit.ts'
import type { TakenTokens, TokenLimiter } from './token-limiter.ts'

/** `tokens` is undefined for a call that counts in no limit of tokens. */
export interface TokensTaken {
  readonly tokens: TokensOfCall | undefined
}

/** The tokens of one call, from when they are taken to when it is known how many it used. */
export class TokensOfCall {
  /** How the limits stood when they were taken. */
  readonly state: RateLimitState
  private readonly limiter: TokenLimiter
  private taken: TakenTokens | undefined

  constructor(limiter: TokenLimiter, taken: TakenTokens, state: RateLimitState) {
    this.limiter = limiter
    this.taken = taken
    this.state = state
  }

  /** So many were used; the first time counts. Nobody waits for it. */
  settle(used: number): void {
    if (this.taken) void this.limiter.settle(this.taken, used)
    this.taken = undefined
  }
}

export async function takeTokens(
  deps: PermitDeps,
  authorized: AuthorizedCall,
  request: Request,
  route: Route,
  content: RequestContent,
): Promise<Outcome<TokensTaken>> {
  const { keyHash, key, tariff, price } = authorized
  const plan = tariff.plans[key.plan]
  if (!plan) return { ok: false, refusal: priceMissing }
  const limits = tokenLimitsOf(key, plan, route)
  if (limits.length === 0) return { ok: true, tokens: undefined }
  const most = tokenBound(price, content)
  if (most === undefined) return { ok: true, tokens: undefined }
  const taken = await take(deps.rateLimiter.tokens, limits, most)
  if (taken.ok) return taken
  // As with permits: a plan that was just raised must not refuse.
  if (!deps.keys.peek(keyHash, maxStalenessMs)) {
    const again = await authorizeCall(deps, keyHash, route, request, maxStalenessMs)
    if (!again.ok) return again
    if (hasChanged(key, again.authorized.key)) {
      return takeTokens(deps, again.authorized, request, route, content)
    }
  }
  return taken
}

async function take(
  limiter: TokenLimiter,
  limits: readonly RateLimit[],
  most: number,
): Promise<Outcome<TokensTaken>> {
  const never = limits.find(({ limit }) => limit < most)
  if (never) return { ok: false, refusal: tooManyTokens(never, most) }
  const decision = await limiter.take(limits, most)
  const { state, degraded } = decision
  if (decision.allowed) {
    return { ok: true, tokens: new TokensOfCall(limiter, decision.taken, state) }
  }
  const limit = textOf(state)
  const detail = `At most ${limit}, and this call can use ${formatNumber(most)}; try again later.`
  return {
    ok: false,
    rateLimit: { ...state, degraded },
    refusal: { code: 'rate_limited', detail, extensions: { limit } },
  }
}

/** Waiting would not help. */
function tooManyTokens(limit: RateLimit, most: number): Refusal {
  return {
    code: 'invalid_request',
    detail: `This call can use ${formatNumber(most)} tokens, and there are at most ${textOf(limit)}: ask for less.`,
  }
}

function textOf({ limit, windowMs }: Pick<RateLimit, 'limit' | 'windowMs'>): string {
  return limitsText([{ counts: 'tokens', limit, windowMs }])
}
