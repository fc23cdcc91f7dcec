/**
 * The calls that a demo upstream executed, readable at GET /_demo/calls. A test compares them with the gateway's bills.
 */

interface ExecutedCall {
  /** The X-Request-Id that came with the request. */
  readonly requestId: string | null
  readonly method: string
  readonly path: string
  readonly status: number
}

export interface ExecutedCalls {
  record(call: ExecutedCall): void
  /** The last calls, newest last: at most as many as are kept. */
  calls(): ExecutedCall[]
  /** All calls that were recorded, including those that are no longer kept. */
  readonly count: number
}

export function openExecutedCalls(maxKept = 100_000): ExecutedCalls {
  const kept: ExecutedCall[] = []
  let count = 0

  return {
    record(call) {
      count += 1
      kept.push(call)
      // Removing the older half at once keeps recording cheap under load.
      if (kept.length >= 2 * maxKept) kept.splice(0, kept.length - maxKept)
    },
    calls: () => kept.slice(-maxKept),
    get count() {
      return count
    },
  }
}
