/** A body that is sent to the upstream while it arrives: when it is read, how it ends, and whose time passes. */
import { describe, expect, test } from 'bun:test'
import { StreamedBody } from '../../src/proxy/request/streamed-body.ts'
import { until } from '../support/until.ts'

/** A client who sends these pieces, each when it is asked for; `undefined` is silence, an Error a broken connection. */
function client(...pieces: readonly (string | undefined | Error)[]) {
  const asked: number[] = []
  let cancelled = false
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const index = asked.length
        asked.push(index)
        if (index === pieces.length) return controller.close()
        const piece = pieces[index]
        if (piece === undefined) return new Promise(() => {})
        if (typeof piece === 'string') controller.enqueue(new TextEncoder().encode(piece))
        else controller.error(piece)
      },
      cancel() {
        cancelled = true
      },
    },
    { highWaterMark: 0 },
  )
  return {
    body,
    asked,
    get cancelled() {
      return cancelled
    },
  }
}

/** A clock that says whether it runs. */
function clock() {
  let runs = true
  return {
    get runs() {
      return runs
    },
    pause() {
      runs = false
    },
    resume() {
      runs = true
    },
  }
}

const bodyOf = (from: ReturnType<typeof client>, length: number, maxSeconds = 60) =>
  new StreamedBody(from.body, length, { maxSeconds })

const textOf = (stream: ReadableStream<Uint8Array>) => new Response(stream).text()

describe('a body that arrives whole', () => {
  test('is passed on, and ends with its last byte', async () => {
    const from = client('abc', 'def', 'never asked for')
    const body = bodyOf(from, 6)
    expect(await textOf(body.open(clock()))).toBe('abcdef')
    expect(from.asked).toHaveLength(2)
    expect(body.refusal).toBeUndefined()
  })

  test('is asked for piece by piece, as it is taken', async () => {
    const from = client('abc', 'def')
    const reader = bodyOf(from, 6).open(clock()).getReader()
    expect(from.asked).toHaveLength(0)
    await reader.read()
    expect(from.asked).toHaveLength(1)
    await reader.read()
    expect(from.asked).toHaveLength(2)
    expect((await reader.read()).done).toBe(true)
  })

  test('breaks off no more', async () => {
    const body = bodyOf(client('abc'), 3)
    await textOf(body.open(clock()))
    body.breakOff({ code: 'internal', detail: 'too late' })
    expect(body.refusal).toBeUndefined()
  })
})

describe('a body that does not', () => {
  test.each([
    ['ends early', ['abc'], 'invalid_request'],
    ['has more than was said', ['abc', 'defg'], 'invalid_request'],
    ['is cut off', ['abc', new Error('reset')], 'invalid_request'],
    ['stands still', ['abc', undefined], 'body_too_slow'],
  ] as const)('because it %s breaks off, and says why', async (_, pieces, code) => {
    const from = client(...pieces)
    const body = bodyOf(from, 6, 0.05)
    expect(textOf(body.open(clock()))).rejects.toThrow()
    await until(() => body.refusal !== undefined)
    expect(body.refusal?.code).toBe(code)
  })

  test('because nobody waits for it any more is left', async () => {
    const from = client('abc', undefined)
    const body = bodyOf(from, 6)
    const reader = body.open(clock()).getReader()
    await reader.read()
    const waiting = reader.read()
    await reader.cancel()
    await waiting
    await until(() => from.cancelled)
    // It is not the client who is to blame.
    expect(body.refusal).toBeUndefined()
  })

  test('because the call is over breaks off with the reason that is given', async () => {
    const body = bodyOf(client('abc', undefined), 6)
    const reader = body.open(clock()).getReader()
    await reader.read()
    const refusal = { code: 'ledger_unavailable', detail: 'lost' } as const
    body.breakOff(refusal)
    await expect(reader.read()).rejects.toThrow('lost')
    expect(body.refusal).toBe(refusal)
  })
})

test("the upstream's time stands still while the client is waited for, and only then", async () => {
  const time = clock()
  const reader = bodyOf(client('abc', undefined), 6).open(time).getReader()
  expect(time.runs).toBe(true)
  await reader.read()
  expect(time.runs).toBe(true)
  void reader.read().catch(() => {})
  await until(() => !time.runs)
})

test('it is opened for another upstream only as long as nothing was read of it', async () => {
  const body = bodyOf(client('abc'), 3)
  const unused = body.open(clock())
  const reader = body.open(clock()).getReader()
  await unused.cancel()
  expect(new TextDecoder().decode((await reader.read()).value)).toBe('abc')
  expect(() => body.open(clock())).toThrow('sent once')
})

describe('a body that comes faster than its account may send', () => {
  test('waits as it is told, while the upstream’s clock stands still', async () => {
    const from = client('abc', 'def')
    const time = clock()
    const seen: [bytes: number, runs: boolean][] = []
    const waitAfter = (bytes: number) => {
      seen.push([bytes, time.runs])
      return 20
    }
    const body = new StreamedBody(from.body, 6, { maxSeconds: 60, waitAfter })
    const beganAtMs = performance.now()
    expect(await textOf(body.open(time))).toBe('abcdef')
    // Timers may come up to a millisecond early.
    expect(performance.now() - beganAtMs).toBeGreaterThan(38)
    expect(seen).toEqual([
      [3, false],
      [3, false],
    ])
    expect(time.runs).toBe(true)
  })

  test('is not too slow by that', async () => {
    const from = client('abc', 'def', 'ghi')
    const body = new StreamedBody(from.body, 9, { maxSeconds: 1, waitAfter: () => 600 })
    expect(await textOf(body.open(clock()))).toBe('abcdefghi')
    expect(body.owedMs).toBe(0)
  })
})
