/** The time of an upstream stands still while its client does not read. */
import { expect, test } from 'bun:test'
import { once } from 'node:events'
import { UpstreamClock } from '../../src/proxy/upstream/upstream-clock.ts'

const since = (startedAtMs: number) => performance.now() - startedAtMs

test('a clock that never stands still aborts when the time is over', async () => {
  const startedAtMs = performance.now()
  const clock = new UpstreamClock(60)
  await once(clock.signal, 'abort')
  expect(since(startedAtMs)).toBeGreaterThanOrEqual(59)
  expect(clock.signal.reason.name).toBe('TimeoutError')
})

test('time in which it stands still does not count, however often it does', async () => {
  const startedAtMs = performance.now()
  const clock = new UpstreamClock(80)
  let stoodMs = 0
  for (let times = 0; times < 3; times++) {
    clock.pause()
    // A second time changes nothing.
    clock.pause()
    const pausedAtMs = performance.now()
    await Bun.sleep(70)
    stoodMs += since(pausedAtMs)
    clock.resume()
    await Bun.sleep(10)
  }
  // On a busy machine it may have had its time by now.
  if (!clock.signal.aborted) await once(clock.signal, 'abort')
  expect(since(startedAtMs)).toBeGreaterThanOrEqual(stoodMs + 79)
})

test('standing still for too long is told once, and nothing is aborted', async () => {
  const clock = new UpstreamClock(30)
  const { promise, resolve } = Promise.withResolvers<void>()
  let times = 0
  clock.limitPauses(90, () => {
    times++
    resolve()
  })
  const pausedAtMs = performance.now()
  clock.pause()
  await promise
  expect(since(pausedAtMs)).toBeGreaterThanOrEqual(89)
  await Bun.sleep(60)
  expect([times, clock.signal.aborted]).toEqual([1, false])
})

test('a clock that was stopped does nothing more', async () => {
  const clock = new UpstreamClock(20)
  let times = 0
  clock.limitPauses(20, () => times++)
  clock.pause()
  clock.stop()
  await Bun.sleep(90)
  expect([times, clock.signal.aborted]).toEqual([0, false])
})
