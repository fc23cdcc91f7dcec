/** However a response that is metered along the way ends, its upstream is cancelled. */
import { expect, test } from 'bun:test'
import type { Reservation } from '../../src/gate/reservation/reservation.ts'
import { meteredStream } from '../../src/proxy/delivery/metered-stream.ts'
import { partsOf } from '../../src/proxy/metering/parts.ts'
import { UpstreamClock } from '../../src/proxy/upstream/upstream-clock.ts'

const reservation = {
  ensure: async () => undefined,
  beforeSending: async () => undefined,
  onLost() {},
} as unknown as Reservation

test('an event that never ends is no longer read', async () => {
  let isCancelled = false
  const upstream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1_000_000).fill(120)),
    cancel() {
      isCancelled = true
    },
  })
  const { promise: over, resolve: onOver } = Promise.withResolvers<void>()
  const meter = {
    used: 0,
    usedInAll: 0,
    hasFailed: false,
    count: () => ({ isSold: true, isWithheld: false }),
  }
  const clock = new UpstreamClock(60_000)
  const body = meteredStream(partsOf(upstream, 'events'), meter, reservation, clock, {
    countedAt: (quantity) => ({ quantity }),
    countedInAll: (quantity) => ({ quantity }),
    charge: async () => {},
    void: async () => {},
    finalEvent: () => undefined,
    refusalOf: () => ({ code: 'upstream_failed', detail: 'x' }),
    isDue: () => true,
    isBrokenByClient: () => false,
    isCutOff: () => false,
    maxDeliverySeconds: 60,
    onOver,
    log() {},
  })
  await body
    .getReader()
    .read()
    .catch(() => {})
  await over
  expect(isCancelled).toBe(true)
  clock.stop()
})
