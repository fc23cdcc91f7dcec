/** What is published or announced takes effect on gateways that run and have their keys in memory. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Tariff, tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'
import { until } from '../support/until.ts'

const shipped = tariffOf(testConfig())

let shop: Shop
beforeAll(async () => {
  const { search: _, ...withoutSearch } = shipped.prices
  shop = await openShop({ dedicatedHolds: true, tariff: { ...shipped, prices: withoutSearch } })
})
afterAll(() => shop.close())

const search = (key = shop.key) => shop.post('/v1/search', { query: 'q' }, { key: key.text })

const pricedAt = (credits: number): Tariff => ({
  ...shipped,
  prices: { ...shipped.prices, search: { per: 'request', credits } },
})

/** Which tariff and how many credits a call was held and settled by. */
async function pricesOf(response: Response) {
  expect(response.status).toBe(200)
  const events = await shop.eventsOf(response.headers.get('x-request-id'))
  return events.map(({ type, tariff, credits }) => [type, tariff, credits])
}

test('a route without a price is refused, until a second after one is published', async () => {
  const response = await search()
  expect(response.status).toBe(503)
  expect((await response.json()).code).toBe('price_missing')
  expect((await shop.post('/v1/extract', { url: 'https://example.com/' })).status).toBe(200)
  await shop.ledger.publish(shipped)
  const publishedAtMs = performance.now()
  for (;;) {
    const begunAtMs = performance.now()
    if ((await search()).status === 200) break
    expect(begunAtMs - publishedAtMs).toBeLessThan(1_000)
  }
})

test('the next call after a publication is priced by it, and its hold names it', async () => {
  const before = tariffHash(shipped)
  expect(await pricesOf(await search())).toEqual([
    ['CreditsHeld', before, 1],
    ['HoldSettled', before, 1],
  ])
  const after = await shop.ledger.publish(pricedAt(3))
  const response = await search()
  expect(response.headers.get('x-credits-charged')).toBe('3')
  expect(await pricesOf(response)).toEqual([
    ['CreditsHeld', after, 3],
    ['HoldSettled', after, 3],
  ])
})

/** What a call of the key is charged, while which the price changes. */
async function chargedAcross(credits: number, key = shop.key) {
  const { promise, resolve } = Promise.withResolvers<void>()
  shop.upstream.respond(async () => {
    await promise
    return Response.json({})
  })
  const { length } = shop.upstream.executed
  const under = search(key)
  await until(() => shop.upstream.executed.length === length + 1)
  await shop.ledger.publish(pricedAt(credits))
  resolve()
  return (await under).headers.get('x-credits-charged')
}

test('a call under way keeps the price that it was held by', async () => {
  expect(await chargedAcross(7)).toBe('3')
  expect((await search()).headers.get('x-credits-charged')).toBe('7')
})

test('a call on a lease is sold at its end, at the price that is in force then', async () => {
  const key = await shop.newKey()
  shop.upstream.respond(() => Response.json({}))
  for (let n = 0; n < 2; n++) {
    expect((await search(key)).headers.get('x-credits-charged')).toBe('7')
  }
  const third = await search(key)
  expect(await pricesOf(third)).toMatchObject([['HoldSettled', tariffHash(pricedAt(7)), 7]])
  expect(await chargedAcross(8, key)).toBe('8')
  expect((await search()).headers.get('x-credits-charged')).toBe('8')
})

test('a tariff that was announced prices the first call of its time', async () => {
  const from = new Date(shop.ledger.now.getTime() + 3_600_000)
  await shop.ledger.publish(pricedAt(9), from)
  expect((await search()).headers.get('x-credits-charged')).toBe('8')
  await shop.ledger.travelTo(from)
  expect((await search()).headers.get('x-credits-charged')).toBe('9')
})

test('a route that becomes free charges nothing from the next call on', async () => {
  expect((await search()).headers.get('x-credits-charged')).toBe('9')
  await shop.ledger.publish({ ...shipped, prices: { ...shipped.prices, search: { per: 'free' } } })
  const response = await search()
  expect(response.status).toBe(200)
  expect(response.headers.get('x-credits-charged') ?? '0').toBe('0')
  await shop.ledger.publish(shipped)
  const patient = await shop.newKey('enterprise')
  await until(async () => (await search(patient)).headers.get('x-credits-charged') === '1')
})

test('a plan that was announced counts from its time, also for a key that the gateway knows', async () => {
  const key = await shop.newKey('pro')
  const synthesize = () => shop.post('/v1/tts/synthesize', { text: 'hello' }, { key: key.text })
  // Real time passes, too: what a gateway has in memory ages by its own clock.
  const from = new Date(shop.ledger.now.getTime() + 100)
  await shop.ledger.changePlan(key.account, 'free', from)
  const asPro = await synthesize()
  expect(asPro.status).toBe(200)
  expect(asPro.headers.get('x-ratelimit-limit')).toBe('100')
  await shop.ledger.travelTo(from)
  await Bun.sleep(100)
  const asFree = await search(key)
  expect(asFree.headers.get('x-ratelimit-limit')).toBe('10')
  expect((await synthesize()).status).toBe(403)
})
