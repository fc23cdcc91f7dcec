/** The gateway keeps what its documentation says: every response is as the document describes it, header by header. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { DemoUpstream } from '../../src/demo/start-demo-upstream.ts'
import { wavHeader } from '../../src/demo/wav.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { type ApiDocument, checkDocument, type DocumentCheck } from '../support/api-document.ts'
import { startDemoUpstreams } from '../support/demo-upstreams.ts'
import type { Json } from '../support/management-test-app.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop, type ShopRequest } from '../support/shop.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

let demos: Record<string, DemoUpstream>
let moody: Upstream
let shop: Shop
let check: DocumentCheck

beforeAll(async () => {
  demos = startDemoUpstreams()
  moody = startUpstream()
  const demoUrls = Object.fromEntries(Object.entries(demos).map(([name, { url }]) => [name, url]))
  const service = { service: 'moody', method: 'POST', request: { json: { type: 'object' } } }
  const price = { per: 'request', credits: 1 }
  shop = await openShop({
    demoUrls,
    config: {
      services: { moody: { url: moody.url }, away: { url: 'http://127.0.0.1:9' } },
      routes: {
        moody: { ...service, path: '/v1/moody', upstreamPath: '/', summary: 'Ask', price },
        away: {
          ...service,
          service: 'away',
          path: '/v1/away',
          upstreamPath: '/',
          summary: 'Ask',
          price,
        },
      },
    },
  })
  const document = await (await fetch(`${shop.gateway.url}/docs/json`)).json()
  check = checkDocument(document as ApiDocument)
})
afterAll(async () => {
  await shop.close()
  await moody.stop()
  await Promise.all(Object.values(demos).map((demo) => demo.stop()))
})

/** Makes a call and compares the response with the document. */
async function call(path: string, init: ShopRequest, status: number, code?: string): Promise<Json> {
  const response = await shop.fetch(path, init)
  expect([path, response.status]).toEqual([path, status])
  const json = (await check.expectDocumented(init.method ?? 'GET', path, response)) as Json
  if (code) expect(json.code).toBe(code)
  return json
}

function json(body: unknown, more: ShopRequest = {}): ShopRequest {
  const headers = { 'content-type': 'application/json' }
  return { method: 'POST', headers, body: JSON.stringify(body), ...more }
}

describe('calls', () => {
  test('that succeed, on every shipped route', async () => {
    const page = 'https://demo.tollbook.example/pages/a-short-history-of-the-toll-road'
    await call('/v1/search', json({ query: 'toll' }), 200)
    await call('/v1/search/engines', {}, 200)
    await call('/v1/extract', json({ url: page }), 200)
    await call('/v1/extract', json({ url: 'https://demo.invalid/' }), 200)
    await call('/v1/extract/bulk', json({ urls: [page, 'https://demo.invalid/'] }), 200)
    const form = new FormData()
    const wav = new Blob([wavHeader(800, 8_000), new Uint8Array(1_600)], { type: 'audio/wav' })
    form.set('file', wav, 'speech.wav')
    await call('/v1/stt/transcribe', { method: 'POST', body: form }, 200)
    await call('/v1/stt/models', {}, 200)
    await call('/v1/stt/languages', {}, 200)
    await call('/v1/tts/synthesize', json({ text: 'Good morning.' }), 200)
    await call('/v1/tts/voices', {}, 200)
    await call('/v1/tts/languages', {}, 200)
  })

  test('whose example is sent as the documentation shows it', async () => {
    for (const [where, { requestBody }] of check.operations) {
      const [, path = ''] = where.split(' ')
      const example = requestBody?.content['application/json']?.example
      if (/^post \/v1\/(search|extract|tts)/.test(where)) await call(path, json(example), 200)
    }
  })

  test('that are refused before they are sold', async () => {
    const { ledger } = shop
    const revoked = await shop.newKey()
    await call('/v1/key/revoke', { method: 'POST', key: revoked.text }, 200)
    const disabled = await shop.newKey()
    await ledger.change(disabled, 'KeyDisabled')
    const capped = await shop.newKey('pro', { monthlyCap: 0 })
    const elsewhere = await shop.newKey('pro', { allowedIps: ['203.0.113.9'] })
    const frozen = await shop.newKey()
    await ledger.change(frozen.account, 'AccountFrozen')
    const search = json({ query: 'toll' })
    const cases: [ShopRequest, number, string][] = [
      [{ ...search, key: null }, 401, 'missing_key'],
      [{ ...search, key: 'sk_live_nonsense' }, 401, 'malformed_key'],
      [{ ...search, key: revoked.text }, 401, 'unknown_key'],
      [{ ...search, key: disabled.text }, 401, 'key_disabled'],
      [{ ...search, key: frozen.text }, 403, 'account_frozen'],
      [{ ...search, key: elsewhere.text }, 403, 'ip_not_allowed'],
      [{ ...search, key: capped.text }, 402, 'key_cap_reached'],
      [json({}), 400, 'invalid_request'],
      [{ ...search, headers: { 'content-type': 'text/plain' } }, 415, 'unsupported_media_type'],
      [json({ query: 'x'.repeat(1_100_000) }), 413, 'body_too_large'],
    ]
    for (const [init, status, code] of cases) await call('/v1/search', init, status, code)
    const free = await shop.newKey('free')
    await call('/v1/tts/voices', { key: free.text }, 403, 'endpoint_not_allowed')
    for (let i = 0; i < 10; i++) await call('/v1/search/engines', { key: free.text }, 200)
    await call('/v1/search/engines', { key: free.text }, 429, 'rate_limited')
    await call('/v1/search', { ...search, key: free.text }, 429, 'rate_limited')
  })

  test('that fail behind the gateway, or are refused there', async () => {
    await call('/v1/away', json({}), 502, 'upstream_unreachable')
    for (const [status, expected, code] of [
      [500, 502, 'upstream_failed'],
      [503, 503, 'upstream_busy'],
      [404, 404],
      [422, 422],
      [413, 413],
    ] as const) {
      moody.respond(() => Response.json({ detail: 'no' }, { status }))
      await call('/v1/moody', json({}), expected, code)
    }
  })

  test('about the key itself', async () => {
    await call('/v1/key', {}, 200)
    await call('/v1/key', { key: null }, 401, 'missing_key')
    await call('/v1/prices', {}, 200)
    const sold = await shop.post('/v1/search', { query: 'toll' })
    const charge = await call(`/v1/charges/${sold.headers.get('x-request-id')}`, {}, 200)
    expect(charge).toMatchObject({ status: 'settled', credits: 1 })
    await call('/v1/charges/nothing', {}, 404, 'not_found')
    await call(`/v1/charges/${'x'.repeat(65)}`, {}, 400, 'invalid_request')
  })
})

describe('management', () => {
  /** Sends a request as a user or a role, and compares the response with the document. */
  async function ask(
    who: string | undefined,
    method: string,
    path: string,
    status: number,
    body?: unknown,
  ): Promise<Json> {
    const role = who === 'admin' || who === 'auditor' ? who : undefined
    const expiresInSeconds = 60
    const token =
      who && (await signToken({ secret: jwtSecret, subject: who, expiresInSeconds, role }))
    const url = `${shop.gateway.url}${path}`
    const headers = {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const response = await fetch(url, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const pathname = path.split('?')[0] ?? ''
    const json = (await check.expectDocumented(method, pathname, response)) as Json
    expect([method, path, response.status]).toEqual([method, path, status])
    return json
  }

  test('by owners', async () => {
    await ask('mia', 'GET', '/account', 404)
    const { apiKey } = await ask('mia', 'POST', '/api-keys', 201, { name: 'Mine' })
    const at = `/api-keys/${apiKey.id}`
    await ask('mia', 'GET', '/api-keys', 200)
    await ask('mia', 'GET', at, 200)
    await ask('mia', 'PATCH', at, 200, { rateLimit: 5 })
    await ask('mia', 'POST', `${at}/regenerate`, 200)
    await ask('mia', 'GET', `${at}/usage`, 200)
    await ask('mia', 'GET', `${at}/usage/summary?month=2030-06`, 200)
    await ask('mia', 'GET', `${at}/events?limit=1`, 200)
    await ask('mia', 'GET', '/account', 200)
    await ask('mia', 'GET', '/account/balance', 200)
    await ask('mia', 'GET', '/account/statements/2030-06?lines=true', 200)
    await ask('mia', 'DELETE', at, 200)

    await ask(undefined, 'GET', '/api-keys', 401)
    await ask('mia', 'POST', '/api-keys', 400, { name: '' })
    await ask('mia', 'POST', '/api-keys', 403, { name: 'Mine', tier: 'enterprise' })
    await ask('mia', 'PATCH', at, 409, { rateLimit: 6 })
    await ask('mia', 'GET', '/api-keys/key_unknown', 404)
    await ask('mia', 'GET', `${at}/events?limit=0`, 400)
    await ask('mia', 'POST', '/api-keys', 413, { name: 'x'.repeat(70_000) })
  })

  test('by operators', async () => {
    const { accountId } = shop.account
    const account = `/admin/accounts/${accountId}`
    const key = `/admin/api-keys/${(await shop.newKey()).keyId}`
    await ask('auditor', 'GET', '/admin/api-keys?limit=2', 200)
    await ask('auditor', 'GET', key, 200)
    await ask('auditor', 'GET', account, 200)
    await ask('auditor', 'GET', '/admin/usage/summary', 200)
    await ask('auditor', 'GET', '/admin/usage/top-users', 200)
    await ask('auditor', 'GET', '/admin/events?limit=50', 200)
    await ask('admin', 'PATCH', key, 200, { monthlyCredits: 10, reason: 'A cap' })
    await ask('admin', 'PATCH', account, 200, { limits: { rateLimit: 500 } })
    const grant = { credits: 5, kind: 'promotional', externalId: 'welcome' }
    await ask('admin', 'POST', `${account}/grants`, 201, grant)
    await ask('admin', 'POST', `${account}/grants`, 409, { ...grant, credits: 6 })
    await ask('admin', 'POST', `${account}/adjustments`, 201, { credits: 1 })
    const sold = await shop.post('/v1/search', { query: 'toll' })
    const refund = `/admin/charges/${sold.headers.get('x-request-id')}/refund`
    await ask('admin', 'POST', refund, 201, { reason: 'A gift' })
    await ask('admin', 'POST', refund, 409, { credits: 1 })
    await ask('admin', 'DELETE', key, 200)

    await ask('mia', 'GET', '/admin/api-keys', 403)
    await ask('auditor', 'PATCH', account, 403, { frozen: true })
    await ask(undefined, 'PATCH', account, 401, { frozen: true })
    await ask('admin', 'PATCH', account, 400, { plan: 'gold' })
    await ask('admin', 'PATCH', '/admin/accounts/acc_unknown', 404, { frozen: true })
  })

  test('of the process', async () => {
    await ask(undefined, 'GET', '/health', 200)
    await ask(undefined, 'GET', '/ready', 200)
  })
})
