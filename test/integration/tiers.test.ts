/** A search that costs less the more of it an account has had in the month, raced by three gateways over the tiers' ends. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { explainVerdict } from '../../src/reports/explain/explain-verdict.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import { testRedisUrl } from '../support/redis.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/running-gateway.ts'
import { withShippedClock } from '../support/shipped-clock.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const plan = {
  ...{ rateLimit: 100_000, windowMs: 60_000, credits: 100_000, maxInFlight: 1_000 },
  ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
}
const tiers = [{ upTo: 100, credits: 3 }, { upTo: 200, credits: 2 }, { credits: 1 }]
const config = {
  plans: { wide: plan },
  defaultPlan: 'wide',
  limits: { maxBufferedBytes: 2_000 },
  routes: {
    search: { price: { per: 'request', credits: null, tiers } },
    extract: {
      chargeWhen: null,
      price: [
        { name: 'base', per: 'request', credits: 2 },
        {
          name: 'sent',
          per: 'byte',
          of: 'request',
          tiers: [{ upTo: 60, perMillion: 500_000 }, { perMillion: 30_000 }],
        },
      ],
    },
  },
}
const sold = tariffOf(testConfig(config))

let upstream: Upstream
let ledger: Ledger
let gateways: readonly GatewayProcess[]
beforeAll(async () => {
  upstream = startUpstream()
  upstream.respond(() => Response.json({}))
  ledger = await openLedger({ tariff: sold })
  const redisUrl = await testRedisUrl()
  const settings = { databaseUrl: ledger.url, redisUrl, config, upstream: upstream.url }
  gateways = await Promise.all([1, 2, 3].map(() => startGatewayProcess(settings)))
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  await upstream.stop()
  await ledger.close()
})

const newKey = async (options?: Parameters<Ledger['key']>[1]) =>
  ledger.key(await ledger.account({ plan: 'wide' }), options)

function post(key: TestKey, turn: number, path: string, body: object, more: object = {}) {
  return fetch(`${gateways[turn % gateways.length]?.url}${path}`, {
    method: 'POST',
    headers: { 'x-api-key': key.text, 'content-type': 'application/json', ...more },
    body: JSON.stringify(body),
  })
}
const search = (key: TestKey, turn: number, more: object = {}) =>
  post(key, turn, '/v1/search', { query: 'q' }, more)

const month = '2030-06'
let raced: TestKey

test('three gateways race over the ends of the tiers: the sum is that of one call after the other', async () => {
  raced = await newKey()
  const dedicated = await ledger.key(raced.account, { monthlyCap: 1_000_000 })
  let turn = 0
  let shown = 0
  await Promise.all(
    Array.from({ length: 12 }, async (_, client) => {
      for (let n = 0; n < 25; n++) {
        const key = client % 3 ? raced : dedicated
        const named = n % 7 ? {} : { 'idempotency-key': `${client}-${n}` }
        const response = await search(key, turn++, named)
        expect(response.status).toBe(200)
        shown += Number(response.headers.get('x-credits-charged'))
        await response.text()
      }
    }),
  )
  const [row] = await ledger.sql<[{ calls: number; credits: number; leased: number }]>`
    select count(*) as calls, sum(credits)::bigint as credits, count(*) filter (where held is null) as leased
    from events where account_id = ${raced.accountId} and type = 'HoldSettled'`
  expect({ ...row, shown }).toMatchObject({ calls: 300, credits: 600, shown: 600 })
  expect(row.leased).toBeGreaterThan(50)
  expect(row.leased).toBeLessThan(250)
})

test('a hold is taken at the most expensive tier that can still come', async () => {
  const next = await search(await ledger.key(raced.account, { monthlyCap: 1_000_000 }), 0)
  const events = await ledger.sql<{ type: string; credits: number; volume: number }[]>`
    select type, credits, (payload ->> 'volume')::integer as volume from events
    where request_id = ${next.headers.get('x-request-id')} order by position`
  expect([...events]).toEqual([
    { type: 'CreditsHeld', credits: 1, volume: 300 },
    { type: 'HoldSettled', credits: 1, volume: 300 },
  ])
})

test('a refund does not lower the volume, and another month begins anew', async () => {
  const key = await newKey({ monthlyCap: 1_000_000 })
  for (let n = 0; n < 99; n++) await search(key, n)
  const last = await search(key, 0)
  expect(last.headers.get('x-credits-charged')).toBe('3')
  const requestId = last.headers.get('x-request-id') ?? ''
  await ledger.commands.refund(0, { requestId, actor: 'test' })
  expect((await search(key, 1)).headers.get('x-credits-charged')).toBe('2')
})

test('a component of several goes by what it counts itself', async () => {
  const key = await newKey({ monthlyCap: 1_000_000 })
  const body = { url: 'https://example.com/' }
  const bytes = JSON.stringify(body).length
  expect(bytes).toBe(30)
  const charged: string[] = []
  for (let n = 0; n < 3; n++) {
    const response = await post(key, n, '/v1/extract', body)
    charged.push(response.headers.get('x-credits-charged') ?? '')
    await response.text()
  }
  // 30 × 0.5 each, then 30 × 0.03, rounded up over the month.
  expect(charged).toEqual(['17', '17', '3'])
  const statement = await readStatement(ledger.sql, { accountId: key.accountId, month })
  expect(statement?.charges.byComponent).toEqual([
    { endpoint: 'extract', component: 'base', by: null, quantity: 3, amount: '6.000000' },
    { endpoint: 'extract', component: 'sent', by: '1 to 60', quantity: 60, amount: '30.000000' },
    { endpoint: 'extract', component: 'sent', by: 'above 60', quantity: 30, amount: '0.900000' },
    { endpoint: 'extract', component: null, by: null, quantity: null, amount: '0.100000' },
  ])
})

test('the head of a relayed response does not say what it will cost', async () => {
  const key = await newKey()
  upstream.respond(() => Response.json({ text: 'x'.repeat(10_000) }))
  const response = await search(key, 0)
  await response.text()
  upstream.respond(() => Response.json({}))
  expect(response.status).toBe(200)
  expect(response.headers.has('x-credits-charged')).toBe(false)
  const id = response.headers.get('x-request-id') ?? ''
  const charge = (await explainCall(ledger.sql, id))?.charge
  expect(charge).toMatchObject({ credits: 3, volume: 0 })
})

test('the statement has a line for each tier', async () => {
  const statement = await readStatement(ledger.sql, { accountId: raced.accountId, month })
  expect(statement?.charges.byComponent).toEqual([
    {
      endpoint: 'search',
      component: 'request',
      by: '1 to 100',
      quantity: 100,
      amount: '300.000000',
    },
    {
      endpoint: 'search',
      component: 'request',
      by: '101 to 200',
      quantity: 100,
      amount: '200.000000',
    },
    {
      endpoint: 'search',
      component: 'request',
      by: 'above 200',
      quantity: 101,
      amount: '101.000000',
    },
    { endpoint: 'search', component: null, by: null, quantity: null, amount: '0.000000' },
  ])
})

test('every tiered charge is explained from the log', async () => {
  const rows = await ledger.sql<{ id: string }[]>`
    select request_id as id from events where type = 'HoldSettled' order by position`
  expect(rows.length).toBeGreaterThan(400)
  for (const { id } of rows.filter((_, i) => i % 20 === 0)) {
    const explained = await explainCall(ledger.sql, id)
    expect(explained?.disagreements, id).toEqual([])
  }
  const asked = await explainVerdict(ledger.sql, {
    ...{ keyId: raced.keyId, route: 'search', counted: { quantity: 1 }, at: ledger.now },
  })
  expect(asked).toMatchObject({ call: { credits: 1, counted: { quantity: 1, volume: 301 } } })
})

test('simulating the tariff that was in force changes nothing; other tiers are priced in order', async () => {
  const simulate = async (tariff: typeof sold) =>
    (await simulateTariff(ledger.sql, { from: month, to: month, tariff })).owners.find(
      ({ accountId }) => accountId === raced.accountId,
    )?.credits
  expect(await simulate(sold)).toEqual({ actual: 601, simulated: 601 })
  const others = { per: 'request', tiers: [{ upTo: 250, credits: 4 }, { credits: 0 }] } as const
  const prices = { ...sold.prices, search: others } as unknown as typeof sold.prices
  expect(await simulate({ ...sold, prices })).toEqual({ actual: 601, simulated: 1_000 })
  const flat = { ...sold.prices, search: { per: 'request', credits: 2 } } as typeof sold.prices
  expect(await simulate({ ...sold, prices: flat })).toEqual({ actual: 601, simulated: 602 })
})

test('verify finds it sound, and the volumes can be made again from the log', async () => {
  await catchUpAll(ledger.sql)
  const found = await withShippedClock(ledger, async () => {
    const verifier = await openVerifier({ url: ledger.url, maxDescribed: 5 })
    const verification = await verifier.run()
    await verifier.close()
    return verification
  })
  expect(found.sound || found).toBe(true)
  expect(await compareWithProjections(ledger.sql)).toEqual([])
})
