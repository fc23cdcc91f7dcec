/**
 * Rate windows: "never more than N calls in any window of this length", exactly.
 *
 * The algorithm is the same wherever it runs (Redis or this process). Per key it keeps the times, in
 * microseconds, of the accepted calls that are still inside the window, oldest first. A call passes, and
 * adds its own, while there are fewer than N; it is refused, and leaves no trace, when there are N.
 * Buckets and averages are cheaper to keep but admit up to twice N around their edges.
 *
 * Windows are half-open. A call accepted at t is inside while now - t < window and outside from the
 * microsecond at which it is exactly one window old, so any span [t, t + window) holds at most N
 * accepted calls, wherever it begins.
 *
 * A limit may change from one call to the next. N up or down takes effect at once and exactly: every
 * call inside the window is remembered, also those above a lowered N. A longer window can only look
 * back as far as the shorter one before it remembered.
 */

/** One limit to take a place in. */
export interface Limit {
  /**
   * What is counted. The keys of one decision are distinct and share a hash tag, so that a Redis
   * Cluster finds them on one node: '{acc_1:live}' for the account, '{acc_1:live}:key_2' for a key's
   * own lower rate.
   */
  readonly key: string
  /** Calls per window: a whole number, at least 0 (which lets nothing pass). */
  readonly limit: number
  /** The window's length in whole milliseconds, at least 1. */
  readonly windowMs: number
}

/**
 * A place that was taken, to be given back when the call is refused for another reason.
 * Opaque to clients: `takenAtUs` is read on the clock of `source` and means nothing elsewhere.
 */
export interface Place {
  readonly limits: readonly Limit[]
  readonly takenAtUs: number
  readonly source: 'redis' | 'process' | 'share'
}

/** How a window stands. With several limits: the one that makes the client wait longest. */
export interface WindowState {
  /** Calls per window as enforced: under a local share, that gateway's share of the limit. */
  readonly limit: number
  /** Calls that would pass now. */
  readonly remaining: number
  readonly windowMs: number
  /** Milliseconds until one more call would pass; 0 when one would pass now. May be a fraction. */
  readonly resetMs: number
}

/** `degraded` says that this gateway decided alone, by its share of the limit. */
export type WindowDecision =
  | {
      readonly allowed: true
      readonly place: Place
      readonly state: WindowState
      readonly degraded: boolean
    }
  | { readonly allowed: false; readonly state: WindowState; readonly degraded: boolean }

/** Never throws for an unreachable Redis and never waits for one longer than a blink. */
export interface Windows {
  /**
   * Takes a place in all the limits or, if one is full, in none. At least one limit.
   * Throws a RangeError for limits that are no limits (none at all, NaN, negative): a programming error.
   */
  take(limits: readonly Limit[]): Promise<WindowDecision>
  /**
   * Frees a place. Best effort: a place whose Redis is gone stays taken until its window has passed,
   * which is too strict for a moment and never too lax.
   */
  giveBack(place: Place): Promise<void>
  /** How the window stands, as a key's owner reads it in GET /v1/key. Takes no place. */
  peek(limits: readonly Limit[]): Promise<WindowState>
  /** True while this gateway decides by its local share. */
  readonly degraded: boolean
  /** Ends connections and timers. Nothing may be asked afterwards. */
  close(): Promise<void>
}
