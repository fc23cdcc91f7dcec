/**
 * Signals that fire when an upstream has had its time. Calls that begin within a moment share one. A signal for each
 * call would be a timer that lives on for the whole time, long after the call is over.
 */
interface SharedSignal {
  readonly signal: AbortSignal
  readonly madeAtMs: number
}

const momentMs = 25
/** By the timeout: there are as many as the routes have different ones. */
const sharedSignals = new Map<number, SharedSignal>()

/** A signal that fires in `timeoutMs` at the earliest, and a moment later at the latest. */
export function deadline(timeoutMs: number): AbortSignal {
  const nowMs = performance.now()
  const shared = sharedSignals.get(timeoutMs)
  if (shared && nowMs - shared.madeAtMs < momentMs) return shared.signal
  const signal = AbortSignal.timeout(timeoutMs + momentMs)
  sharedSignals.set(timeoutMs, { signal, madeAtMs: nowMs })
  return signal
}
