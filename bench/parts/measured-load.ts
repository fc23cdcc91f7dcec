/** A load, and what was measured of it. */

export interface Load {
  readonly url: string
  /** Kept open for the whole run; each sends its next request when the response to the last has come. */
  readonly connections: number
  /** Whole seconds. */
  readonly durationSeconds: number
  /** GET by default. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  /** Sent in turn as X-API-Key, so that no single account is hot. */
  readonly apiKeys?: readonly string[]
}

export interface Measured {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Responses that were no success; wrk counts those of status 400 and above. */
  readonly non2xx: number
  /** Requests without a whole response: refused, broken or timed-out connections. */
  readonly socketErrors: number
  /** Whole responses, whatever their status. */
  readonly total: number
}
