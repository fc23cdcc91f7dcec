/**
 * Limits of tokens. A call takes as many as it can use before it is forwarded: never more than N are taken in any span of a
 * limit's length. When the call is over, what it did not use is given back; what it used beyond that counts from then on, also
 * above the limit, for it has happened.
 *
 * Tokens count from when they were taken. A gateway that dies gives nothing back: then they count until their span has passed.
 */
import type { TakenHere } from './in-process-tokens.ts'
import type { RateLimit, RateLimitState } from './rate-limiter.ts'

export interface TakenTokens {
  readonly limits: readonly RateLimit[]
  readonly tokens: number
  /** What names them in Redis, or what stands for them in this process. */
  readonly held: string | readonly TakenHere[]
}

/** `degraded` says that this gateway decided alone, by its local rate limit. */
export type TokensDecision =
  | {
      readonly allowed: true
      readonly taken: TakenTokens
      readonly state: RateLimitState
      readonly degraded: boolean
    }
  | { readonly allowed: false; readonly state: RateLimitState; readonly degraded: boolean }

/** States count tokens: `remaining` are those that a call could take now, and `resetMs` is how long this many have to be waited for. */
export interface TokenLimiter {
  /** Takes so many under all the limits or, if one of them has fewer left, under none. */
  take(limits: readonly RateLimit[], tokens: number): Promise<TokensDecision>
  /** Says what the call used. Once, and best effort: what Redis does not hear of counts as it was taken. */
  settle(taken: TakenTokens, used: number): Promise<void>
  /** How the limits stand. */
  peek(limits: readonly RateLimit[]): Promise<RateLimitState>
}
