/**
 * What the official openai client says when a call is refused, whoever refuses it, and whether it tries again: where that
 * can help, and nowhere else.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, { APIError, type ClientOptions } from 'openai'
import { tariffOf } from '../../src/config/tariff.ts'
import { chatConfig, done, tokens } from '../support/chat.ts'
import { rawCall } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'

const plan = { endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' }, maxInFlight: 10 }

let shop: Shop
beforeAll(async () => {
  shop = await openShop({
    config: {
      ...chatConfig({ maxBodyBytes: 2_000 }),
      plans: {
        brisk: { ...plan, rateLimit: 1, windowMs: 1_000, credits: 1_000 },
        hourly: { ...plan, rateLimit: 1, windowMs: 3_600_000, credits: 1_000 },
        narrow: { ...plan, rateLimit: 100, windowMs: 1_000, credits: 1_000, maxInFlight: 1 },
        poor: { ...plan, rateLimit: 100, windowMs: 1_000, credits: 1 },
        silent: { ...plan, endpoints: ['search'], rateLimit: 100, windowMs: 1_000, credits: 1 },
      },
    },
  })
})
afterAll(() => shop.close())

interface Asked {
  readonly client: OpenAI
  /** The status of each response that it got. */
  readonly statuses: number[]
}

function clientOf(apiKey: string, options: ClientOptions = {}): Asked {
  const statuses: number[] = []
  const client = new OpenAI({
    ...{ apiKey, baseURL: `${shop.gateway.url}/v1`, ...options },
    async fetch(url, init) {
      const response = await fetch(url, init)
      statuses.push(response.status)
      return response
    },
  })
  return { client, statuses }
}

const chat = { model: 'm', messages: [{ role: 'user' as const, content: 'x' }] }
const eventStream = { 'content-type': 'text/event-stream' }
const said = { choices: [{ index: 0, message: { content: 'hi' } }], usage: { total_tokens: 2 } }
const ask = ({ client }: Asked, more: object = {}) =>
  client.chat.completions.create({ ...chat, ...more })

async function errorOf(asked: Promise<unknown>): Promise<APIError> {
  const error = await asked.then(
    () => undefined,
    (thrown) => thrown,
  )
  expect(error).toBeInstanceOf(APIError)
  expect(error.message).not.toContain('no body')
  expect(error.requestID).toBeString()
  return error
}

describe('is told what happened, and does not try again', () => {
  test('with a key that does not exist', async () => {
    for (const [key, code] of [
      ['sk-proj-0123456789', 'malformed_key'],
      [`${shop.key.text}x`, 'malformed_key'],
    ] as const) {
      const client = clientOf(key)
      const error = await errorOf(ask(client))
      expect(error).toMatchObject({ status: 401, code, type: 'authentication_error', param: null })
      expect(client.statuses).toEqual([401])
    }
  })

  test('with a key that was revoked', async () => {
    const key = await shop.newKey()
    await shop.ledger.change(key, 'KeyRevoked')
    const client = clientOf(key.text)
    expect(await errorOf(ask(client))).toMatchObject({
      ...{ status: 401, code: 'unknown_key' },
      message: '401 This API key does not exist or was revoked.',
    })
    expect(client.statuses).toEqual([401])
  })

  test('with too few credits', async () => {
    const client = clientOf((await shop.newKey('poor')).text)
    const error = await errorOf(ask(client))
    expect(error).toMatchObject({
      ...{ status: 402, code: 'insufficient_credits', type: 'insufficient_quota' },
    })
    expect(error.message).toContain('credits')
    expect(client.statuses).toEqual([402])
  })

  test('with a key that may not call the endpoint', async () => {
    const client = clientOf((await shop.newKey('silent')).text)
    expect(await errorOf(ask(client))).toMatchObject({
      ...{ status: 403, code: 'endpoint_not_allowed', type: 'permission_error' },
    })
    expect(client.statuses).toEqual([403])
  })

  test('in a request that is not valid, down to its field', async () => {
    const client = clientOf(shop.key.text)
    const error = await errorOf(ask(client, { messages: [{ role: 7 }] }))
    expect(error).toMatchObject({
      ...{ status: 400, code: 'invalid_request', type: 'invalid_request_error' },
      param: 'messages[0].role',
    })
    expect(error.message).toContain('role')
    expect(client.statuses).toEqual([400])
  })

  test('of a part of the API that no route has', async () => {
    const client = clientOf(shop.key.text)
    const asked = client.client.embeddings.create({ model: 'm', input: 'x' })
    expect(await errorOf(asked)).toMatchObject({ status: 404, code: 'not_found' })
    expect(client.statuses).toEqual([404])
  })

  test('of a model that the upstream does not have', async () => {
    const error = { message: 'no model m', type: 'invalid_request_error', code: 'model_not_found' }
    shop.upstream.respond(() => Response.json({ error }, { status: 404 }))
    const client = clientOf(shop.key.text)
    expect(await errorOf(ask(client))).toMatchObject({ status: 404, code: 'model_not_found' })
    expect(client.statuses).toEqual([404])
  })

  test('with a method that the path does not take', async () => {
    const client = clientOf(shop.key.text)
    expect(await errorOf(client.client.get('/chat/completions'))).toMatchObject({
      ...{ status: 405, code: 'method_not_allowed' },
    })
    expect(client.statuses).toEqual([405])
  })

  test('with a body that is too large, of the wrong type, or encoded', async () => {
    const client = clientOf(shop.key.text)
    expect(await errorOf(ask(client, { user: 'x'.repeat(3_000) }))).toMatchObject({
      ...{ status: 413, code: 'body_too_large' },
    })
    const headers = { 'content-type': 'text/plain' }
    const typed = client.client.chat.completions.create(chat, { headers })
    expect(await errorOf(typed)).toMatchObject({ status: 415, code: 'unsupported_media_type' })
    expect(client.statuses).toEqual([413, 415])
  })

  test('with an Idempotency-Key of another request', async () => {
    shop.upstream.respond(() => Response.json(said))
    const defaultHeaders = { 'idempotency-key': crypto.randomUUID() }
    const client = clientOf(shop.key.text, { defaultHeaders })
    await ask(client)
    expect(await errorOf(ask(client, { user: 'another' }))).toMatchObject({
      ...{ status: 422, code: 'idempotency_mismatch' },
    })
    expect(client.statuses).toEqual([200, 422])
  })

  test('with an Idempotency-Key whose response is not stored', async () => {
    shop.upstream.respond(() => new Response(tokens(1) + done, { headers: eventStream }))
    const defaultHeaders = { 'idempotency-key': crypto.randomUUID() }
    const client = clientOf(shop.key.text, { defaultHeaders })
    const stream = await client.client.chat.completions.create({ ...chat, stream: true })
    for await (const _ of stream);
    expect(await errorOf(ask(client, { stream: true }))).toMatchObject({
      ...{ status: 409, code: 'answer_not_stored' },
    })
    expect(client.statuses).toEqual([200, 409])
  })

  test('beyond a rate limit that lasts longer than it would wait', async () => {
    shop.upstream.respond(() => Response.json(said))
    const client = clientOf((await shop.newKey('hourly')).text)
    await ask(client)
    expect(await errorOf(ask(client))).toMatchObject({
      ...{ status: 429, code: 'rate_limited', type: 'rate_limit_error' },
    })
    expect(client.statuses).toEqual([200, 429])
  })
})

describe('tries again', () => {
  test('when the rate limit has passed', async () => {
    shop.upstream.respond(() => Response.json(said))
    const client = clientOf((await shop.newKey('brisk')).text)
    await ask(client)
    await ask(client)
    expect(client.statuses).toEqual([200, 429, 200])
  })

  test('when fewer calls are in flight', async () => {
    const key = await shop.newKey('narrow')
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    shop.upstream.respond(async () => {
      arrive()
      await released
      return Response.json(said)
    })
    const first = ask(clientOf(key.text))
    await arrived
    const client = clientOf(key.text)
    const second = ask(client)
    while (client.statuses.length === 0) await new Promise((resolve) => setImmediate(resolve))
    release()
    await Promise.all([first, second])
    expect(client.statuses).toEqual([429, 200])
  })

  test.each([
    ['is busy', 503],
    ['has failed', 500],
    ['refuses the gateway for the moment', 429],
  ])('when the upstream %s', async (_, status) => {
    let calls = 0
    const headers = { 'retry-after': '0' }
    shop.upstream.respond(() =>
      ++calls === 1 ? new Response('no', { status, headers }) : Response.json(said),
    )
    const client = clientOf(shop.key.text)
    expect((await ask(client)).usage?.total_tokens).toBe(2)
    expect(client.statuses).toEqual([status === 500 ? 502 : 503, 200])
  })

  test('for as long as it is told to wait, and then says why', async () => {
    shop.upstream.respond(
      () => new Response('no', { status: 503, headers: { 'retry-after': '90' } }),
    )
    const client = clientOf(shop.key.text)
    expect(await errorOf(ask(client))).toMatchObject({ status: 503, code: 'upstream_busy' })
    expect(client.statuses).toEqual([503])
  })
})

test('an endpoint without a price is not asked for again', async () => {
  const unpriced = await openShop({ config: chatConfig(), tariff: tariffOf(testConfig()) })
  const asked = clientOf(unpriced.key.text, { baseURL: `${unpriced.gateway.url}/v1` })
  expect(await errorOf(ask(asked))).toMatchObject({ status: 503, code: 'price_missing' })
  expect(asked.statuses).toEqual([503])
  await unpriced.close()
})

test('a request that is refused before any route is looked for says so, too', async () => {
  const errorAt = async (path: string) => {
    const text = `POST ${path} HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n`
    const call = rawCall(shop.gateway.url, text)
    await call.ended()
    expect(call.status).toBe(400)
    return JSON.parse(call.body.toString()).error
  }
  for (const path of ['/v1/chat/completions', '/v1/embeddings']) {
    expect(await errorAt(path)).toMatchObject({ code: 'invalid_request', param: null })
  }
  expect(await errorAt('/v1/search')).toBeUndefined()
})

test('other routes refuse as they did', async () => {
  const response = await shop.post('/v1/search', {})
  expect(response.status).toBe(400)
  expect(response.headers.has('x-should-retry')).toBe(false)
  expect((await response.json()).error).toBeUndefined()
})
