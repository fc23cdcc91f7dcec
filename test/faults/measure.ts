/** What callers had to wait for, by their own book. */
import type { ClientCall } from './books.ts'
import type { World } from './world.ts'

/** The longest that an answer with this status took, of calls sent since; 0 when there was none. */
export function slowest({ calls }: World, sinceMs: number, status: number): number {
  return calls
    .filter((call) => call.sentAtMs >= sinceMs && call.status === status)
    .reduce((most, call) => Math.max(most, (call.endedAtMs ?? 0) - call.sentAtMs), 0)
}

/** Calls that ended in this time with what is paid for. */
export function soldBetween({ calls }: World, fromMs: number, untilMs: number): ClientCall[] {
  return calls.filter(
    ({ endedAtMs = 0, worth }) => worth !== undefined && endedAtMs >= fromMs && endedAtMs < untilMs,
  )
}
