/** Time: what a body may weigh is tested where bodies are taken. */
import { expect, test } from 'bun:test'
import { readBody } from '../../src/read-body.ts'

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
  const { request, sent } = dribble()
  expect(await readBody(request, { bytes: 1_000, seconds: 0.02 })).toBe('too_slow')
  expect(sent()).toBeGreaterThan(0)
})

test('one that announced its length is, too', async () => {
  const { request } = dribble({ 'content-length': '1000' })
  expect(await readBody(request, { bytes: 1_000, seconds: 0.02 })).toBe('too_slow')
})

test('what is announced to be large gets the time that it takes', async () => {
  // A second for 64 KiB: ten of them, and nothing beyond.
  const slow = new ReadableStream<Uint8Array>({
    async start(controller) {
      await Bun.sleep(20)
      controller.enqueue(new Uint8Array(655_360))
      controller.close()
    },
  })
  const headers = { 'content-length': '655360' }
  const request = new Request('http://localhost/', { method: 'POST', body: slow, headers })
  expect(await readBody(request, { bytes: 1_000_000, seconds: 0 })).toHaveLength(655_360)
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
