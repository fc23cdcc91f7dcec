/** How many calls of an account are in flight at once: free ones, and those that cost something. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const maxInFlight = 4

let shop: Shop
let release: () => void

beforeAll(async () => {
  const route = (name: string, more: object) => ({
    ...{ method: 'GET', path: `/v1/${name}`, summary: 'x', service: 'search', ...more },
  })
  shop = await openShop({
    config: {
      plans: { pro: { maxInFlight } },
      routes: {
        free: route('free', { price: { per: 'free' } }),
        uncounted: route('uncounted', { price: { per: 'free' }, rateLimit: 'free' }),
        priced: route('priced', { price: { per: 'request', credits: 1 } }),
        upload: route('upload', { method: 'POST', price: { per: 'free' }, request: 'any' }),
      },
    },
  })
})
afterAll(() => shop.close())

/** Upstreams respond when they are released. */
beforeEach(() => {
  const { promise, resolve } = Promise.withResolvers<void>()
  release = resolve
  shop.upstream.respond(async () => {
    await promise
    return Response.json({})
  })
})

/** Calls that are in flight when this resolves. */
async function inFlight(key: TestKey, paths: readonly string[]): Promise<Promise<Response>[]> {
  const before = shop.upstream.executed.length
  const calls = paths.map((path) => shop.fetch(path, { key: key.text }))
  await until(() => shop.upstream.executed.length === before + paths.length)
  return calls
}

async function expectRefused(key: TestKey, path: string): Promise<void> {
  const response = await shop.fetch(path, { key: key.text })
  expect(await response.json()).toMatchObject({ status: 429, code: 'concurrency_exceeded' })
  expect(response.headers.get('retry-after')).toBe('1')
}

async function expectDone(calls: readonly Promise<Response>[]): Promise<void> {
  release()
  for (const call of calls) {
    const response = await call
    expect(response.status).toBe(200)
    await response.text()
  }
}

test.each(['/v1/free', '/v1/uncounted'])(
  'free calls are bounded by what the plan allows: %s',
  async (path) => {
    const key = await shop.newKey()
    const calls = await inFlight(key, Array(maxInFlight).fill(path))
    await expectRefused(key, path)
    await expectRefused(await shop.ledger.key(key.account), path)
    const stranger = await shop.newKey()
    calls.push(...(await inFlight(stranger, [path])))
    await expectDone(calls)
    await expectDone(await inFlight(key, Array(maxInFlight).fill(path)))
  },
)

test.each([
  ['/v1/free', '/v1/priced'],
  ['/v1/priced', '/v1/free'],
])('free calls and others are bounded together: with %s in flight, %s', async (first, second) => {
  const key = await shop.newKey()
  const calls = await inFlight(key, Array(maxInFlight - 1).fill(first))
  calls.push(...(await inFlight(key, [second])))
  await expectRefused(key, second)
  await expectRefused(key, first)
  await expectDone(calls)
  await expectDone(await inFlight(key, Array(maxInFlight).fill(second)))
})

test('a refused call leaves nothing in flight, and uses no permit', async () => {
  const key = await shop.newKey()
  const permits = async () =>
    (await (await shop.fetch('/v1/key', { key: key.text })).json()).rateLimit.remaining
  const calls = await inFlight(key, Array(maxInFlight).fill('/v1/free'))
  const before = await permits()
  for (let call = 0; call < 10; call++) await expectRefused(key, '/v1/free')
  expect(await permits()).toBe(before)
  await expectDone(calls)
  for (let call = 0; call < maxInFlight * 2; call++) {
    expect((await shop.fetch('/v1/free?a=1', { key: key.text })).status).toBe(400)
    const odd = { 'content-encoding': 'odd' }
    const init = { key: key.text, method: 'POST', body: 'x', headers: odd }
    expect((await shop.fetch('/v1/upload', init)).status).toBe(415)
  }
  await expectDone(await inFlight(key, Array(maxInFlight).fill('/v1/free')))
})

test('a limit that was raised refuses nothing, also to a gateway that knows the old one', async () => {
  const key = await shop.newKey()
  const calls = await inFlight(key, ['/v1/priced', ...Array(maxInFlight - 1).fill('/v1/free')])
  await expectRefused(key, '/v1/priced')
  const limits = { maxInFlight: maxInFlight + 1, rateLimit: null }
  await shop.ledger.change(key.account, 'AccountLimitsChanged', limits)
  shop.upstream.respond(() => Response.json({}))
  await until(async () => (await shop.fetch('/v1/priced', { key: key.text })).status === 200)
  await expectDone(calls)
})
