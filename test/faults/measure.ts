/** What clients had to wait for, by their own ledger. */
import type { ClientCall } from './records.ts'
import type { World } from './world.ts'

/** The longest that a response with this status took, of calls that have ended since; 0: there was none. */
export function slowest({ calls }: World, sinceMs: number, status: number): number {
  return calls
    .filter(({ endedAtMs = 0, ...call }) => endedAtMs >= sinceMs && call.status === status)
    .reduce((most, { sentAtMs, endedAtMs = 0 }) => Math.max(most, endedAtMs - sentAtMs), 0)
}

/** Calls that ended in this time with what is paid for. */
export function soldBetween({ calls }: World, fromMs: number, untilMs: number): ClientCall[] {
  return calls.filter(
    // What is worth nothing, such as a page that could not be read, needs no ledger to be sent.
    ({ endedAtMs = 0, worth = 0 }) => worth > 0 && endedAtMs >= fromMs && endedAtMs < untilMs,
  )
}
