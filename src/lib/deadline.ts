/**
 * What happens when calls have had their time. Those that begin within a moment share a timer: one for each call would cost
 * more, and nearly all of them are over long before.
 */
type Deadline = Set<() => void>

const momentMs = 25
/** By the timeout: there are as many as are configured. */
const latest = new Map<number, { readonly deadline: Deadline; readonly madeAtMs: number }>()

/**
 * The functions that are called in `timeoutMs` at the earliest, and a moment later at the latest. Whoever adds one deletes it
 * when it waits no longer.
 */
export function deadline(timeoutMs: number): Deadline {
  const nowMs = performance.now()
  const shared = latest.get(timeoutMs)
  if (shared && Math.abs(nowMs - shared.madeAtMs) < momentMs) return shared.deadline
  const made: Deadline = new Set()
  const timer = setTimeout(() => {
    for (const onOver of made) onOver()
  }, timeoutMs + momentMs)
  timer.unref()
  latest.set(timeoutMs, { deadline: made, madeAtMs: nowMs })
  return made
}
