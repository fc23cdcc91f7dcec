/**
 * Puts load on one URL and measures it: with wrk where it is installed, which costs the machine
 * little, else with a client of our own, whose figures are lower because it costs more.
 */

import { runOwnClient } from './own-client.ts'
import { runWrk } from './wrk.ts'

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

export function wrkAvailable(): boolean {
  return Bun.which('wrk') !== null
}

/** Ends at most 15 s after the load's duration; throws when the load could not be run. */
export function runLoad(load: Load): Promise<Measured> {
  return wrkAvailable() ? runWrk(load) : runOwnClient(load)
}
