/** Responses too long to be buffered: relayed in flat memory, and their tail is sent when their charge is written. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { wavHeader } from '../../src/demo/wav.ts'
import { type RawCall, rawCall, rawPost } from '../support/raw-client.ts'
import { startGatewayProcess } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { Ledger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const piece = new Uint8Array(50_000).fill(120)

let shop: Shop
beforeAll(async () => {
  const price = {
    ...{ per: 'second', unit: 60, credits: 10, settle: null },
    hold: { audio: 'file', lowestBitsPerSecond: 8_000, maxSeconds: 14_400 },
  }
  shop = await openShop({
    dedicatedHolds: true,
    config: { routes: { 'stt-transcribe': { price } } },
  })
})
afterAll(() => shop.close())

/** A response of the upstream that grows as the test says. */
function growing() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(undefined, {
    highWaterMark: 4,
  })
  const writer = writable.getWriter()
  return {
    readable,
    write: () => writer.write(piece),
    end: () => writer.close(),
    /** Resolves when nobody reads any more. */
    abandoned: writer.closed.then(
      () => false,
      () => true,
    ),
  }
}

/** A call whose response has begun to arrive, and the response. */
async function begin() {
  const response = growing()
  shop.upstream.respond(() => new Response(response.readable))
  const call = rawCall(shop.gateway.url, synthesis())
  await until(async () => {
    // The upstream may go on at any time: the gateway withholds what it sent last.
    if (shop.upstream.executed.length > 0) await response.write()
    return call.body.length > 0
  })
  return { response, call, requestId: call.header('x-request-id') }
}

const synthesis = () => rawPost('/v1/tts/synthesize', shop.key.text, { text: 'a'.repeat(1_500) })

async function finish(call: RawCall) {
  await call.ended()
  call.socket.destroy()
}

/** Takes the lock of the ledger, so that appends wait, until the returned function is called. */
async function holdAppends(ledger: Ledger): Promise<() => Promise<void>> {
  const connection = await ledger.owner.reserve()
  await connection`begin`
  await connection`select enter_shard(0::smallint)`
  return async () => {
    await connection`rollback`
    connection.release()
  }
}

const waitingAppends = () => shop.ledger.owner`
  select pid from pg_stat_activity where datname = current_database()
    and wait_event_type = 'Lock' and query like '%append_v1%' and pid <> pg_backend_pid()`

describe('the end', () => {
  test('leaves only when the settlement is in the log', async () => {
    const { response, call, requestId } = await begin()
    const releaseLock = await holdAppends(shop.ledger)
    await response.end()
    await until(async () => (await waitingAppends()).length > 0)
    expect(call.whole).toBe(false)
    expect(call.body.length % piece.length).toBe(0)
    const held = call.body.length
    expect((await shop.eventsOf(requestId)).map(({ type }) => type)).toEqual(['CreditsHeld'])
    await releaseLock()
    await finish(call)
    expect(call.whole).toBe(true)
    expect(call.body.length).toBeGreaterThan(held)
    expect((await shop.eventsOf(requestId)).map(({ type }) => type)).toEqual([
      ...['CreditsHeld', 'HoldSettled'],
    ])
  })

  test('is never sent when the settlement is refused', async () => {
    const { response, call, requestId } = await begin()
    const [hold] = await shop.ledger.sql<{ tariff: string; accountId: string; keyId: string }[]>`
      select tariff, account_id as "accountId", key_id as "keyId" from events
      where request_id = ${requestId ?? ''}`
    if (!hold || !requestId) throw new Error('there is no hold')
    await shop.ledger.advance(3_600_000)
    const of = { ...hold, requestId, mode: 'live', endpoint: 'tts-synthesize', actor: 'gateway' }
    await shop.ledger.expire({ ...of, mode: 'live' })
    await response.end()
    await finish(call)
    expect(call.whole).toBe(false)
    expect((await shop.eventsOf(requestId)).map(({ type }) => type)).toEqual([
      ...['CreditsHeld', 'HoldExpired'],
    ])
  })

  test('of a response that its upstream sent too slowly is never sent', async () => {
    const timed = await openShop({ config: { routes: { 'tts-synthesize': { timeoutMs: 400 } } } })
    const response = growing()
    timed.upstream.respond(() => new Response(response.readable))
    const text = { text: 'hello' }
    const call = rawCall(timed.gateway.url, rawPost('/v1/tts/synthesize', timed.key.text, text))
    for (let pieces = 0; pieces < 3; pieces++) await response.write()
    await finish(call)
    // Where the pieces arrived as one, nothing of them was sent, and the client reads so.
    if (call.whole) expect(call.status).toBe(502)
    const requestId = timed.upstream.executed[0]?.requestId
    const events = await timed.outcomeOf(requestId, 'HoldReleased')
    expect(events[1]?.payload).toEqual({ reason: 'upstream_broke_off' })
    await timed.close()
  })
})

describe('a client who leaves', () => {
  test('in the middle pays the price that the request fixed, and the upstream is cancelled', async () => {
    const { response, call, requestId } = await begin()
    call.socket.destroy()
    const events = await shop.outcomeOf(requestId, 'HoldSettled')
    expect(events).toHaveLength(2)
    expect(events[1]).toMatchObject({
      credits: 2,
      quantity: 1_500,
      payload: { terminatedBy: 'client' },
    })
    expect(await response.abandoned).toBe(true)
  })

  test('while the end waits for the ledger pays once, and nothing is said of leaving', async () => {
    const { response, call, requestId } = await begin()
    const releaseLock = await holdAppends(shop.ledger)
    await response.end()
    await until(async () => (await waitingAppends()).length > 0)
    call.socket.destroy()
    await releaseLock()
    const events = await shop.outcomeOf(requestId, 'HoldSettled')
    expect(events.map(({ type, payload }) => [type, payload])).toEqual([
      ['CreditsHeld', events[0]?.payload ?? {}],
      ['HoldSettled', {}],
    ])
    // Whatever else was appended for that call was appended before this one.
    shop.upstream.respond(() => Response.json({}))
    expect((await shop.post('/v1/search', { query: 'q' })).status).toBe(200)
    const said = shop.gateway.warnings.filter((line) => line.includes(requestId ?? ''))
    expect(said).toEqual([])
  })

  test.each([
    ['short', new Uint8Array(10), {}],
    ['long', new Uint8Array(300_000), { terminatedBy: 'client' }],
  ])('before a %s response begins pays for it: the upstream did its work', async (_, body) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    shop.upstream.respond(async () => {
      await promise
      return new Response(body)
    })
    const call = rawCall(shop.gateway.url, synthesis())
    await until(() => shop.upstream.executed.length === 1)
    call.socket.destroy()
    const { requestId } = shop.upstream.executed[0] ?? {}
    resolve()
    const events = await shop.outcomeOf(requestId, 'HoldSettled')
    expect(events.map(({ type, credits }) => [type, credits])).toEqual([
      ['CreditsHeld', 2],
      ['HoldSettled', 2],
    ])
  })

  test('by closing his half of the connection, the request being sent, pays: the upstream did its work', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    shop.upstream.respond(async () => {
      await promise
      return new Response(new Uint8Array(10))
    })
    const call = rawCall(shop.gateway.url, synthesis())
    await until(() => shop.upstream.executed.length === 1)
    call.socket.end()
    await until(() => call.closed)
    const { requestId } = shop.upstream.executed[0] ?? {}
    resolve()
    expect(await shop.outcomeOf(requestId, 'HoldSettled')).toHaveLength(2)
    expect(call.received).toHaveLength(0)
  })

  test('while sending the request holds nothing', async () => {
    const before = await shop.ledger.size()
    shop.upstream.respond(() => new Response())
    const whole = synthesis()
    const call = rawCall(shop.gateway.url, whole.slice(0, -10))
    await new Promise<void>((resolve) => call.socket.once('connect', () => resolve()))
    call.socket.end()
    await until(() => call.closed)
    // A call that came later has been through: the one before it would have been, too.
    expect((await shop.fetch('/v1/key')).status).toBe(200)
    expect(shop.upstream.executed).toHaveLength(0)
    expect(await shop.ledger.size()).toBe(before)
  })
})

describe('a client who stops reading', () => {
  const byTheByte = { per: 'byte', unit: 10_000, credits: 1, hold: { text: null, step: 100_000 } }

  /** A shop whose upstream may take this long, and a call of which this much has arrived when its client stops. */
  async function stopReading(route: object, limits: object, sends: number, stopsAfter: number) {
    const timed = await openShop({
      config: { routes: { 'tts-synthesize': { timeoutMs: 1_500, ...route } }, limits },
    })
    let left = sends
    const pull = (controller: ReadableStreamDefaultController) => {
      if (left-- > 0) controller.enqueue(piece)
      else controller.close()
    }
    timed.upstream.respond(() => new Response(new ReadableStream({ pull })))
    const text = { text: 'hello' }
    const call = rawCall(timed.gateway.url, rawPost('/v1/tts/synthesize', timed.key.text, text))
    // A machine that is busy is itself too slow a client.
    await until(() => call.closed || call.body.length > stopsAfter)
    call.socket.pause()
    const events = (last: string) => timed.outcomeOf(timed.upstream.executed[0]?.requestId, last)
    return { timed, call, events }
  }

  test('for longer than the upstream may take, and reads on, gets the whole response and pays for it', async () => {
    const { timed, call, events } = await stopReading({ timeoutMs: 3_000 }, {}, 400, 500_000)
    await Bun.sleep(4_000)
    // Looking at the body again and again would take the gateway's time, for it runs in this process.
    let arrived = call.received.length
    call.socket.on('data', (bytes) => {
      arrived += bytes.length
    })
    call.socket.resume()
    await until(() => call.closed || arrived > 400 * piece.length, 20_000)
    await finish(call)
    expect(call.whole).toBe(true)
    expect(call.body.length).toBe(400 * piece.length)
    const settled = (await events('HoldSettled')).at(-1)
    expect(settled).toMatchObject({ credits: 1, payload: {} })
    await timed.close()
  })

  test.each([
    ['the whole price, where the request fixed it', {}, 1],
    ['for what was sent, where that is the price', { price: byTheByte }, undefined],
  ])('for too long pays %s', async (_, route, credits) => {
    const limits = { maxDeliverySeconds: 1 }
    const patient = { timeoutMs: 4_000, ...route }
    const { timed, call, events } = await stopReading(patient, limits, 10_000, 500_000)
    const settled = (await events('HoldSettled')).at(-1)
    expect(settled).toMatchObject({ payload: { delivered: true, terminatedBy: 'client' } })
    if (credits !== undefined) expect(settled?.credits).toBe(credits)
    call.socket.resume()
    await finish(call)
    expect(call.whole).toBe(false)
    // What was sent can stand in buffers still, and is at least what arrived.
    if (credits === undefined) {
      expect(settled?.credits).toBeGreaterThanOrEqual(Math.floor(call.body.length / 10_000))
    }
    await timed.close()
  })
})

test('a client who does not read holds up the upstream, and fills no memory', async () => {
  const size = 128 * 1024 * 1024
  let sent = 0
  const megabyte = new Uint8Array(1024 * 1024)
  shop.upstream.respond(
    () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (sent === size) return controller.close()
            sent += megabyte.length
            controller.enqueue(megabyte)
          },
        }),
      ),
  )
  const gateway = await startGatewayProcess({
    databaseUrl: shop.ledger.url,
    upstream: shop.upstream.url,
  })
  const residentBytes = async () => {
    const ps = Bun.spawn(['ps', '-o', 'rss=', '-p', String(gateway.pid)])
    return Number(await new Response(ps.stdout).text()) * 1_024
  }
  const response = await fetch(`${gateway.url}/v1/tts/synthesize`, {
    ...{ method: 'POST', body: JSON.stringify({ text: 'hello' }) },
    headers: { 'x-api-key': shop.key.text, 'content-type': 'application/json' },
  })
  const before = await residentBytes()
  let most = 0
  let received = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    // Every eight megabytes the client stops to look.
    const look = Math.floor(received / 2 ** 23) < Math.floor((received + chunk.length) / 2 ** 23)
    received += chunk.length
    if (look) most = Math.max(most, await residentBytes())
  }
  expect(received).toBe(size)
  expect(most - before).toBeLessThan(size / 2)
  await gateway.stop()
})

test('the charge of a long response is what its quantity costs, which can be less than was held', async () => {
  shop.upstream.respond(() => new Response(new Uint8Array(200_000)))
  const form = new FormData()
  const samples = 60 * 8_000
  const audio = new Blob([wavHeader(samples, 8_000), new Uint8Array(samples * 2)])
  form.set('file', new File([audio], 'a.wav', { type: 'audio/wav' }))
  const response = await shop.fetch('/v1/stt/transcribe', { method: 'POST', body: form })
  const remaining = Number(response.headers.get('x-credits-remaining'))
  expect(response.headers.get('x-credits-charged')).toBe('10')
  await response.bytes()
  const [held, settled] = await shop.eventsOf(response.headers.get('x-request-id'))
  expect(held).toMatchObject({ credits: 170 })
  expect(settled).toMatchObject({ type: 'HoldSettled', credits: 10, quantity: 60 })
  const next = await shop.post('/v1/search', { query: 'q' })
  await next.bytes()
  expect(Number(next.headers.get('x-credits-remaining'))).toBe(remaining - 1)
})
