/** Every refusal of the call path, by status: its document, its headers, and what it leaves behind: nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mintKey } from '../../src/gate/authenticate/key-format.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { type RefusalCode, refusals } from '../../src/problems/refusal.ts'
import { rawCall } from '../support/raw-client.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { at, openShop, type Shop, type ShopRequest } from '../support/shop.ts'
import { prefixes, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const plan = { windowMs: 60_000, endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } }

let shop: Shop
beforeAll(async () => {
  shop = await openShop({
    config: {
      plans: {
        slow: { ...plan, rateLimit: 2, credits: 100, maxInFlight: 10 },
        poor: { ...plan, rateLimit: 10, credits: 3, maxInFlight: 10 },
        narrow: { ...plan, rateLimit: 10, credits: 100, maxInFlight: 1 },
      },
      routes: {
        page: {
          ...{ method: 'GET', path: '/v1/page', summary: 'A page', service: 'search' },
          price: { per: 'request', credits: 1 },
        },
      },
    },
  })
})
afterAll(() => shop.close())

const search = (key: TestKey | string | null, init: ShopRequest = {}) =>
  shop.post('/v1/search', { query: 'q' }, { key: key instanceof Object ? key.text : key, ...init })

/** Checks all that refusals have in common, and that nothing was appended or executed; returns the document. */
async function expectRefused(
  response: Response,
  code: RefusalCode,
  { free = false, waits = [429, 503].includes(refusals[code].status) } = {},
) {
  const { status } = refusals[code]
  const document = await response.json()
  const requestId = response.headers.get('x-request-id')
  expect(document).toMatchObject({
    ...{ code, status, type: `/problems/${code}`, requestId },
    ...{ statusCode: status, message: document.detail },
  })
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('x-credits-charged')).toBe(free ? null : '0')
  expect(response.headers.has('retry-after')).toBe(waits)
  expect(await shop.eventsOf(requestId)).toEqual([])
  expect(shop.upstream.executed.map((one) => one.requestId)).not.toContain(requestId)
  return document
}

/** Calls that would pass now. */
async function permitsLeft(key: TestKey): Promise<number> {
  const { rateLimit } = await (await shop.fetch('/v1/key', { key: key.text })).json()
  return rateLimit.remaining
}

describe('400', () => {
  test.each([
    ['a missing field', { options: {} }, '/query'],
    ['an unknown field', { query: 'q', querry: 'q' }, '/querry'],
    ['a field of another type', { query: 7 }, '/query'],
  ])('%s is named by its pointer', async (_, body, pointer) => {
    const document = await expectRefused(await shop.post('/v1/search', body), 'invalid_request')
    expect(document.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer)
    const [first] = document.errors
    expect(document.detail).toBe(`${first.pointer}: ${first.detail}`)
  })

  test('a body that is not JSON, or would be read differently by another parser', async () => {
    for (const body of ['{"query": "q"', '{"query":"a","query":"b"}', '']) {
      await expectRefused(await search(shop.key, { body }), 'invalid_request')
    }
  })

  test('of a body uses a permit, and says so; of a query or an Idempotency-Key it does not', async () => {
    const key = await shop.newKey('slow')
    const refused = await search(key, { body: '{}' })
    expect(refused.headers.get('x-ratelimit-remaining')).toBe('1')
    await expectRefused(refused, 'invalid_request')
    const headers = { 'idempotency-key': 'a b' }
    await expectRefused(await search(key, { headers }), 'invalid_request')
    const init = { key: key.text, method: 'POST' }
    await expectRefused(await shop.fetch('/v1/search?a=1', init), 'invalid_request')
    expect(await permitsLeft(key)).toBe(1)
  })
})

describe('401', () => {
  const challenge = 'Bearer realm="tollbook"'

  test('no key, before the body is looked at', async () => {
    const response = await search(null, { body: 'not JSON' })
    expect(response.headers.get('www-authenticate')).toBe(challenge)
    await expectRefused(response, 'missing_key')
  })

  test('a key with a typo, found by its checksum', async () => {
    const { text } = shop.key
    const typo = text.slice(0, 20) + (text[20] === 'a' ? 'b' : 'a') + text.slice(21)
    await expectRefused(await search(typo), 'malformed_key')
    await expectRefused(await search('sk_live_'), 'malformed_key')
  })

  test('unknown, revoked and rotated keys cannot be told apart', async () => {
    const unknown = mintKey({ prefixes, mode: 'live', shard: 0, random: secureRandom }).key
    const revoked = await shop.newKey()
    await shop.ledger.change(revoked, 'KeyRevoked')
    const rotated = await shop.newKey()
    const next = mintKey({ prefixes, mode: 'live', shard: 0, random: secureRandom })
    const { hash, display } = next
    const without = { previousHash: null, previousUntil: null }
    await shop.ledger.change(rotated, 'KeyRotated', { hash, display, ...without })

    const responses = await Promise.all(
      [unknown, revoked.text, rotated.text].map(async (key) => {
        const response = await search(key)
        const headers = Object.fromEntries(response.headers)
        const document = await expectRefused(response, 'unknown_key')
        return { ...document, requestId: '', headers: { ...headers, 'x-request-id': '', date: '' } }
      }),
    )
    expect(responses[1]).toEqual(responses[0])
    expect(responses[2]).toEqual(responses[0])
    expect((await search(next.key)).status).toBe(200)
  })

  test('the old secret of a rotated key until its grace is over', async () => {
    const key = await shop.newKey()
    const {
      key: text,
      hash,
      display,
    } = mintKey({
      ...{ prefixes, mode: 'live', shard: 0, random: secureRandom },
    })
    const previousUntil = new Date(shop.ledger.now.getTime() + 60_000).toISOString()
    const grace = { previousHash: key.hash, previousUntil }
    await shop.ledger.change(key, 'KeyRotated', { hash, display, ...grace })
    expect((await search(key)).status).toBe(200)
    await shop.ledger.advance(60_000)
    await expectRefused(await search(key), 'unknown_key')
    expect((await search(text)).status).toBe(200)
  })

  test('a disabled and an expired key', async () => {
    const key = await shop.newKey()
    expect((await search(key)).status).toBe(200)
    await shop.ledger.change(key, 'KeyDisabled')
    await expectRefused(await search(key), 'key_disabled')
    await shop.ledger.change(key, 'KeyEnabled')
    // No refusal is decided by a state older than a second.
    await until(async () => (await search(key)).status === 200, 2_000)

    const expiresAt = new Date(shop.ledger.now.getTime() + 1_000).toISOString()
    const brief = await shop.newKey('pro', { expiresAt })
    expect((await search(brief)).status).toBe(200)
    await shop.ledger.advance(1_000)
    await expectRefused(await search(brief), 'key_expired')
  })

  test('takes the key as a bearer token too', async () => {
    const headers = { authorization: `Bearer ${shop.key.text}` }
    expect((await search(null, { headers })).status).toBe(200)
    await expectRefused(
      await search(null, { headers: { authorization: 'Basic eDp5' } }),
      'missing_key',
    )
  })
})

describe('402', () => {
  test('says what is needed, what there is, until when and by which position', async () => {
    const key = await shop.newKey('poor')
    for (let call = 0; call < 3; call++) expect((await search(key)).status).toBe(200)
    const head = await shop.ledger.size()
    const document = await expectRefused(await search(key), 'insufficient_credits')
    expect(document).toMatchObject({
      ...{ required: 1, available: 0, position: `0-${head}` },
      resetsAt: '2030-07-01T00:00:00.000Z',
    })
  })

  test('is for the whole bound of a call, not for what it might come to', async () => {
    const key = await shop.newKey('poor')
    const urls = Array(4).fill('https://example.com/')
    const response = await shop.post('/v1/extract/bulk', { urls }, { key: key.text })
    const document = await expectRefused(response, 'insufficient_credits')
    expect(document).toMatchObject({ required: 4, available: 3 })
  })

  test("a key's own cap, of which its account has more", async () => {
    const key = await shop.newKey('pro', { monthlyCap: 2 })
    for (let call = 0; call < 2; call++) expect((await search(key)).status).toBe(200)
    const document = await expectRefused(await search(key), 'key_cap_reached')
    expect(document).toMatchObject({ required: 1, available: 0 })
  })

  test('a budget of its account', async () => {
    const key = await shop.newKey('pro')
    const budgets = [{ credits: 2, per: 'day', timeZone: 'Europe/Berlin' }]
    await shop.ledger.change(key.account, 'AccountBudgetsChanged', { budgets })
    for (let call = 0; call < 2; call++) expect((await search(key)).status).toBe(200)
    const response = await search(key)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    const document = await expectRefused(response, 'budget_exceeded', { waits: true })
    expect(document).toMatchObject({
      ...{ required: 1, available: 0, budget: 'account day Europe/Berlin' },
      resetsAt: '2030-06-15T22:00:00.000Z',
      detail:
        'This call needs 1 credit and budgets leave 0: the budget of the account per day (Europe/Berlin) begins anew at 2030-06-15T22:00:00.000Z.',
    })
    await shop.ledger.change(key.account, 'AccountBudgetsChanged', {
      budgets: [{ credits: 0, per: 'day', timeZone: 'Europe/Berlin' }],
    })
    expect(await expectRefused(await search(key), 'budget_exceeded')).toMatchObject({
      detail:
        'This call needs 1 credit and the budget of the account per day (Europe/Berlin) is 0.',
    })
  })

  test('of a call without a body returns the permit; of one with a body it does not; both say so', async () => {
    const key = await shop.newKey('poor')
    for (let call = 0; call < 3; call++) await search(key)
    for (let call = 0; call < 20; call++) {
      const response = await shop.fetch('/v1/page', { key: key.text })
      expect(response.status).toBe(402)
      expect(response.headers.get('x-ratelimit-remaining')).toBe('7')
    }
    const response = await search(key)
    expect(response.status).toBe(402)
    expect(response.headers.get('x-ratelimit-remaining')).toBe('6')
    expect(await permitsLeft(key)).toBe(6)
  })
})

describe('403', () => {
  test('a permission that the plan, or the key, does not give', async () => {
    const free = await shop.newKey('free')
    const text = { text: 'hello' }
    const byPlan = await shop.post('/v1/tts/synthesize', text, { key: free.text })
    expect((await expectRefused(byPlan, 'endpoint_not_allowed')).detail).toContain('plan free')
    const narrowed = await shop.newKey('pro', { endpoints: ['tts'] })
    await expectRefused(await search(narrowed), 'endpoint_not_allowed')
    const forFree = await shop.fetch('/v1/search/engines', { key: narrowed.text })
    await expectRefused(forFree, 'endpoint_not_allowed', { free: true })
  })

  test('an address that is not on the list of the key', async () => {
    const elsewhere = await shop.newKey('pro', { allowedIps: ['10.0.0.0/8'] })
    await expectRefused(await search(elsewhere), 'ip_not_allowed')
    const claimed = { 'x-forwarded-for': '10.1.2.3' }
    await expectRefused(await search(elsewhere, { headers: claimed }), 'ip_not_allowed')
    const here = await shop.newKey('pro', { allowedIps: ['127.0.0.1'] })
    expect((await search(here)).status).toBe(200)
  })

  test('a private document that cannot be read admits nobody', async () => {
    const sealedForAnother = await shop.newKey('pro', { allowedIps: [] })
    const owner = sealedForAnother.account
    await shop.ledger.owner`update account_secrets set secret = ${Buffer.alloc(32)}
      where account_id = ${owner.accountId}`
    await expectRefused(await search(sealedForAnother), 'ip_not_allowed')
  })

  test('a frozen account', async () => {
    const key = await shop.newKey()
    expect((await search(key)).status).toBe(200)
    await shop.ledger.change(key.account, 'AccountFrozen')
    await expectRefused(await search(key), 'account_frozen')
  })
})

describe('404 and 405', () => {
  test('an unknown path, also when it only looks like a known one', async () => {
    for (const path of [
      '/v1/nothing',
      '/v1/search/',
      '/v1/%73earch',
      '/v1//search',
      '/v1/Search',
    ]) {
      const response = await shop.post(path, { query: 'q' })
      await expectRefused(response, 'not_found', { free: true })
    }
  })

  test('another method of a known path, with the ones it takes', async () => {
    const response = await shop.fetch('/v1/search')
    expect(response.headers.get('allow')).toBe('POST')
    await expectRefused(response, 'method_not_allowed', { free: true })
  })

  test('a short name of the host is no other path', async () => {
    const call = rawCall(
      shop.gateway.url,
      `GET /v1/tts/languages HTTP/1.1\r\nHost: api\r\nX-API-Key: ${shop.key.text}\r\n\r\n`,
    )
    await call.ended()
    expect(call.status).toBe(200)
    call.socket.destroy()
  })
})

describe('413', () => {
  const limit = 1_048_576
  const tooLarge = JSON.stringify({ query: 'x'.repeat(limit) })

  test('announced: before it is read', async () => {
    await expectRefused(await search(shop.key, { body: tooLarge }), 'body_too_large')
  })

  test('announced beyond everything that any route takes', async () => {
    const call = rawCall(
      shop.gateway.url,
      `POST /v1/search HTTP/1.1\r\nHost: g\r\nX-API-Key: ${shop.key.text}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{',
    )
    await call.ended()
    expect(call.status).toBe(413)
    expect(JSON.parse(call.body.toString())).toMatchObject({ code: 'body_too_large' })
    call.socket.destroy()
  })

  test('chunked: where it exceeds the limit', async () => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(tooLarge))
        controller.close()
      },
    })
    await expectRefused(await search(shop.key, { body }), 'body_too_large')
  })

  test('of management: before the end of a body that has none', async () => {
    const token = await signToken({ secret: jwtSecret, subject: 'a', expiresInSeconds: 60 })
    const chunk = `20000\r\n${'x'.repeat(0x20000)}\r\n`
    const call = rawCall(
      shop.gateway.url,
      'POST /api-keys HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n' +
        `Authorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
    )
    await call.ended()
    expect(call.status).toBe(413)
    expect(JSON.parse(call.body.toString())).toMatchObject({ code: 'body_too_large' })
    call.socket.destroy()
  })
})

describe('415', () => {
  test('another media type, and a body in disguise', async () => {
    const type = { 'content-type': 'text/plain' }
    const asText = await shop.fetch('/v1/search', { method: 'POST', body: '{}', headers: type })
    await expectRefused(asText, 'unsupported_media_type')
    const headers = { 'content-encoding': 'gzip' }
    await expectRefused(await search(shop.key, { headers }), 'unsupported_media_type')
  })

  test('a file that is no audio', async () => {
    const body = new FormData()
    body.set('file', new Blob(['%PDF'], { type: 'application/pdf' }), 'x.pdf')
    const response = await shop.fetch('/v1/stt/transcribe', { method: 'POST', body })
    await expectRefused(response, 'unsupported_media_type')
  })
})

describe('429', () => {
  test('a rate limit that is reached, with when one more call would pass; it uses nothing', async () => {
    const key = await shop.newKey('slow')
    for (let call = 0; call < 2; call++) expect((await search(key)).status).toBe(200)
    for (let call = 0; call < 5; call++) {
      const response = await search(key)
      const wait = Number(response.headers.get('retry-after'))
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(60)
      expect(response.headers.get('ratelimit')).toBe(`"default";r=0;t=${wait}`)
      await expectRefused(response, 'rate_limited')
    }
  })

  test('keys of one account have one rate limit, and a key can narrow it', async () => {
    const narrow = await shop.newKey('slow', { rateLimit: 1 })
    const other = await shop.ledger.key(narrow.account)
    expect((await search(narrow)).status).toBe(200)
    await expectRefused(await search(narrow), 'rate_limited')
    expect((await search(other)).status).toBe(200)
    await expectRefused(await search(other), 'rate_limited')
  })

  test('too many calls in flight; it uses no permit where it has no body', async () => {
    const key = await shop.newKey('narrow')
    const { promise, resolve } = Promise.withResolvers<void>()
    shop.upstream.respond(async () => {
      await promise
      return Response.json({})
    })
    const first = search(key)
    await until(() => shop.upstream.executed.length === 1)
    const response = await shop.fetch('/v1/page', { key: key.text })
    expect(response.headers.get('x-ratelimit-remaining')).toBe('9')
    await expectRefused(response, 'concurrency_exceeded')
    resolve()
    expect((await first).status).toBe(200)
    expect((await search(key)).status).toBe(200)
  })

  test('routes of price 0 take a permit too', async () => {
    const key = await shop.newKey('slow')
    for (let call = 0; call < 2; call++) {
      expect((await shop.fetch('/v1/tts/languages', { key: key.text })).status).toBe(200)
    }
    const response = await shop.fetch('/v1/tts/languages', { key: key.text })
    await expectRefused(response, 'rate_limited', { free: true })
  })
})

test('a call is charged where its response says, whatever was refused before it', async () => {
  const response = await search(shop.key)
  const events = await shop.eventsOf(response.headers.get('x-request-id'))
  const charge = events.at(-1)
  expect(charge?.type).toBe('HoldSettled')
  expect(response.headers.get('x-ledger-position')).toBe(at(charge))
})
