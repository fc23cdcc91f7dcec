/**
 * Streams that are sold by the token: nothing is sent that is not held, the hold grows with the stream, and
 * whatever ends it, what was sent is charged once.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { dataOf, eventSplitter } from '../../src/proxy/metering/event-stream.ts'
import {
  chat,
  chatConfig,
  done,
  eventsIn,
  flow,
  tokenPrice,
  tokens,
  tokensIn,
  usage,
} from '../support/chat.ts'
import { runCli } from '../support/cli.ts'
import { type RawCall, rawCall, rawPost } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

/** What the request counts. */
const asked = 1

let shop: Shop
beforeAll(async () => {
  shop = await openShop({ config: chatConfig({ price: tokenPrice }) })
})
afterAll(() => shop.close())

const flowing = () => flow(shop.upstream)

function stream(key: TestKey = shop.key, body: object = chat): RawCall {
  return rawCall(shop.gateway.url, rawPost('/v1/chat/completions', key.text, body))
}

/** A key of an account of its own that has so many credits. */
async function keyWith(credits: number): Promise<TestKey> {
  const account = await shop.ledger.account({ plan: 'enterprise' })
  const key = await shop.ledger.key(account)
  const spent = 50_000 - credits
  const { hold } = await shop.ledger.hold(key, spent)
  await shop.ledger.settle(hold, spent)
  return key
}

/** The final event of a response, in place of its rest. */
function problemIn(call: RawCall) {
  const last = eventSplitter(1e9).push(call.body).at(-1) ?? new Uint8Array()
  expect(new TextDecoder().decode(last)).toStartWith('event: error\n')
  return JSON.parse(dataOf(last) ?? '')
}

const requestIdOf = (call: RawCall) => call.header('x-request-id')

/** All that is held for the call, by the log. */
async function heldFor(requestId: string | undefined): Promise<number> {
  const events = await shop.eventsOf(requestId)
  return events
    .filter(({ type }) => type === 'CreditsHeld' || type === 'HoldExtended')
    .reduce((sum, { credits }) => sum + (credits ?? 0), 0)
}

describe('a stream', () => {
  test('is relayed byte for byte, and charged by the usage that it reports', async () => {
    const service = flowing()
    const call = stream()
    const text = `: hello\r\n\r\n${tokens(25, 'ä€😀')}${usage(40)}${done}`
    await service.send(text)
    await service.end()
    await call.ended()
    expect(call.whole).toBe(true)
    expect(call.body.toString()).toBe(text)
    const events = await shop.eventsOf(requestIdOf(call))
    expect(events.at(-1)).toMatchObject({
      ...{ type: 'HoldSettled', credits: 40, quantity: 40, payload: {}, status: 200 },
    })
    expect(call.header('x-ledger-position')).toBe(`0-${events[0]?.position}`)
    expect(call.header('x-credits-charged')).toBeUndefined()
  })

  test('asks its upstream for the usage, whether its client did or not', async () => {
    for (const stream_options of [undefined, { include_usage: false, other: 1 }]) {
      const service = flowing()
      const call = stream(shop.key, { ...chat, stream_options })
      await service.end()
      await call.ended()
      const sent = JSON.parse(new TextDecoder().decode(shop.upstream.executed[0]?.body))
      expect(sent).toEqual({ ...chat, stream_options: { ...stream_options, include_usage: true } })
    }
  })

  test('without usage is charged for the request and one token an event', async () => {
    const service = flowing()
    const call = stream()
    await service.send(tokens(12) + done)
    await service.end()
    await call.ended()
    const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
    expect(events.at(-1)).toMatchObject({ credits: asked + 12, quantity: asked + 12, payload: {} })
  })

  test('sends each token at once, and its end when the charge is in the log', async () => {
    const service = flowing()
    const call = stream()
    await service.send(tokens(1))
    await until(() => tokensIn(call) === 1)
    await service.send(tokens(1) + usage(3) + done)
    await until(() => eventsIn(call).length === 3)
    const releaseLock = await holdAppends()
    await service.end()
    await until(async () => (await waitingAppends()).length > 0)
    expect(call.body.toString()).not.toContain('[DONE]')
    await releaseLock()
    await call.ended()
    expect(eventsIn(call).at(-1)).toBe('[DONE]')
    expect((await shop.eventsOf(requestIdOf(call))).at(-1)?.credits).toBe(3)
  })

  test('is held a step at a time, before it is sent', async () => {
    const service = flowing()
    const call = stream()
    await service.send(tokens(1))
    await call.begun()
    expect(await heldFor(requestIdOf(call))).toBe(asked + 10)
    for (let sent = 1; sent < 40; sent++) {
      await until(() => tokensIn(call) === sent)
      // Never more than a step and a half is held beyond what arrived.
      expect((await heldFor(requestIdOf(call))) - asked - sent).toBeLessThanOrEqual(15)
      await service.send(tokens(1))
    }
    await service.send(done)
    await service.end()
    await call.ended()
    const events = await shop.eventsOf(requestIdOf(call))
    expect(events.at(-1)).toMatchObject({ type: 'HoldSettled', credits: asked + 40 })
  })

  test('extends its hold when its upstream used more than was counted, or records a shortfall', async () => {
    for (const [credits, charged, payload] of [
      [200, 120, {}],
      [100, 100, { shortfall: 20 }],
    ] as const) {
      const key = await keyWith(credits)
      const service = flowing()
      const call = stream(key)
      await service.send(tokens(5) + usage(120) + done)
      await service.end()
      await call.ended()
      expect(eventsIn(call).at(-1)).toBe('[DONE]')
      const settled = (await shop.eventsOf(requestIdOf(call))).at(-1)
      expect(settled).toMatchObject({ credits: charged, quantity: charged })
      expect(settled?.payload).toEqual({ ...payload, delivered: true })
    }
  })

  test('with an Idempotency-Key runs once and is charged once', async () => {
    const service = flowing()
    const headers = { 'idempotency-key': crypto.randomUUID() }
    const first = shop.post('/v1/chat/completions', chat, { headers })
    await service.send(tokens(3))
    const streaming = await first
    const during = await shop.post('/v1/chat/completions', chat, { headers })
    expect([during.status, (await during.json()).code]).toEqual([409, 'idempotency_in_progress'])
    await service.send(done)
    await service.end()
    await streaming.text()
    const after = await shop.post('/v1/chat/completions', chat, { headers })
    const problem = await after.json()
    expect([after.status, problem.code]).toEqual([409, 'answer_not_stored'])
    expect(problem.detail).toContain('its response is not stored: it was a stream, ')
    expect(shop.upstream.executed).toHaveLength(1)
  })

  test('that comes compressed cannot be counted, and is not sent', async () => {
    shop.upstream.respond(
      () =>
        new Response(Bun.gzipSync(tokens(3)), {
          headers: { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' },
        }),
    )
    const response = await shop.post('/v1/chat/completions', chat)
    expect(response.status).toBe(502)
    expect(response.headers.get('x-credits-charged')).toBe('0')
  })
})

describe('a response that is no stream', () => {
  const whole = { ...chat, stream: false }

  test('is charged by its usage, and a hold that was too small grows', async () => {
    shop.upstream.respond(() => Response.json({ choices: [], usage: { total_tokens: 77 } }))
    const response = await shop.post('/v1/chat/completions', whole)
    expect(response.headers.get('x-credits-charged')).toBe('77')
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(events.map(({ type, credits }) => [type, credits])).toEqual([
      ['CreditsHeld', asked + 50],
      ['HoldExtended', 77 - 50 - asked],
      ['HoldSettled', 77],
    ])
  })

  test('is held for the limit that the request sets', async () => {
    shop.upstream.respond(() => Response.json({ choices: [], usage: { total_tokens: 5 } }))
    const response = await shop.post('/v1/chat/completions', { ...whole, max_tokens: 8 })
    const [held, settled] = await shop.eventsOf(response.headers.get('x-request-id'))
    expect([held?.credits, settled?.credits]).toEqual([asked + 8, 5])
  })

  test('that does not report its usage costs what was held', async () => {
    shop.upstream.respond(() => Response.json({ choices: [], usage: { total_tokens: 'many' } }))
    const response = await shop.post('/v1/chat/completions', { ...whole, max_tokens: 8 })
    expect(response.headers.get('x-credits-charged')).toBe(String(asked + 8))
  })

  test('that nobody has the credits for is charged as held, and the rest is a shortfall', async () => {
    const key = await keyWith(60)
    shop.upstream.respond(() => Response.json({ choices: [], usage: { total_tokens: 77 } }))
    const response = await shop.post('/v1/chat/completions', whole, { key: key.text })
    expect(response.headers.get('x-credits-charged')).toBe('60')
    expect(response.headers.get('x-credits-remaining')).toBe('0')
    const settled = (await shop.eventsOf(response.headers.get('x-request-id'))).at(-1)
    expect(settled?.payload).toEqual({ shortfall: 17 })
  })
})

describe('a stream is cut', () => {
  test('when the credits end: after the last token that they buy', async () => {
    const key = await keyWith(34)
    const service = flowing()
    const call = stream(key)
    await service.send(tokens(100))
    await call.ended()
    expect(call.whole).toBe(true)
    expect(tokensIn(call)).toBe(34 - asked)
    expect(problemIn(call)).toMatchObject({
      ...{ code: 'insufficient_credits', status: 402, requestId: requestIdOf(call), available: 0 },
      error: { code: 'insufficient_credits' },
    })
    expect(await service.abandoned).toBe(true)
    // It was charged before the final event was sent.
    const events = await shop.eventsOf(requestIdOf(call))
    expect(events.at(-1)).toMatchObject({
      ...{ type: 'HoldSettled', credits: 34, payload: { terminatedBy: 'hold' } },
    })
    const charge = await shop.fetch(`/v1/charges/${requestIdOf(call)}`, { key: key.text })
    expect(await charge.json()).toMatchObject({
      ...{ status: 'settled', heldCredits: 34, credits: 34, quantity: 34, terminatedBy: 'hold' },
    })
    const { credits } = await (await shop.fetch('/v1/key', { key: key.text })).json()
    expect(credits.available).toBe(0)
    const explained = await runCli(['explain', requestIdOf(call) ?? ''], {
      database: shop.ledger.url,
    })
    expect(explained.stdout).toContain('The response ended early: its hold could not be extended')
  })

  test('when its key is revoked: nothing is bought after, what was held before may be used', async () => {
    const key = await shop.newKey()
    const service = flowing()
    const call = stream(key)
    await service.send(tokens(3))
    await until(() => tokensIn(call) === 3)
    const { positions } = await shop.ledger.change(key, 'KeyRevoked')
    await service.send(tokens(100))
    await call.ended()
    expect(problemIn(call).code).toBe('unknown_key')
    const events = await shop.eventsOf(requestIdOf(call))
    const extended = events.filter(({ type }) => type === 'HoldExtended')
    expect(Math.max(0, ...extended.map(({ position }) => position))).toBeLessThan(
      positions?.[0] ?? 0,
    )
    const settled = events.at(-1)
    expect(settled).toMatchObject({ type: 'HoldSettled', payload: { terminatedBy: 'hold' } })
    expect(settled?.credits).toBe(asked + tokensIn(call))
    expect(await service.abandoned).toBe(true)
  })

  test('not when its key only changes, or its account moves to another plan', async () => {
    const account = await shop.ledger.account({ plan: 'pro' })
    const key = await shop.ledger.key(account)
    const service = flowing()
    const call = stream(key)
    await service.send(tokens(3))
    await until(() => tokensIn(call) === 3)
    await shop.ledger.change(key, 'KeyUpdated', { endpoints: ['chat'] })
    await shop.ledger.changePlan(account, 'enterprise')
    await service.send(tokens(60) + done)
    await service.end()
    await call.ended()
    expect(eventsIn(call).at(-1)).toBe('[DONE]')
  })

  test('when its key loses the permission', async () => {
    const key = await shop.newKey()
    const service = flowing()
    const call = stream(key)
    await service.send(tokens(3))
    await until(() => tokensIn(call) === 3)
    await shop.ledger.change(key, 'KeyUpdated', { endpoints: ['search'] })
    await service.send(tokens(60))
    await call.ended()
    expect(problemIn(call).code).toBe('endpoint_not_allowed')
  })
})

describe('an upstream that breaks off', () => {
  test('in the middle: what was sent is charged, and the final event says so', async () => {
    const service = flowing()
    const call = stream()
    await service.send(tokens(7))
    await until(() => tokensIn(call) === 7)
    await service.breakOff()
    await call.ended()
    expect(problemIn(call)).toMatchObject({ code: 'upstream_failed', status: 502 })
    const events = await shop.eventsOf(requestIdOf(call))
    expect(events.at(-1)).toMatchObject({
      ...{ type: 'HoldSettled', credits: asked + 7, payload: { terminatedBy: 'upstream' } },
    })
  })

  test('before the first token is not paid', async () => {
    const service = flowing()
    const call = stream()
    await service.send(': wait\n\n')
    await until(() => call.body.length > 0)
    await service.breakOff()
    await call.ended()
    expect(problemIn(call).detail).toContain('not charged')
    const events = await shop.eventsOf(requestIdOf(call))
    expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldReleased'])
  })

  test('with a refusal, it is passed on uncharged', async () => {
    shop.upstream.respond(() => Response.json({ error: {} }, { status: 400 }))
    const response = await shop.post('/v1/chat/completions', chat)
    expect(response.status).toBe(400)
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldReleased'])
  })
})

describe('a client who leaves', () => {
  test('pays for what was sent by then, and the upstream is cancelled', async () => {
    const service = flowing()
    const call = stream()
    await service.send(tokens(7))
    await until(() => tokensIn(call) === 7)
    call.socket.destroy()
    const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
    expect(events.at(-1)).toMatchObject({ credits: asked + 7, payload: { terminatedBy: 'client' } })
    expect(await service.abandoned).toBe(true)
  })

  test('while an extension is under way pays once', async () => {
    const service = flowing()
    const call = stream()
    await service.send(tokens(1))
    await until(() => tokensIn(call) === 1)
    const releaseLock = await holdAppends()
    await service.send(tokens(50))
    await until(async () => (await waitingAppends()).length > 0)
    await until(() => tokensIn(call) === 10)
    call.socket.destroy()
    await service.abandoned
    await releaseLock()
    const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
    expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldExtended', 'HoldSettled'])
    expect(events.at(-1)).toMatchObject({
      credits: asked + 10,
      payload: { terminatedBy: 'client' },
    })
  })
})

test('no token goes out beyond the durable hold while the ledger does not respond', async () => {
  const service = flowing()
  const call = stream()
  await service.send(tokens(1))
  await until(() => tokensIn(call) === 1)
  const releaseLock = await holdAppends()
  await service.send(tokens(500))
  await until(async () => (await waitingAppends()).length > 0)
  const held = await heldFor(requestIdOf(call))
  // All that is held is sent, and it stays at that.
  await until(() => tokensIn(call) === held - asked)
  expect((await shop.fetch('/v1/key')).status).toBe(200)
  expect(tokensIn(call)).toBe(held - asked)
  await releaseLock()
  await until(() => tokensIn(call) === 501)
  expect(await heldFor(requestIdOf(call))).toBeGreaterThanOrEqual(asked + 501)
  await service.send(done)
  await service.end()
  await call.ended()
  expect(eventsIn(call).at(-1)).toBe('[DONE]')
})

describe('a response that is sold by the byte', () => {
  /** One credit for ten bytes, held a hundred at a time. */
  const perByte = { per: 'byte', unit: 10, credits: 1, hold: { step: 100 } }
  const search = { query: 'q' }
  let bytes: Shop
  beforeAll(async () => {
    bytes = await openShop({ config: { routes: { search: { price: perByte } } } })
  })
  afterAll(() => bytes.close())

  test('is charged for what it has, by started units', async () => {
    for (const [size, credits] of [
      [0, 0],
      [1, 1],
      [10, 1],
      [11, 2],
      [12_345, 1_235],
    ] as const) {
      const body = new Uint8Array(size).map((_, at) => at)
      bytes.upstream.respond(() => new Response(body))
      const response = await bytes.post('/v1/search', search)
      expect(await response.bytes()).toEqual(body)
      const events = await bytes.eventsOf(response.headers.get('x-request-id'))
      expect(events.at(-1)).toMatchObject({ type: 'HoldSettled', credits, quantity: size })
    }
  })

  test('breaks off where the credits end, and no byte goes out beyond them', async () => {
    const key = await bytes.ledger.key(bytes.account, { monthlyCap: 25 })
    bytes.upstream.respond(() => new Response(new Uint8Array(100_000)))
    const call = rawCall(bytes.gateway.url, rawPost('/v1/search', key.text, search))
    await call.ended()
    expect(call.whole).toBe(false)
    const events = await bytes.outcomeOf(requestIdOf(call), 'HoldSettled')
    const settled = events.at(-1)
    expect(settled?.payload).toEqual({ delivered: true, terminatedBy: 'hold' })
    expect(settled?.quantity).toBeLessThanOrEqual(250)
    expect(call.body.length).toBeLessThanOrEqual(settled?.quantity ?? 0)
  })

  test('is free where its upstream refuses', async () => {
    bytes.upstream.respond(() => new Response('no', { status: 404 }))
    const response = await bytes.post('/v1/search', search)
    expect(response.status).toBe(404)
    expect(response.headers.get('x-credits-charged')).toBe('0')
  })
})

/** Takes the lock of the ledger, so that appends wait, until the returned function is called. */
async function holdAppends(): Promise<() => Promise<void>> {
  const connection = await shop.ledger.owner.reserve()
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
