/** Relays a long response that nobody pays for: nothing is withheld, and nothing depends on how it ends. */
import type { Call } from '../call.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'
import type { DeliveryDeps } from './priced-call.ts'
import type { CallResponse } from './responses.ts'
import { type LongStart, withholdTail } from './withhold-tail.ts'

export function relayUnsold(
  { maxDeliverySeconds, log }: Pick<DeliveryDeps, 'maxDeliverySeconds' | 'log'>,
  { route, requestId }: Call,
  { status }: Response,
  clock: UpstreamClock,
  start: LongStart,
  headers: Headers,
): CallResponse {
  const { promise: relayed, resolve } = Promise.withResolvers<void>()
  const body = withholdTail(start, clock, {
    onStart(endEarly) {
      clock.limitPauses(maxDeliverySeconds * 1_000, () => void endEarly('client'))
    },
    async onEnd() {
      resolve()
      return () => true
    },
    async onFailure(error) {
      log(`${route.id} ${requestId}: the response broke off`, error)
      resolve()
    },
    async onEndedEarly() {
      resolve()
    },
  })
  return { response: new Response(body, { status, headers }), relayed }
}
