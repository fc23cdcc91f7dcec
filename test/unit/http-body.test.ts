/** How long a body may take. The tests of the routes that read bodies cover their size. */
import { expect, test } from 'bun:test'
import { readBody } from '../../src/lib/http-body.ts'
import { until } from '../support/until.ts'

/** A body that sends a byte at once, and another now and then for ever. */
function drip(headers: Record<string, string> = {}) {
  let sent = 0
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent > 0) await Bun.sleep(1)
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

test('a body that drips for ever is given up', async () => {
  const { request, sent, cancelled } = drip()
  expect(await readBody(request, { maxBytes: 1_000_000, maxSeconds: 0.02 })).toBe('too_slow')
  expect(sent()).toBeGreaterThan(0)
  await until(cancelled)
})

test('so is one that announced its length', async () => {
  for (const length of ['1000', '1000000']) {
    const { request } = drip({ 'content-length': length })
    expect(await readBody(request, { maxBytes: 1_000_000, maxSeconds: 0.02 })).toBe('too_slow')
  }
})

test('a body that arrives quickly enough may take as long as it needs', async () => {
  // The whole body takes longer than the half second for any body, and far less than a second for each 64 KiB.
  let chunks = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(5)
      if (chunks++ === 120) controller.close()
      else controller.enqueue(new Uint8Array(65_536))
    },
  })
  const request = new Request('http://localhost/', { method: 'POST', body })
  expect(await readBody(request, { maxBytes: 10_000_000, maxSeconds: 0.5 })).toHaveLength(
    120 * 65_536,
  )
})

test('a length that is no number exceeds every limit', async () => {
  for (const length of ['5, 5', 'NaN', '1e400']) {
    const request = new Request('http://localhost/', {
      ...{ method: 'POST', body: 'hello', headers: { 'content-length': length } },
    })
    expect([length, await readBody(request, { maxBytes: 1_000, maxSeconds: 60 })]).toEqual([
      length,
      'too_large',
    ])
  }
})

/** A body of these pieces, each made when it is asked for. */
function pieces(count: number, bytes: number, asked: () => void = () => {}): Request {
  let sent = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        asked()
        if (sent === count) return controller.close()
        controller.enqueue(new Uint8Array(bytes).fill(++sent))
      },
    },
    { highWaterMark: 0 },
  )
  return new Request('http://localhost/', { method: 'POST', body })
}

test('no piece is asked for until the wait after the one before is over', async () => {
  const askedAtMs: number[] = []
  const dueAtMs: number[] = []
  const counted: number[] = []
  const request = pieces(3, 100_000, () => askedAtMs.push(performance.now()))
  const waitAfter = (bytes: number) => {
    counted.push(bytes)
    dueAtMs.push(performance.now() + 20)
    return 20
  }
  const body = await readBody(request, { maxBytes: 1_000_000, maxSeconds: 60, waitAfter })
  expect(body).toHaveLength(300_000)
  expect(counted).toEqual([100_000, 100_000, 100_000])
  // Timers may come up to a millisecond early.
  for (const [n, due] of dueAtMs.entries()) expect(askedAtMs[n + 1]).toBeGreaterThan(due - 2)
})

test('its sender is not to blame for these waits', async () => {
  const request = pieces(3, 1)
  const body = await readBody(request, { maxBytes: 10, maxSeconds: 1, waitAfter: () => 600 })
  expect(body).toEqual(new Uint8Array([1, 2, 3]))
})

/** A body of an announced length that is collected, which counts memory, and has a pace. */
function announced(bytes: number): Request {
  const headers = { 'content-length': String(bytes) }
  return new Request('http://localhost/', { method: 'POST', headers, body: 'x'.repeat(bytes) })
}

test('the memory of a body is taken by its announced length, and its sender paced by it, before it is read', async () => {
  const limits = { maxBytes: 1_000_000, maxSeconds: 60 }
  for (const length of [65_537, 200_000]) {
    const request = announced(length)
    const counted: unknown[] = []
    const count = (what: string) => (bytes: number) => {
      counted.push([what, bytes, request.bodyUsed])
      return 1
    }
    const [take, waitAfter] = [count('take'), count('wait')]
    const body = await readBody(request, { ...limits, take: (n) => take(n) === 1, waitAfter })
    expect(body).toHaveLength(length)
    expect(counted).toEqual([
      ['take', length, false],
      ['wait', length, false],
    ])
  }
  const refused = announced(200_000)
  expect(await readBody(refused, { ...limits, take: () => false })).toBe('no_room')
  expect(refused.bodyUsed).toBe(false)
  const small = await readBody(announced(65_536), { ...limits, take: () => false })
  expect(small).toHaveLength(65_536)
})

test('a body that is collected has a second for each 64 KiB that it announces', async () => {
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(250)
      if (sent++ === 4) controller.close()
      else controller.enqueue(new Uint8Array(32_768))
    },
  })
  const headers = { 'content-length': String(4 * 32_768) }
  const request = new Request('http://localhost/', { method: 'POST', body, headers })
  const read = await readBody(request, { maxBytes: 1_000_000, maxSeconds: 0.1 })
  expect(read).toHaveLength(4 * 32_768)
})

test('a large body is put together in many turns, so that others have theirs', async () => {
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  let turnsBefore = 0
  const request = pieces(80, 250_000, () => {
    turnsBefore = turns
  })
  count()
  const body = await readBody(request, { maxBytes: 100_000_000, maxSeconds: 60 })
  isOver = true
  expect(turns - turnsBefore).toBeGreaterThan(10)
  const expected = Buffer.concat(
    Array.from({ length: 80 }, (_, n) => new Uint8Array(250_000).fill(n + 1)),
  )
  expect(typeof body !== 'string' && expected.equals(body)).toBe(true)
})
