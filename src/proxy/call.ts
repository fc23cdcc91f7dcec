import type { Route } from '../config/config.ts'

/** One call under /v1. */
export interface Call {
  readonly request: Request
  /** Another one from the moment on at which it is covered: the ledger's time is in it. */
  requestId: string
  readonly route: Route
  /** On the monotonic clock. */
  readonly startedAtMs: number
  /** Spent waiting for the upstream; grows until the response to the client can begin. */
  upstreamMs: number
}
