/**
 * How far back a Redis can be believed, and why that bounds what passes at 2N.
 *
 * Calls pass in two ways. Redis lets at most N through in any window, as long as it remembers. The
 * gateways' shares let at most g * floor(N / g) <= N through in any window, on their own count, which
 * goes on through every change between the two. So while Redis keeps its memory, however often it is
 * lost from sight and found again, a window holds at most N by Redis and at most N by shares: 2N, and
 * N where no gateway lost sight of it.
 *
 * A Redis that comes back empty would add a third: up to N before its loss, up to N by shares while it
 * was away, and up to N after. So a Redis is asked about a window only when it has been remembering for
 * that long; until then the shares decide. What it let through before its loss and after it are then at
 * least one window apart, no window holds both, and the bound is 2N again. Each gateway sees to this by
 * itself: a restart breaks its connection, and no decision is sent over a new connection before the
 * Redis at its other end has said which one it is.
 *
 * Not covered: Redis emptied in place (FLUSHALL), which nobody notices, adds N without a share being
 * used, so 2N; a gateway that restarts while shares decide begins a share anew.
 */
import type { Seen } from './redis-connection.ts'

/** Which Redis, and since when (on this process' monotonic clock) it has surely forgotten nothing. */
export interface Memory {
  readonly runId: string
  readonly wholeSinceMs: number
}

/**
 * @param before what the previous connection led to, if there was one.
 * @param alone true when no share can have been used next to this Redis: one gateway, which has used
 *   none. Nothing then comes between before and after, 2N holds as it stands, and a fresh Redis under a
 *   fresh gateway is believed at once.
 */
export function memoryOf(
  seen: Seen,
  before: Memory | undefined,
  nowMs: number,
  alone: boolean,
): Memory {
  const { runId, uptimeMs } = seen
  if (before !== undefined) {
    // Another Redis than before, be it a restarted one or a promoted replica, may know nothing.
    return before.runId === runId ? before : { runId, wholeSinceMs: nowMs }
  }
  return { runId, wholeSinceMs: alone ? Number.NEGATIVE_INFINITY : nowMs - uptimeMs }
}
