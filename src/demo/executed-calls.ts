/**
 * What a demo service remembers of the requests that it executed, so that a test can hold the
 * gateway's bills against what really ran: readable at GET /_demo/calls.
 */

export interface Call {
  /** The X-Request-Id that came with the request. */
  readonly requestId: string | null
  readonly method: string
  readonly path: string
  readonly status: number
}

export interface Ledger {
  record(call: Call): void
  /** Newest last; only the last `limit` calls are kept. */
  calls(): Call[]
  /** All calls ever recorded, also those no longer kept. */
  readonly count: number
}

export function createLedger(limit = 100_000): Ledger {
  const kept: Call[] = []
  let count = 0

  return {
    record(call) {
      count += 1
      kept.push(call)
      // Dropping the old half in one go keeps recording cheap under load.
      if (kept.length >= 2 * limit) kept.splice(0, kept.length - limit)
    },
    calls: () => kept.slice(-limit),
    get count() {
      return count
    },
  }
}
