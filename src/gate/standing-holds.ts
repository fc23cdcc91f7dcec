/**
 * Holding ahead: what a busy key's next calls may cost is held before they come, so that a call can begin without
 * asking the book, and costs it one event. Here is when, how much, and which calls may run on it; who keeps the
 * holds is holding-ahead.ts. Pure decisions.
 *
 * It is modest, because what is held ahead is kept from others of the account: only of credits and places that are
 * plentiful, only while the key is busy, and only for about as many calls as it has in flight.
 */

/** A standing hold, with what of it no call uses just now. */
export interface StandingHold {
  /** Names it in the book. */
  readonly id: string
  readonly calls: number
  readonly credits: number
  freeCalls: number
  freeCredits: number
  /** On the monotonic clock: until then the book expires it for nobody. */
  readonly aliveUntilMs: number
  /** When the book was last asked to sell to the key, and did. */
  soldAtMs: number
}

/** Calls of a key in flight at once in this gateway, from which on it is busy. */
export const busyFrom = 10
/** What may be held ahead of what is available, and of the calls that the account may have in flight. */
const mostOfAvailable = 1 / 16
const mostOfPlaces = 1 / 4
/** What no call has run on for so long is freed. */
export const quietMs = 1_000
/** No call begins by what was known longer ago: a key that was revoked since is not forwarded. */
const freshMs = 1_000
/** New calls begin on it for so long; then another one is taken. */
const goodForSeconds = 30

export interface KeyInFlight {
  /** Calls of the key in flight, whether on a standing hold or on their own, and their upper bounds together. */
  readonly calls: number
  readonly credits: number
}

/** What to hold ahead for a key; undefined: nothing. */
export function sizeAhead(
  inFlight: KeyInFlight,
  account: { readonly available: number; readonly mostInFlight: number },
): { readonly calls: number; readonly credits: number } | undefined {
  if (inFlight.calls < busyFrom) return undefined
  const creditsEach = inFlight.credits / inFlight.calls
  const calls = Math.min(
    Math.ceil(inFlight.calls * 1.5),
    Math.floor(account.mostInFlight * mostOfPlaces),
    Math.floor((account.available * mostOfAvailable) / creditsEach),
  )
  return calls < busyFrom ? undefined : { calls, credits: Math.ceil(calls * creditsEach) }
}

/** For how long to hold it: a call that begins at its last moment still ends in time. */
export function secondsAhead(callSeconds: number): number {
  return goodForSeconds + callSeconds
}

/** Whether a call of at most so many credits, that ends within so many seconds, may run on the hold. */
export function mayRun(
  hold: StandingHold,
  call: { readonly credits: number; readonly seconds: number },
  nowMs: number,
): boolean {
  return (
    hold.freeCalls > 0 &&
    call.credits <= hold.freeCredits &&
    nowMs - hold.soldAtMs <= freshMs &&
    nowMs + call.seconds * 1_000 <= hold.aliveUntilMs
  )
}

/** Whether the account has become too poor for what is held ahead: by half, so that it is not taken anew all the time. */
export function isTooMuch(hold: StandingHold, available: number): boolean {
  return hold.credits > 2 * mostOfAvailable * available
}

/** Whether a call that had to hold for itself would have found a place on a hold that is larger, or younger. */
export function isOutgrown(
  hold: StandingHold,
  inFlight: KeyInFlight,
  call: { readonly seconds: number },
  nowMs: number,
): boolean {
  const isTooSmall = inFlight.calls > hold.calls || inFlight.credits > hold.credits
  return isTooSmall || nowMs + call.seconds * 1_000 > hold.aliveUntilMs
}
