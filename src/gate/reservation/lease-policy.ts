/**
 * Holding ahead: what a busy key's next calls may cost is held before they come, so that a call can begin without
 * asking the ledger, and costs it one event. Here is when, how much, and which calls may run on it; who keeps the
 * holds is holding-ahead.ts. Pure decisions.
 *
 * It is modest, because what is held ahead is kept from others of the account: only of credits and places that are
 * plentiful, only while the key is busy, and only for about as many calls as it has in flight.
 */

/** A standing hold, with what of it no call uses just now. */
export interface Lease {
  /** Names it in the ledger. */
  readonly id: string
  readonly calls: number
  readonly credits: number
  freeCalls: number
  freeCredits: number
  /** On the monotonic clock: calls begin on it until then, */
  readonly acceptsUntilMs: number
  /** and until then the ledger expires it for nobody. */
  readonly expiresAtMs: number
  /** When the ledger was last asked to sell to the key, and did. */
  soldAtMs: number
}

/** A key is busy in this gateway from so many calls in flight at once, */
export const minConcurrency = 10
/** or so many begun within a second, one after another. */
export const minCallsPerSecond = 50
/** What may be held ahead of what is available, and by all gateways of the calls that the account may have in flight. */
const maxShareOfAvailable = 1 / 16
const maxShareOfConcurrency = 1 / 4
/** An account that was refused credits or places is not held ahead for again for so long. */
export const suspendedForMs = 10_000
/** What no call has run on for so long is freed. */
export const idleMs = 500
/** No call begins by what was known longer ago: a key that was revoked since is not forwarded. */
const freshMs = 1_000
/** Calls begin on it for so long. */
export const acceptsForSeconds = 30

/** So many calls, and what they may cost together. */
export interface Size {
  readonly calls: number
  readonly credits: number
}

/** What limits it for all keys of an account. */
export interface AccountLeases {
  readonly available: number
  /** As the account's limits or its plan say, and among how many gateways. */
  readonly maxInFlight: number
  readonly gateways: number
  /** What this gateway holds ahead for all its keys. */
  readonly ahead: Size
}

/**
 * What more to hold ahead for a key: undefined is nothing. In all, it is for half as many calls again as are in flight.
 * @param inFlight on standing holds or on their own; `lastSecond`: how many calls began within a second
 * @param ahead what is held ahead for the key already
 */
export function leaseSize(
  inFlight: Size & { readonly lastSecond: number },
  ahead: Size,
  account: AccountLeases,
): Size | undefined {
  if (inFlight.calls < minConcurrency && inFlight.lastSecond < minCallsPerSecond) return undefined
  const creditsEach = inFlight.credits / inFlight.calls
  const places = Math.floor((account.maxInFlight * maxShareOfConcurrency) / account.gateways)
  const credits = (account.available + account.ahead.credits) * maxShareOfAvailable
  const most = Math.min(
    places - account.ahead.calls,
    Math.floor((credits - account.ahead.credits) / creditsEach),
  )
  // An account with little is not held ahead for at all, and slivers are not worth an event.
  if (ahead.calls + most < minConcurrency) return undefined
  const more = Math.min(Math.ceil(inFlight.calls * 1.5) - ahead.calls, most)
  if (more < (ahead.calls + more) / 4) return undefined
  return { calls: more, credits: Math.ceil(more * creditsEach) }
}

/** For how long to hold it: a call that begins at its last moment still ends in time. */
export function leaseSeconds(callSeconds: number): number {
  return acceptsForSeconds + callSeconds
}

/** Whether a call of at most so many credits, that ends within so many seconds, may run on the hold. */
export function canServe(
  hold: Lease,
  call: { readonly credits: number; readonly seconds: number },
  nowMs: number,
): boolean {
  return (
    hold.freeCalls > 0 &&
    call.credits <= hold.freeCredits &&
    nowMs - hold.soldAtMs <= freshMs &&
    nowMs <= hold.acceptsUntilMs &&
    nowMs + call.seconds * 1_000 <= hold.expiresAtMs
  )
}

/** Whether the account has become too poor for what is held ahead: by half, so that it is not taken anew all the time. */
export function exceedsBudget(ahead: Size, available: number): boolean {
  return ahead.credits > 2 * maxShareOfAvailable * available
}
