/**
 * Whose doing it is that a response breaks off. An upstream that breaks off is not paid for. But a client can make one
 * break off, when he has all that he wants of it: he withholds the end of what he sends, or does not read until the upstream's
 * patience ends, and reads on. So what breaks off after its client has kept the upstream waiting counts as left by him,
 * whoever broke it off: nobody can see from here whether the upstream would have gone on.
 */
import { type CallBody, streamOf } from '../request/request-body.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'

/** Less than any upstream's patience, and more than a client on a good line takes to read a long response. */
const keptWaitingMs = 1_000

export function isBrokenByClient(
  body: Pick<CallBody, 'forward'>,
  clock: Pick<UpstreamClock, 'stillMs'>,
): boolean {
  const stream = streamOf(body)
  if (stream?.refusal !== undefined) return true
  return clock.stillMs + (stream?.owedMs ?? 0) >= keptWaitingMs
}
