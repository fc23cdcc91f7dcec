/** Whose doing it is that a response breaks off. */
import { expect, test } from 'bun:test'
import { isBrokenByClient } from '../../src/proxy/delivery/broken-by-client.ts'
import { StreamedBody } from '../../src/proxy/request/streamed-body.ts'
import { UpstreamClock } from '../../src/proxy/upstream/upstream-clock.ts'
import { until } from '../support/until.ts'

const ignored = { pause() {}, resume() {} }

/** A body of four bytes, of which this has arrived at the upstream that waits for more. */
async function body(arrived: string) {
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(arrived)),
  })
  const stream = new StreamedBody(source, 4, { maxSeconds: 60 })
  const reader = stream.open(ignored).getReader()
  await reader.read()
  void reader.read().catch(() => {})
  return { stream, forward: { stream } }
}

const passed = (ms: number) => {
  const since = performance.now()
  return until(() => performance.now() - since > ms)
}

test('a client who reads all the time, or pauses for a moment, breaks nothing', async () => {
  const clock = new UpstreamClock(60_000)
  await passed(1_100)
  clock.pause()
  clock.resume()
  expect(isBrokenByClient({}, clock)).toBe(false)
  clock.stop()
})

test('one who has not read for a second does, and reading on changes nothing in it', async () => {
  const clock = new UpstreamClock(60_000)
  for (let pauses = 0; pauses < 3; pauses++) {
    clock.pause()
    await passed(400)
    clock.resume()
  }
  expect(isBrokenByClient({}, clock)).toBe(true)
  clock.stop()
})

test('one who owes a part of the body does after a second, and not when it has arrived whole', async () => {
  const clock = new UpstreamClock(60_000)
  const [part, whole] = [await body('abc'), await body('abcd')]
  expect(isBrokenByClient(part, clock)).toBe(false)
  await passed(1_100)
  expect(isBrokenByClient(part, clock)).toBe(true)
  expect(isBrokenByClient(whole, clock)).toBe(false)
  clock.stop()
})

test('one whose body was refused does at once', async () => {
  const clock = new UpstreamClock(60_000)
  const broken = await body('a')
  broken.stream.breakOff({ code: 'body_too_slow', detail: 'too slow' })
  expect(isBrokenByClient(broken, clock)).toBe(true)
  clock.stop()
})
