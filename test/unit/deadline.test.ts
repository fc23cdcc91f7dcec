import { expect, test } from 'bun:test'
import { once } from 'node:events'
import { deadline } from '../../src/proxy/upstream/deadline.ts'

test('calls that begin together share a signal, and those with another timeout do not', () => {
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

test('whoever comes late to a shared signal still has the whole time', async () => {
  deadline(60)
  const startedAtMs = performance.now()
  let askedAtMs = startedAtMs
  while (askedAtMs - startedAtMs < 15) askedAtMs = performance.now()
  const signal = deadline(60)
  await once(signal, 'abort')
  // Timers count whole milliseconds.
  expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(59)
  expect(signal.reason.name).toBe('TimeoutError')
})
