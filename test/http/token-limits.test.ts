/** Limits of tokens: a call takes what it can use before it is forwarded, and gives back what it did not use. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { chat, chatConfig, done, flow, tokenPrice, tokens, usage } from '../support/chat.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let shop: Shop
let key: TestKey

beforeAll(async () => {
  const config = chatConfig({ price: tokenPrice })
  shop = await openShop({
    config: {
      ...config,
      plans: {
        pro: {
          ...{ rateLimit: null, windowMs: null, endpoints: 'all' },
          rateLimits: [
            { calls: 100, per: '60s' },
            { tokens: 100, per: '10m' },
          ],
        },
      },
    },
  })
})
beforeEach(async () => {
  key = await shop.newKey()
  await shop.ledger.grant(key.account, 100_000)
})
afterAll(() => shop.close())

/** A call of one token of request, whose response may have so many. */
const call = (max_tokens: number | undefined, stream = false, headers = {}) =>
  shop.post(
    '/v1/chat/completions',
    { ...chat, stream, ...(max_tokens !== undefined && { max_tokens }) },
    { key: key.text, headers },
  )

const responds = (total_tokens: number) =>
  shop.upstream.respond(() =>
    Response.json({
      choices: [{ message: { content: 'x' } }],
      usage: { total_tokens, completion_tokens: total_tokens - 1 },
    }),
  )

/** How many tokens a call could take now. */
async function left(): Promise<number> {
  const own = await (await shop.fetch('/v1/key', { key: key.text })).json()
  return (own as { tokenLimit: { remaining: number } }).tokenLimit.remaining
}

test('a call takes its request’s and its response’s, and gives back what it did not use', async () => {
  responds(11)
  const response = await call(40)
  expect(response.status).toBe(200)
  expect(response.headers.get('ratelimit-policy')).toBe(
    '"default";q=100;w=60, "default-tokens-10m";q=100;w=600;qu="tokens"',
  )
  expect(response.headers.get('ratelimit')).toBe('"default";r=99, "default-tokens-10m";r=59')
  expect(response.headers.get('x-ratelimit-limit')).toBe('100')
  expect(await left()).toBe(89)
})

test('a call that could use more than is left is refused, by name, and nothing of it is forwarded', async () => {
  responds(41)
  await call(40)
  await call(40)
  const executed = shop.upstream.executed.length
  const refused = await call(40)
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({
    code: 'rate_limited',
    detail: 'At most 100 tokens in 600 s, and this call can use 41; try again later.',
  })
  expect(refused.headers.get('ratelimit')).toMatch(/^"default-tokens-10m";r=18;t=\d+$/)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(590)
  expect(shop.upstream.executed).toHaveLength(executed)
  expect((await call(17)).status).toBe(200)
})

test('a call that could use more than the limit is asked for less, for waiting would not help', async () => {
  const wide = await shop.ledger.account({ plan: 'pro' })
  key = await shop.ledger.key(wide)
  await shop.ledger.grant(wide, 1_000)
  responds(2)
  const response = await shop.post(
    '/v1/chat/completions',
    {
      ...chat,
      stream: false,
      max_tokens: 50,
      messages: [{ role: 'user', content: 'x'.repeat(9_000) }],
    },
    { key: key.text },
  )
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    code: 'invalid_request',
    detail: expect.stringMatching(
      /^This call can use 1\d\d tokens, and there are at most 100 tokens in 600 s: ask for less\.$/,
    ),
  })
})

test('what a call used beyond that counts, also above the limit', async () => {
  responds(130)
  expect((await call(10)).status).toBe(200)
  expect(await left()).toBe(0)
  expect((await call(1)).status).toBe(429)
})

test('a stream takes all that it can use at first, and gives back the rest when it ends or its client leaves', async () => {
  const stream = flow(shop.upstream)
  const response = call(50, true)
  await until(async () => (await left()) === 49)
  await stream.send(tokens(5) + usage(8) + done)
  await stream.end()
  await (await response).text()
  await until(async () => (await left()) === 92)

  const second = flow(shop.upstream)
  const begun = call(50, true)
  await second.send(tokens(5))
  const reader = (await begun).body?.getReader()
  await reader?.read()
  await reader?.cancel()
  await until(async () => (await left()) > 80)
})

test('a call that is not charged gives all of them back', async () => {
  shop.upstream.respond(() => new Response('', { status: 500 }))
  expect((await call(40)).status).toBe(502)
  expect(await left()).toBe(100)
  const poor = await shop.ledger.account({ plan: 'pro' })
  key = await shop.ledger.key(poor, { monthlyCap: 1 })
  expect((await call(40)).status).toBe(402)
  expect(await left()).toBe(100)
})

test('a retry with the same Idempotency-Key takes none', async () => {
  responds(11)
  const headers = { 'idempotency-key': 'once' }
  expect((await call(40, false, headers)).status).toBe(200)
  const again = await call(40, false, headers)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(await left()).toBe(89)
})

test('calls that count no tokens take none', async () => {
  const { headers } = await shop.post('/v1/search', { query: 'q' }, { key: key.text })
  expect(headers.get('ratelimit')).toBe('"default";r=99')
  expect(await left()).toBe(100)
})
