import type { Route } from '../config/config.ts'
import type { TokensOfCall } from '../gate/rate-limit/take-tokens.ts'
import type { KeyRecord } from '../ledger/read/read-key-by-hash.ts'
import type { CallTarget } from './request/call-target.ts'

/** One call, as soon as its route is known. */
export interface ReceivedCall {
  readonly request: Request
  /** Another one from the moment on at which it is covered: the ledger's time is in it. */
  requestId: string
  readonly route: Route
  /** Where the seller sells credits; absent: the configuration does not say. */
  readonly buyMore?: string | undefined
  /** On the monotonic clock. */
  readonly startedAtMs: number
  /** Whose refusals it counts among, if it is refused: absent of a key that is unknown, and once the log says what becomes of it. */
  keyIfRefused?: KeyRecord | undefined
  /** Ends its account's count of it, which is called when its response is over; absent until it is counted. */
  endInFlight?: (() => void) | undefined
  /** That it took under limits of tokens, until it is known how many it used; absent of a call that takes none. */
  tokens?: TokensOfCall | undefined
  /** Spent waiting for the upstream; grows until the response to the client can begin. */
  upstreamMs: number
}

/** The same when its path and its query are checked. */
export interface Call extends ReceivedCall {
  readonly target: CallTarget
}
