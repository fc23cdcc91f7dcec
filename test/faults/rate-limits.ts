/** I6: never more than N calls in any span of the limit's length, 2N in a span that covers the loss of Redis. */
import type { ClientCall, Finding } from './records.ts'
import { narrow } from './settings.ts'
import type { Execution } from './upstream.ts'

/**
 * A call took its permit between being sent and reaching the upstream. Only calls that surely took their permits
 * within one span are counted together, so nothing is found that was not so. A gateway that decided by its local
 * rate limit says so in its responses.
 */
export function* exceededRateLimits(
  calls: readonly ClientCall[],
  executions: readonly Execution[],
  redisAway: readonly Span[],
): Generator<Finding> {
  const ran = new Map(executions.map((execution) => [execution.callId, execution.receivedAtMs]))
  const passed = calls.flatMap(({ id, accountId, isNarrow, sentAtMs, degraded }) => {
    const receivedAtMs = isNarrow ? ran.get(id) : undefined
    return receivedAtMs === undefined ? [] : [{ accountId, sentAtMs, receivedAtMs, degraded }]
  })
  for (const [accountId, ofAccount] of Map.groupBy(passed, (call) => call.accountId)) {
    for (const { sentAtMs } of ofAccount) {
      const untilMs = sentAtMs + narrow.windowMs
      const inside = ofAccount.filter((c) => c.sentAtMs >= sentAtMs && c.receivedAtMs < untilMs)
      const spansLoss =
        inside.some(({ degraded }) => degraded) ||
        redisAway.some((span) => span.fromMs < untilMs && span.untilMs > sentAtMs)
      const most = spansLoss ? 2 * narrow.rateLimit : narrow.rateLimit
      if (inside.length <= most) continue
      const what = `${accountId}: ${inside.length} calls within ${narrow.windowMs} ms, at most ${most}`
      yield { invariant: 'I6', what }
      break
    }
  }
}

/** On this process's monotonic clock. */
export interface Span {
  readonly fromMs: number
  readonly untilMs: number
}
