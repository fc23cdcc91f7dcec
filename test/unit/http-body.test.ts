/** Time: what a body may weigh is tested where bodies are taken. */
import { expect, test } from 'bun:test'
import { readBody } from '../../src/lib/http-body.ts'
import { until } from '../support/until.ts'

/** Sends a byte now and then, for ever. */
function dribble(headers: Record<string, string> = {}) {
  let sent = 0
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(1)
      sent++
      controller.enqueue(new Uint8Array(1))
    },
    cancel() {
      cancelled = true
    },
  })
  const request = new Request('http://localhost/', { method: 'POST', body, headers })
  return { request, sent: () => sent, cancelled: () => cancelled }
}

test('a body that dribbles without end is given up on', async () => {
  const { request, sent, cancelled } = dribble()
  expect(await readBody(request, { bytes: 1_000_000, seconds: 0.02 })).toBe('too_slow')
  expect(sent()).toBeGreaterThan(0)
  await until(cancelled)
})

test('one that announced its length is, too', async () => {
  for (const length of ['1000', '1000000']) {
    const { request } = dribble({ 'content-length': length })
    expect(await readBody(request, { bytes: 1_000_000, seconds: 0.02 })).toBe('too_slow')
  }
})

test('what arrives quickly enough has the time that it takes', async () => {
  // More than half a second in all, which is more than any body has, and far less than a second for 64 KiB.
  let chunks = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(5)
      if (chunks++ === 120) controller.close()
      else controller.enqueue(new Uint8Array(65_536))
    },
  })
  const request = new Request('http://localhost/', { method: 'POST', body })
  expect(await readBody(request, { bytes: 10_000_000, seconds: 0.5 })).toHaveLength(120 * 65_536)
})

test('a length that is no number exceeds every limit', async () => {
  for (const length of ['5, 5', 'NaN', '1e400']) {
    const request = new Request('http://localhost/', {
      ...{ method: 'POST', body: 'hello', headers: { 'content-length': length } },
    })
    expect([length, await readBody(request, { bytes: 1_000, seconds: 60 })]).toEqual([
      length,
      'too_large',
    ])
  }
})
