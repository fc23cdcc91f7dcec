/**
 * Signals that fire when a service has had its time. Calls that begin within a moment share one: a signal of its own
 * for each call would be a timer that lives on for the whole time, long after the call is over.
 */
interface Shared {
  readonly signal: AbortSignal
  readonly madeAtMs: number
}

const momentMs = 25
/** By the time allowed: as many as the routes have different ones. */
const shared = new Map<number, Shared>()

/** A signal that fires in `timeoutMs` at the earliest, and a moment later at the latest. */
export function deadline(timeoutMs: number): AbortSignal {
  const nowMs = performance.now()
  const known = shared.get(timeoutMs)
  if (known && nowMs - known.madeAtMs < momentMs) return known.signal
  const signal = AbortSignal.timeout(timeoutMs + momentMs)
  shared.set(timeoutMs, { signal, madeAtMs: nowMs })
  return signal
}
