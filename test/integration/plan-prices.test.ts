/** Prices of a plan's own, from the configuration to the bill. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { parseConfig } from '../../src/config/load-config.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import { withShippedClock } from '../support/shipped-clock.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const shipped = testConfig()
const own = tariffOf(shipped)
const { enterprise } = own.plans
const cheaper = {
  ...own,
  plans: {
    ...own.plans,
    enterprise: { ...enterprise, prices: { search: { per: 'request', credits: 4 } } },
  },
  prices: { ...own.prices, search: { per: 'request', credits: 10 } },
} as typeof own

let shop: Shop
let partner: TestKey
let other: TestKey
beforeAll(async () => {
  shop = await openShop({ tariff: cheaper })
  partner = await shop.newKey('enterprise', { monthlyCap: 1_000_000 })
  other = await shop.newKey('pro', { monthlyCap: 1_000_000 })
})
afterAll(() => shop.close())

const search = (key: TestKey) => shop.post('/v1/search', { query: 'q' }, { key: key.text })

async function chargeOf(response: Response) {
  expect(response.status).toBe(200)
  const events = await shop.eventsOf(response.headers.get('x-request-id'))
  return events.map(({ type, credits, payload }) => [type, credits, payload.plan])
}

test('a call costs what the plan of its account says, and its events name the plan', async () => {
  expect(await chargeOf(await search(partner))).toEqual([
    ['CreditsHeld', 4, 'enterprise'],
    ['HoldSettled', 4, 'enterprise'],
  ])
  const response = await search(other)
  expect(response.headers.get('x-credits-charged')).toBe('10')
  expect(await chargeOf(response)).toEqual([
    ['CreditsHeld', 10, undefined],
    ['HoldSettled', 10, undefined],
  ])
})

test('calls on a lease are priced by the plan, too', async () => {
  const key = await shop.newKey('enterprise')
  for (let n = 0; n < 2; n++) await search(key)
  expect(await chargeOf(await search(key))).toEqual([['HoldSettled', 4, 'enterprise']])
})

test('the ledger refuses a purchase that names another plan than the one in force', async () => {
  const key = await shop.newKey('enterprise')
  const { ledger } = shop
  expect((await ledger.hold(key, 10)).verdict).toBe('stale_plan')
  expect((await ledger.hold(key, 10, { plan: 'pro' })).verdict).toBe('stale_plan')
  expect((await ledger.hold(other, 4, { plan: 'enterprise' })).verdict).toBe('stale_plan')
  const { verdict, hold } = await ledger.hold(key, 4, { plan: 'enterprise', quantity: 1 })
  expect(verdict).toBe('ok')
  expect((await ledger.settle(hold, 4, { quantity: 1 })).verdict).toBe('ok')
  const lease = leaseCommand(key, 8, 2)
  expect((await ledger.append(lease)).verdict).toBe('ok')
  const charge = (plan?: string) =>
    ledger.append(chargeOnLeaseCommand(key, lease, 4, { plan, quantity: 1 }))
  expect((await charge()).verdict).toBe('stale_plan')
  expect((await charge('enterprise')).verdict).toBe('ok')
  await ledger.release(lease)
})

test('a plan that begins while a call runs prices the next one', async () => {
  const key = await shop.newKey('enterprise', { monthlyCap: 1_000_000 })
  const { promise, resolve } = Promise.withResolvers<void>()
  shop.upstream.respond(async () => {
    await promise
    return Response.json({})
  })
  const { length } = shop.upstream.executed
  const under = search(key)
  await until(() => shop.upstream.executed.length === length + 1)
  await shop.ledger.changePlan(key.account, 'pro')
  resolve()
  expect((await under).headers.get('x-credits-charged')).toBe('4')
  expect((await search(key)).headers.get('x-credits-charged')).toBe('10')
})

test('a plan that was announced prices the first call of its time, also at a gateway that knows the key', async () => {
  shop.upstream.respond(() => Response.json({}))
  const key = await shop.newKey('pro', { monthlyCap: 1_000_000 })
  const from = new Date(shop.ledger.now.getTime() + 3_600_000)
  await shop.ledger.changePlan(key.account, 'enterprise', from)
  expect((await search(key)).headers.get('x-credits-charged')).toBe('10')
  await shop.ledger.travelTo(from)
  expect((await search(key)).headers.get('x-credits-charged')).toBe('4')
})

test('reports price by the plan', async () => {
  const id = (await search(partner)).headers.get('x-request-id') ?? ''
  const explained = await explainCall(shop.ledger.sql, id)
  expect(explained?.disagreements).toEqual([])
  expect(explained?.held.call).toMatchObject({ plan: 'enterprise', credits: 4 })
  const month = '2030-06'
  const simulate = async (tariff: typeof own) => {
    const { totals, unpriced } = await simulateTariff(shop.ledger.sql, {
      ...{ from: month, to: month, tariff },
    })
    expect(unpriced).toEqual([])
    return totals.credits
  }
  const same = await simulate(cheaper)
  expect(same.simulated).toBe(same.actual)
  // Without the plan's own prices, its calls cost as all do.
  const alike = await simulate({ ...cheaper, plans: own.plans })
  const [row] = await shop.ledger.sql<{ calls: number }[]>`
    select sum(quantity)::integer as calls from events where type = 'HoldSettled' and payload ->> 'plan' is not null`
  expect(alike.simulated).toBe(Number(same.actual) + 6 * (row?.calls ?? 0))
})

test('verify finds the log sound', async () => {
  const { ledger } = shop
  const verify = async () => {
    await catchUpAll(ledger.sql)
    return withShippedClock(ledger, async () => {
      const verifier = await openVerifier({ url: ledger.url, maxDescribed: 5 })
      const verification = await verifier.run()
      await verifier.close()
      return verification.log.flatMap(({ faults }) => faults.map(({ fault }) => fault))
    })
  }
  expect(await verify()).toEqual([])
})

const file = (
  plans: string,
  price = '{ per: character, unit: 1000, credits: 1000, hold: { text: /text } }',
) => `
services: { voice: { url: 'http://voice' } }
routes:
  tts:
    method: POST
    path: /v1/tts
    summary: Speak
    service: voice
    request: { json: { type: object, required: [text, voice], properties: { text: { type: string }, voice: { enum: [a, b] } } } }
    price: ${price}
plans:
  free: { rateLimit: 10, windowMs: 60000, credits: 100, maxInFlight: 10, endpoints: all, fee: { minorUnits: 0, currency: EUR } }
  pro:
    rateLimit: 10
    windowMs: 60000
    credits: 100
    maxInFlight: 10
    endpoints: all
    fee: { minorUnits: 0, currency: EUR }
    prices: ${plans}
defaultPlan: free
`
const load = (text: string) => parseConfig({ text, source: 'tollbook.yaml', env: {} })
const problems = (text: string): string[] => {
  try {
    load(text)
    return []
  } catch (error) {
    return (error as { problems: { path: string; message: string }[] }).problems.map(
      ({ path, message }) => `${path}: ${message}`,
    )
  }
}

test('what a plan leaves out of a price is as in the route’s own', () => {
  const { plans } = tariffOf(load(file('{ tts: { per: character, unit: 1000, credits: 800 } }')))
  expect(plans.pro?.prices).toEqual({
    tts: { per: 'character', unit: 1_000, credits: 800, hold: { text: '/text' } },
  })
  expect(plans.free?.prices).toBeUndefined()
})

test('rates of a plan go by the same value, or by none', () => {
  const own = '{ per: request, by: /voice, credits: { a: 3, b: 5 } }'
  const pricesOf = (plan: string) => tariffOf(load(file(`{ tts: ${plan} }`, own))).plans.pro?.prices
  expect(pricesOf('{ per: request, credits: { a: 2, b: 2 } }')).toEqual({
    tts: { per: 'request', by: '/voice', credits: { a: 2, b: 2 } },
  })
  expect(pricesOf('{ per: request, credits: 1 }')).toEqual({ tts: { per: 'request', credits: 1 } })
  expect(problems(file('{ tts: { per: request, by: /text, credits: { a: 1 } } }', own))).toEqual([
    'plans.pro.prices.tts.by: expected "/voice", as in routes.tts.price: a plan has rates of its own, and counts the same',
  ])
})

test('a plan can make a route free', () => {
  const { plans } = tariffOf(load(file('{ tts: { per: free } }')))
  expect(plans.pro?.prices).toEqual({ tts: { per: 'free' } })
})

test('a price of a plan that cannot be is named where it stands', () => {
  expect(problems(file('{ tss: { per: request, credits: 1 } }'))).toEqual([
    'plans.pro.prices.tss: no such route: "tss", did you mean tts?',
  ])
  expect(problems(file('{ tts: { per: request, credits: 1 } }'))).toEqual([
    'plans.pro.prices.tts.per: expected "character", as in routes.tts.price: a plan has rates of its own, and counts the same',
  ])
  expect(problems(file('{ tts: { per: character, credits: 800 } }'))).toEqual([
    'plans.pro.prices.tts.unit: missing, expected an integer from 1 to 2147483647',
  ])
  expect(problems(file('{ tts: { per: character, unit: 1, credits: 0 } }'))).toHaveLength(1)
})

test('how a price of a plan counts otherwise than its route is said where it does', () => {
  const list =
    '[{ name: base, per: request, credits: 3 }, { name: text, per: character, unit: 9, credits: 1, hold: { text: /text } }]'
  const found = (plan: string, own = list) => problems(file(`{ tts: ${plan} }`, own))
  const its = 'routes.tts.price'
  expect(found('{ per: request, credits: 1 }')).toEqual([
    `plans.pro.prices.tts: expected a list of components, as ${its}`,
  ])
  expect(found('[{ name: base, per: request, credits: 1 }]')).toEqual([
    `plans.pro.prices.tts: lacks the component text of ${its}: a plan's price has a rate for each of base, text`,
  ])
  const text = '{ name: text, per: character, unit: 9, credits: 1 }'
  expect(
    found(
      `[{ name: base, per: request, credits: 1 }, ${text}, { name: more, per: request, credits: 1 }]`,
    ),
  ).toEqual([`plans.pro.prices.tts[2].name: more is no component of ${its}, which has base, text`])
  expect(found(`[{ name: base, per: item, credits: 1, hold: { number: /n } }, ${text}]`)).toEqual([
    `plans.pro.prices.tts[0].per: expected "request", as in ${its}: a plan has rates of its own, and counts the same`,
  ])
  expect(
    found(
      '[{ name: base, per: request, credits: 1 }, { name: text, per: character, unit: 9, credits: 1, hold: { text: /voice } }]',
    ),
  ).toEqual([
    `plans.pro.prices.tts[1].hold: expected {"text":"/text"}, as in ${its}: a plan has rates of its own, and counts the same`,
  ])
  expect(found('{ per: request, credits: 1 }', '{ per: free }')).toEqual([
    `plans.pro.prices.tts: ${its} is free, and counts nothing: give the route a price that plans can lower, or leave this one out`,
  ])
})

test('tiers of a plan that leave a gap, and rates by which a call can cost too much, are named in the plan', () => {
  const own = '{ per: request, credits: 3 }'
  const found = (plan: string) => problems(file(`{ tts: ${plan} }`, own))
  expect(
    found('{ per: request, tiers: [{ upTo: 5, credits: 3 }, { upTo: 9, credits: 1 }] }'),
  ).toEqual(['plans.pro.prices.tts.tiers[1].upTo: leaves a gap above 9: the last tier has none'])
  expect(
    found(
      '{ per: request, tiers: [{ upTo: 5, credits: 3 }, { upTo: 4, credits: 2 }, { credits: 1 }] }',
    ),
  ).toEqual(['plans.pro.prices.tts.tiers[1].upTo: expected more than 5, the tier before it'])
  expect(problems(file('{ tts: { per: character, unit: 1, credits: 1000000000000 } }'))).toEqual([
    'plans.pro.prices.tts.credits: a call that the route admits can cost more than 1,000,000,000,000 credits, the most that one call can: lower the price, or admit less',
  ])
})

test('the tariff’s hash has the prices of plans', () => {
  expect(tariffHash(cheaper)).not.toBe(tariffHash({ ...cheaper, plans: own.plans }))
})
