/**
 * A group of twenty keys with a daily budget, which 64 connections use up over three gateways in processes of their own: not one credit
 * too much is sold, the last one that is left is sold soon, and days are those of the time zone's clocks.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { testRedisUrl } from '../support/redis.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/running-gateway.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const limits = { rateLimit: 100_000, windowMs: 60_000, credits: 100_000, maxInFlight: 10_000 }
const fee = { minorUnits: 0, currency: 'EUR' }
const config = { gateways: 3, plans: { wide: { ...limits, endpoints: 'all' as const, fee } } }
const daily = 300
const timeZone = 'Europe/Berlin'

let upstream: Upstream
let ledger: Ledger
let account: TestAccount
let keys: readonly TestKey[]
let gateways: readonly GatewayProcess[]
beforeAll(async () => {
  upstream = startUpstream()
  upstream.respond(() => Response.json({}))
  ledger = await openLedger({ tariff: tariffOf(testConfig(config)) })
  // A minute before the day of 25 hours on which the clocks are put back.
  await ledger.travelTo('2030-10-26T21:59:00Z')
  account = await ledger.account({ plan: 'wide' })
  keys = await Promise.all(Array.from({ length: 20 }, () => ledger.key(account)))
  for (const key of keys) await ledger.change(key, 'KeyGrouped', { group: 'team' })
  const budgets = [{ credits: daily, per: 'day', timeZone, group: 'team' }]
  await ledger.change(account, 'AccountBudgetsChanged', { budgets })
  const redisUrl = await testRedisUrl()
  const settings = { databaseUrl: ledger.url, redisUrl, config, upstream: upstream.url }
  gateways = await Promise.all([1, 2, 3].map(() => startGatewayProcess(settings)))
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  await upstream.stop()
  await ledger.close()
})

let turn = 0

/** What becomes of the next call, by the next key at the next gateway. On a busy machine the ledger can be too slow for one. */
async function call(): Promise<'sold' | 'refused' | 'too slow'> {
  turn++
  const response = await fetch(`${gateways[turn % 3]?.url}/v1/search`, {
    ...{ method: 'POST', body: '{"query":"q"}' },
    headers: {
      'x-api-key': keys[turn % 20]?.text ?? '',
      'content-type': 'application/json',
    },
  })
  const { code } = (await response.json()) as { code?: string }
  if (response.status === 200) return 'sold'
  if (response.status === 503) return 'too slow'
  expect({ status: response.status, code }).toEqual({ status: 402, code: 'budget_exceeded' })
  return 'refused'
}

/** 64 clients call until each is refused. */
async function spend(onSold = (_: number) => {}): Promise<void> {
  let sold = 0
  const clients = Array.from({ length: 64 }, async () => {
    for (let outcome = await call(); outcome !== 'refused'; outcome = await call()) {
      if (outcome === 'sold') onSold(++sold)
    }
  })
  await Promise.all(clients)
}

/** The last credits of a day may be on lease somewhere, for some seconds at most. */
async function spendRest(day: string): Promise<void> {
  const refusedAtMs = performance.now()
  await until(async () => {
    await call()
    return (await settledByDay())[day] === daily
  })
  expect(performance.now() - refusedAtMs).toBeLessThan(5_000)
  await nothingIsLeft()
}

async function nothingIsLeft(): Promise<void> {
  for (const _ of gateways) expect(await call()).not.toBe('sold')
}

/** What was charged and held in each day, at most at any time, as the log has it. */
async function mostUsed(): Promise<Record<string, number>> {
  const rows = await ledger.sql<{ day: string; most: number }[]>`
    select day, max(used)::integer as most from (
      select span.value as day, sum(coalesce((select sum(h) from unnest(held) h), 0)
        + case when type = 'HoldSettled' then credits else 0 end)
        over (partition by span.value order by position) as used
      from events, json_each_text(payload -> 'budgets') span
      where account_id = ${account.accountId} and key_id is not null
    ) each group by day order by day`
  return Object.fromEntries(rows.map(({ day, most }) => [day, most]))
}

test('no credit too much is sold, over the turn of a day and a change of the clocks', async () => {
  // The day turns while all clients call.
  let turned: Promise<void> | undefined
  await spend((count) => {
    if (count === daily / 2) turned = ledger.travelTo('2030-10-26T22:00:00Z')
  })
  await turned
  expect((await settledByDay())['2030-10-25T22:00:00Z']).toBeGreaterThan(daily / 2 - 64)
  await spendRest('2030-10-26T22:00:00Z')

  // An hour before midnight, for the clocks were put back: nothing is left of the day.
  await ledger.travelTo('2030-10-27T22:00:00Z')
  await nothingIsLeft()
  await ledger.travelTo('2030-10-27T23:00:00Z')
  await spend()
  await spendRest('2030-10-27T23:00:00Z')

  expect(await mostUsed()).toEqual({
    '2030-10-25T22:00:00Z': expect.any(Number),
    '2030-10-26T22:00:00Z': daily,
    '2030-10-27T23:00:00Z': daily,
  })
  expect(await settledByDay()).toMatchObject({
    '2030-10-26T22:00:00Z': daily,
    '2030-10-27T23:00:00Z': daily,
  })
  expect(breachesOf(await readLog(ledger.sql))).toEqual([])
})

async function settledByDay(): Promise<Record<string, number>> {
  const rows = await ledger.sql<{ day: string; credits: number }[]>`
    select span.value as day, sum(credits)::integer as credits
    from events, json_each_text(payload -> 'budgets') span
    where account_id = ${account.accountId} and type = 'HoldSettled' group by day`
  return Object.fromEntries(rows.map(({ day, credits }) => [day, credits]))
}
