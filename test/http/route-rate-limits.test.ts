/** Rate limits of a route's own, and routes whose calls count in none. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let shop: Shop

beforeAll(async () => {
  const route = (name: string, more: object) => ({
    ...{ method: 'GET', path: `/v1/${name}`, summary: 'x', service: 'search' },
    ...{ upstreamPath: `/${name}`, price: { per: 'free' }, ...more },
  })
  shop = await openShop({
    config: {
      plans: { pro: { rateLimit: 3, windowMs: 600_000, maxInFlight: 4 } },
      routes: {
        plain: route('plain', {}),
        'plain-too': route('plain-too', {}),
        poll: route('poll', { rateLimit: 5 }),
        'poll-too': route('poll-too', { rateLimit: 5 }),
        uncounted: route('uncounted', { rateLimit: 'free' }),
        'uncounted-priced': route('uncounted-priced', {
          ...{ rateLimit: 'free', price: { per: 'request', credits: 1 } },
        }),
      },
    },
  })
})
afterAll(() => shop.close())

/** The statuses of so many calls, one after the other. */
async function statuses(key: TestKey, path: string, count: number): Promise<number[]> {
  const found: number[] = []
  for (let n = 0; n < count; n++) found.push((await shop.fetch(path, { key: key.text })).status)
  return found
}

const passed = (found: readonly number[]) => found.filter((status) => status === 200).length

describe('a limit of its own', () => {
  test('counts the route alone, instead of the account’s, for all keys of the account', async () => {
    const key = await shop.newKey()
    const other = await shop.ledger.key(key.account)
    expect(passed(await statuses(key, '/v1/poll', 4))).toBe(4)
    expect(await statuses(other, '/v1/poll', 2)).toEqual([200, 429])
    expect(passed(await statuses(key, '/v1/poll-too', 6))).toBe(5)
    expect(passed(await statuses(key, '/v1/plain', 2))).toBe(2)
    expect(passed(await statuses(other, '/v1/plain-too', 2))).toBe(1)
    const stranger = await shop.newKey()
    expect(passed(await statuses(stranger, '/v1/poll', 6))).toBe(5)
  })

  test('is what the headers say, under the name of the route', async () => {
    const key = await shop.newKey()
    const { headers } = await shop.fetch('/v1/poll', { key: key.text })
    expect(headers.get('ratelimit-policy')).toBe('"poll";q=5;w=600')
    expect(headers.get('ratelimit')).toBe('"poll";r=4')
    expect(headers.get('x-ratelimit-limit')).toBe('5')
    expect(headers.get('x-ratelimit-remaining')).toBe('4')
    await statuses(key, '/v1/poll', 4)
    const refused = await shop.fetch('/v1/poll', { key: key.text })
    expect(await refused.json()).toMatchObject({ code: 'rate_limited' })
    expect(refused.headers.get('ratelimit-policy')).toBe('"poll";q=5;w=600')
    const other = await shop.fetch('/v1/plain', { key: key.text })
    expect(other.headers.get('ratelimit-policy')).toBe('"default";q=3;w=600')
  })

  test('is no way around the narrower one of a key, which is for all its calls', async () => {
    const account = await shop.ledger.account({ plan: 'pro' })
    const key = await shop.ledger.key(account, { rateLimit: 2 })
    expect(await statuses(key, '/v1/poll', 1)).toEqual([200])
    expect(await statuses(key, '/v1/plain', 1)).toEqual([200])
    expect(await statuses(key, '/v1/poll', 1)).toEqual([429])
  })
})

describe('calls that count in no rate limit', () => {
  test('pass however many there are, use up nothing, and say nothing of a limit', async () => {
    const key = await shop.newKey()
    await shop.ledger.grant(key.account, 100)
    expect(passed(await statuses(key, '/v1/uncounted', 12))).toBe(12)
    expect(passed(await statuses(key, '/v1/uncounted-priced', 12))).toBe(12)
    expect(passed(await statuses(key, '/v1/plain', 4))).toBe(3)
    expect(passed(await statuses(key, '/v1/uncounted', 2))).toBe(2)
    for (const path of ['/v1/uncounted', '/v1/uncounted-priced']) {
      const { headers } = await shop.fetch(path, { key: key.text })
      expect([...headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual([])
    }
  })

  test.each(['/v1/uncounted', '/v1/uncounted-priced'])(
    'are bounded in flight by what the plan allows, for each account: %s',
    async (path) => {
      const key = await shop.newKey()
      await shop.ledger.grant(key.account, 100)
      const { promise, resolve } = Promise.withResolvers<void>()
      shop.upstream.respond(async () => {
        await promise
        return Response.json({})
      })
      const calls = [1, 2, 3, 4].map(() => shop.fetch(path, { key: key.text }))
      await until(() => shop.upstream.executed.length === 4)
      const refused = await shop.fetch(path, { key: key.text })
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('1')
      expect(await refused.json()).toMatchObject({ code: 'concurrency_exceeded' })
      const stranger = await shop.newKey()
      await shop.ledger.grant(stranger.account, 100)
      calls.push(shop.fetch(path, { key: stranger.text }))
      await until(() => shop.upstream.executed.length === 5)
      resolve()
      expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(5).fill(200))
      shop.upstream.respond(() => Response.json({}))
      expect(await statuses(key, path, 5)).toEqual(Array(5).fill(200))
    },
  )

  test('are over when their long response is, when their client leaves, and when their upstream fails', async () => {
    const key = await shop.newKey()
    const long = 'x'.repeat(2_000_000)
    shop.upstream.respond(() => new Response(long))
    for (let n = 0; n < 6; n++) {
      const response = await shop.fetch('/v1/uncounted', { key: key.text })
      expect((await response.text()).length).toBe(long.length)
    }
    for (let n = 0; n < 6; n++) {
      const response = await shop.fetch('/v1/uncounted', { key: key.text })
      await response.body?.cancel()
    }
    shop.upstream.respond(() => new Response('', { status: 500 }))
    await until(async () => (await shop.fetch('/v1/uncounted', { key: key.text })).status === 502)
    expect(await statuses(key, '/v1/uncounted', 6)).toEqual(Array(6).fill(502))
  })
})

test('the API documentation promises no limit where there is none', async () => {
  const document = (await (await shop.fetch('/docs/json')).json()) as {
    paths: Record<string, { get: { description: string; responses: Record<string, Documented> } }>
  }
  interface Documented {
    readonly headers: Record<string, unknown>
    readonly description?: string
    readonly $ref?: string
  }
  const responsesOf = (path: string) => document.paths[path]?.get.responses ?? {}
  expect(Object.keys(responsesOf('/v1/plain')['200']?.headers ?? {})).toContain('RateLimit')
  expect(Object.keys(responsesOf('/v1/uncounted')['200']?.headers ?? {})).not.toContain('RateLimit')
  expect(JSON.stringify(responsesOf('/v1/plain')['429'])).not.toEqual(
    JSON.stringify(responsesOf('/v1/uncounted')['429']),
  )
  expect(document.paths['/v1/poll']?.get.description).toContain('a rate limit of its own, 5 calls')
  expect(document.paths['/v1/uncounted']?.get.description).toContain('count in no rate limit')
})
