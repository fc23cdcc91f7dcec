import { expect, test } from 'bun:test'
import { deadline } from '../../src/lib/deadline.ts'

test('calls that begin together share a timer, and those with another timeout do not', () => {
  // On a busy machine two calls in a row may not begin together: then it is tried again, with timeouts of its own.
  for (let timeoutMs = 10_000; ; timeoutMs += 2) {
    const startedAtMs = performance.now()
    const [first, second, other] = [
      deadline(timeoutMs),
      deadline(timeoutMs),
      deadline(timeoutMs + 1),
    ]
    if (performance.now() - startedAtMs > 20) continue
    expect(second).toBe(first)
    expect(other).not.toBe(first)
    return
  }
})

test('whoever comes late to a shared timer still has the whole time', async () => {
  deadline(60)
  const startedAtMs = performance.now()
  let askedAtMs = startedAtMs
  while (askedAtMs - startedAtMs < 15) askedAtMs = performance.now()
  await new Promise<void>((resolve) => deadline(60).add(resolve))
  // Timers count whole milliseconds.
  expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(59)
})

test('whoever waits no longer is not called', async () => {
  let calls = 0
  const timer = deadline(30)
  const count = () => void calls++
  timer.add(count)
  timer.delete(count)
  await new Promise<void>((resolve) => timer.add(resolve))
  expect(calls).toBe(0)
})
