/** However an answer that is metered along the way ends, its service is let go. */
import { expect, test } from 'bun:test'
import type { GrowingHold } from '../../src/gate/reservation/growing-hold.ts'
import { meteredStream } from '../../src/proxy/delivery/metered-stream.ts'
import { partsOf } from '../../src/proxy/metering/meter.ts'

const hold = { cover: async () => undefined, whenLost() {} } as unknown as GrowingHold

test('an event that never ends is no longer read', async () => {
  let isLetGo = false
  const service = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1_000_000).fill(120)),
    cancel() {
      isLetGo = true
    },
  })
  const { promise: over, resolve } = Promise.withResolvers<void>()
  const meter = { used: 0, count: () => ({ sold: true, waits: false }) }
  const answer = meteredStream(partsOf(service, 'events'), meter, hold, {
    settle: async () => {},
    release: async () => {},
    finalEvent: () => undefined,
    brokenOff: () => ({ code: 'upstream_failed', detail: 'x' }),
    isCutOff: () => false,
    over: resolve,
    log() {},
  })
  await answer
    .getReader()
    .read()
    .catch(() => {})
  await over
  expect(isLetGo).toBe(true)
})
