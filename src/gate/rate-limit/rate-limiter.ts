/**
 * A rate limiter: never more than N calls in any time span of a limit's length, exactly.
 *
 * The algorithm is the same wherever it runs (Redis or this process). Per key it keeps the times, in
 * microseconds, of the accepted calls of the last time span, oldest first. A call passes, and adds its own
 * time, while there are fewer than N. It is refused, and leaves no trace, when there are N. Buckets and
 * averages are cheaper to keep but admit up to twice N around their edges.
 *
 * Time spans are half-open. A call accepted at t counts while now - t < windowMs. It no longer counts from
 * the microsecond at which it is exactly windowMs old. So any span [t, t + windowMs) holds at most N
 * accepted calls, wherever it begins.
 *
 * A limit may change from one call to the next. A higher or lower N takes effect at once and exactly: every
 * call of the time span is known, also those above a lowered N. A longer time span can only look back as far
 * as the shorter one before it did.
 */

import type { PermitBatch } from './prefetched-permits.ts'
import type { TokenLimiter } from './token-limiter.ts'

export interface RateLimit {
  /**
   * Names what is counted. The keys of one decision are distinct and share a hash tag, so that a Redis
   * Cluster finds them on one node: '{acc_1:live}' for the account, '{acc_1:live}:key_2' for a key's
   * own lower rate.
   */
  readonly key: string
  /** Calls per time span: a whole number, at least 0 (which admits none). */
  readonly limit: number
  /** The length of the time span in whole milliseconds, at least 1. */
  readonly windowMs: number
  /** Tells it from the others that hold for the same calls; absent of the first of them. */
  readonly name?: string | undefined
}

/**
 * One call's permission. It is returned when the call is refused for another reason. Its content is the rate
 * limiter's own: `takenAtUs` is read on the clock of `source` and means nothing elsewhere.
 */
export interface Permit {
  readonly limits: readonly RateLimit[]
  readonly takenAtUs: number
  readonly source: 'redis' | 'process' | 'local'
  /** With which others it was prefetched. */
  readonly batch?: PermitBatch
}

/** How a rate limit stands. Of several limits, the one that makes the client wait longest. */
export interface RateLimitState {
  /** Calls per time span as enforced: under a local rate limit, what this gateway admits of them. */
  readonly limit: number
  /** Calls that would pass now. */
  readonly remaining: number
  readonly windowMs: number
  /** Milliseconds until one more call would pass; 0 when one would pass now. May be a fraction. */
  readonly resetMs: number
  /** Which of several limits this is; absent: the first. */
  readonly name?: string
}

/** `degraded` says that this gateway decided alone, by its local rate limit. */
export type PermitDecision =
  | {
      readonly allowed: true
      readonly permit: Permit
      readonly state: RateLimitState
      readonly degraded: boolean
    }
  | { readonly allowed: false; readonly state: RateLimitState; readonly degraded: boolean }

/** Never throws for an unreachable Redis and never waits for one longer than a blink. */
export interface RateLimiter {
  /**
   * Takes a permit under all the limits or, if one of them is reached, under none. At least one limit.
   * @throws RangeError for limits that are no limits (none at all, NaN, negative): a programming error
   */
  takePermit(limits: readonly RateLimit[]): Promise<PermitDecision>
  /**
   * Best effort: a permit whose Redis is gone counts until its time span has passed. The limit is then too
   * strict for a moment and never too lax.
   */
  returnPermit(permit: Permit): Promise<void>
  /** How the limit stands, as a key's owner reads it in GET /v1/key. Takes no permit. */
  peek(limits: readonly RateLimit[]): Promise<RateLimitState>
  /** Limits of tokens, which are counted beside those of calls. */
  readonly tokens: TokenLimiter
  /** True while this gateway decides by its local rate limit. */
  readonly degraded: boolean
  /** Ends connections and timers. Nothing may be asked afterwards. */
  close(): Promise<void>
}

/** A rate limit as a call found it. `degraded`: this gateway decided alone, by its local rate limit. */
export type ObservedRateLimit = RateLimitState & {
  readonly degraded: boolean
  /** Of a call that takes tokens, how their limit stands. */
  readonly tokens?: RateLimitState
}
