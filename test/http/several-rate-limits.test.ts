/** Several rate limits at once: all of them hold, and a refusal says which. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'

let shop: Shop

const route = (name: string, more: object) => ({
  ...{ method: 'GET', path: `/v1/${name}`, summary: 'x', service: 'search' },
  ...{ upstreamPath: `/${name}`, price: { per: 'free' }, ...more },
})

beforeAll(async () => {
  const rateLimits = [
    { calls: 4, per: '10m' },
    { calls: 6, per: '1d' },
  ]
  shop = await openShop({
    config: {
      plans: { pro: { rateLimit: null, windowMs: null, rateLimits, maxInFlight: 4 } },
      routes: {
        plain: route('plain', {}),
        own: route('own', {
          rateLimits: [
            { calls: 2, per: '10m' },
            { calls: 3, per: '2h' },
          ],
        }),
        short: route('short', { rateLimit: 1 }),
      },
    },
  })
})
afterAll(() => shop.close())

async function statuses(key: TestKey, path: string, count: number): Promise<number[]> {
  const found: number[] = []
  for (let n = 0; n < count; n++) found.push((await shop.fetch(path, { key: key.text })).status)
  return found
}

const limitedTo = async (rateLimit: number) => {
  const account = await shop.ledger.account({ plan: 'pro' })
  await shop.ledger.change(account, 'AccountLimitsChanged', { rateLimit, maxInFlight: null })
  return shop.ledger.key(account)
}

test('the first that is reached refuses, and is the one that is named', async () => {
  const key = await shop.newKey()
  const first = await shop.fetch('/v1/plain', { key: key.text })
  expect(first.headers.get('ratelimit-policy')).toBe('"default";q=4;w=600')
  expect(first.headers.get('ratelimit')).toBe('"default";r=3')
  expect(await statuses(key, '/v1/plain', 3)).toEqual([200, 200, 200])
  const refused = await shop.fetch('/v1/plain', { key: key.text })
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({
    ...{ code: 'rate_limited', detail: 'At most 4 calls in 600 s; try again later.' },
  })
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(600)
  expect(refused.headers.get('x-ratelimit-limit')).toBe('4')
})

test('that of a day holds where the first one would let more pass', async () => {
  const key = await limitedTo(20)
  const first = await shop.fetch('/v1/plain', { key: key.text })
  expect(first.headers.get('ratelimit')).toBe('"default-1d";r=5')
  expect(await statuses(key, '/v1/plain', 6)).toEqual([200, 200, 200, 200, 200, 429])
  const refused = await shop.fetch('/v1/plain', { key: key.text })
  expect(await refused.json()).toMatchObject({
    ...{ code: 'rate_limited', detail: 'At most 6 calls in 1 day; try again later.' },
    limit: '6 calls in 1 day',
  })
  expect(refused.headers.get('ratelimit-policy')).toBe('"default-1d";q=6;w=86400')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(86_000)
})

test('an account’s own limit takes the place of the first, and a key’s own narrows it', async () => {
  expect(await statuses(await limitedTo(1), '/v1/plain', 2)).toEqual([200, 429])
  const account = await shop.ledger.account({ plan: 'pro' })
  const key = await shop.ledger.key(account, { rateLimit: 2 })
  expect(await statuses(key, '/v1/plain', 3)).toEqual([200, 200, 429])
  expect(await statuses(await shop.ledger.key(account), '/v1/plain', 3)).toEqual([200, 200, 429])
})

test('a route’s own are counted for it alone, and are named by it', async () => {
  const key = await shop.newKey()
  const { headers } = await shop.fetch('/v1/own', { key: key.text })
  expect(headers.get('ratelimit')).toBe('"own";r=1')
  expect(await statuses(key, '/v1/own', 2)).toEqual([200, 429])
  expect(await statuses(key, '/v1/short', 2)).toEqual([200, 429])
  expect(await statuses(key, '/v1/plain', 5)).toEqual([200, 200, 200, 200, 429])
})

test('are what accounts, keys and the API documentation say', async () => {
  const key = await limitedTo(5)
  await shop.fetch('/v1/plain', { key: key.text })
  const own = (await (await shop.fetch('/v1/key', { key: key.text })).json()) as object
  expect(own).toMatchObject({ rateLimit: { limit: 5, remaining: 4, windowMs: 600_000 } })
  const prices = await (await shop.fetch('/v1/prices', { key: key.text })).json()
  expect(prices).toMatchObject({
    current: {
      plans: {
        pro: {
          rateLimits: [
            { calls: 4, per: '10m' },
            { calls: 6, per: '1d' },
          ],
        },
      },
    },
  })
  const document = (await (await shop.fetch('/docs/json')).json()) as {
    paths: Record<string, { get: { description: string } }>
  }
  expect(document.paths['/v1/own']?.get.description).toContain(
    'rate limits of its own, 2 calls in 600 s, 3 calls in 2 hours',
  )
})
