/** Two gateways in processes of their own, and the promises that must hold whichever of them is asked. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { testRedisUrl } from '../support/redis.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/running-gateway.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const plan = {
  ...{ rateLimit: 100_000, windowMs: 60_000, credits: 1_000, maxInFlight: 1_000 },
  ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
}
const config = {
  plans: {
    wide: plan,
    tight: { ...plan, credits: 37 },
    slow: { ...plan, rateLimit: 10 },
    slower: { ...plan, rateLimit: 1 },
  },
}
const redisUrl = await testRedisUrl()

let upstream: Upstream
let ledger: Ledger
let gateways: readonly GatewayProcess[]
beforeAll(async () => {
  upstream = startUpstream()
  ledger = await openLedger({ tariff: tariffOf(testConfig(config)) })
  const settings = { databaseUrl: ledger.url, redisUrl, config, upstream: upstream.url }
  gateways = await Promise.all([startGatewayProcess(settings), startGatewayProcess(settings)])
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  await upstream.stop()
  await ledger.close()
})

/** A call at one of the gateways, taken in turn. */
function call(
  key: TestKey,
  turn: number,
  path = '/v1/search',
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const url = `${gateways[turn % gateways.length]?.url}${path}`
  const headers = { 'x-api-key': key.text, 'content-type': 'application/json', ...more }
  return path === '/v1/search'
    ? fetch(url, { method: 'POST', headers, body: '{"query":"q"}' })
    : fetch(url, { headers })
}

/** How many of `count` calls at once got each status. */
async function statuses(key: TestKey, count: number): Promise<Record<number, number>> {
  const responses = await Promise.all(Array.from({ length: count }, (_, turn) => call(key, turn)))
  const seen: Record<number, number> = {}
  for (const { status } of responses) seen[status] = (seen[status] ?? 0) + 1
  return seen
}

/** The account's bill as the log has it. */
async function settledCredits({ accountId }: TestKey): Promise<number> {
  const [row] = await ledger.sql<[{ credits: number }]>`
    select coalesce(sum(credits), 0)::bigint as credits from events
    where account_id = ${accountId} and type = 'HoldSettled'`
  return row.credits
}

const newKey = async (plan: string, options?: Parameters<Ledger['key']>[1]) =>
  ledger.key(await ledger.account({ plan }), options)

describe('a hundred calls at once', () => {
  test('on credit for 37: 37 are served, charged and executed, and no other', async () => {
    const key = await newKey('tight')
    upstream.respond(() => Response.json({}))
    expect(await statuses(key, 100)).toEqual({ 200: 37, 402: 63 })
    expect(await settledCredits(key)).toBe(37)
    expect(new Set(upstream.executed.map((one) => one.requestId)).size).toBe(37)
    expect(upstream.executed).toHaveLength(37)
  })

  test('with a key that is capped at 37: the same, and another key of the account goes on', async () => {
    const key = await newKey('wide', { monthlyCap: 37 })
    upstream.respond(() => Response.json({}))
    expect(await statuses(key, 100)).toEqual({ 200: 37, 402: 63 })
    expect(await settledCredits(key)).toBe(37)
    expect(upstream.executed).toHaveLength(37)
    expect((await call(await ledger.key(key.account), 0)).status).toBe(200)
  })

  test("under one Idempotency-Key: one runs, whichever gateway is asked, and its response is everyone's", async () => {
    const key = await newKey('wide')
    upstream.respond(({ requestId }) => Response.json({ made: requestId }))
    const responses = await Promise.all(
      Array.from({ length: 100 }, async (_, turn) => {
        for (;;) {
          const response = await call(key, turn, '/v1/search', { 'idempotency-key': 'one-order' })
          if (response.status !== 409) return [response.status, await response.text()] as const
        }
      }),
    )
    expect(new Set(responses.map(([status]) => status))).toEqual(new Set([200]))
    expect(new Set(responses.map(([, text]) => text)).size).toBe(1)
    expect(upstream.executed).toHaveLength(1)
    expect(await settledCredits(key)).toBe(1)
  })

  test.skipIf(!redisUrl)('under a limit of ten: ten pass', async () => {
    const key = await newKey('slow')
    upstream.respond(() => Response.json({}))
    expect(await statuses(key, 100)).toEqual({ 200: 10, 429: 90 })
    expect(await settledCredits(key)).toBe(10)
    expect(upstream.executed).toHaveLength(10)
  })
})

describe('a revoked key', () => {
  test('that every gateway has in its cache buys nothing after its revocation', async () => {
    const key = await newKey('wide')
    upstream.respond(() => Response.json({}))
    let [refused, served, turn] = [0, 0, 0]
    const clients = Array.from({ length: 8 }, async () => {
      while (refused < 40) {
        const { status } = await call(key, turn++)
        if (status === 401) refused++
        else if (status === 200) served++
        else expect(status).toBe(200)
      }
    })
    await until(() => upstream.executed.length > 40)
    const revocation = await ledger.change(key, 'KeyRevoked')
    await Promise.all(clients)

    const [revoked] = revocation.positions ?? []
    const [sales] = await ledger.sql<[{ before: number; after: number }]>`
      select count(*) filter (where position < ${revoked ?? 0}) as before,
        count(*) filter (where position > ${revoked ?? 0}) as after
      from events where key_id = ${key.keyId} and slots is null
        and (type = 'CreditsHeld' or type = 'HoldSettled' and payload ->> 'lease' is not null)`
    expect(sales).toEqual({ before: served, after: 0 })
    expect(await settledCredits(key)).toBe(served)
  })

  test('is served nothing that costs nothing either, a second later', async () => {
    const key = await newKey('wide')
    for (const turn of [0, 1]) expect((await call(key, turn, '/v1/tts/languages')).status).toBe(200)
    await ledger.change(key, 'KeyRevoked')
    const revokedAtMs = performance.now()
    for (const turn of [0, 1]) {
      let begunAtMs = performance.now()
      while ((await call(key, turn, '/v1/tts/languages')).status === 200) {
        expect(begunAtMs - revokedAtMs).toBeLessThan(1_000)
        begunAtMs = performance.now()
      }
    }
  })
})

describe('a plan that an operator raises', () => {
  // One rate limit over two gateways takes a Redis.
  const shared = [['raises the rate limit', 'slower', '/v1/search', 429]] as const
  test.each([
    ['opens what it gives', 'free', '/v1/tts/languages', 403],
    ...(redisUrl ? shared : []),
  ] as const)('%s: no refusal is older than a second', async (_, before, path, refusal) => {
    const key = await newKey(before)
    upstream.respond(() => Response.json({}))
    await call(key, 0, path)
    for (const turn of [0, 1]) expect((await call(key, turn, path)).status).toBe(refusal)
    await ledger.changePlan(key.account, 'wide')
    const raisedAtMs = performance.now()
    for (const turn of [0, 1]) {
      let begunAtMs = performance.now()
      for (;;) {
        const { status } = await call(key, turn, path)
        if (status === 200) break
        expect(status).toBe(refusal)
        expect(begunAtMs - raisedAtMs).toBeLessThan(1_000)
        begunAtMs = performance.now()
      }
    }
  })
})

test('a call whose gateway dies is expired once by the others, and costs nothing', async () => {
  const key = await newKey('tight')
  const settings = { databaseUrl: ledger.url, redisUrl, config, upstream: upstream.url }
  const doomed = await startGatewayProcess(settings)
  upstream.respond(() => new Promise(() => {}))
  const lost = fetch(`${doomed.url}/v1/search`, {
    ...{ method: 'POST', body: '{"query":"q"}' },
    headers: { 'x-api-key': key.text, 'content-type': 'application/json' },
  }).catch(() => undefined)
  await until(() => upstream.executed.length === 1)
  await doomed.kill()
  await lost
  await ledger.advance(3_600_000)
  const requestId = upstream.executed[0]?.requestId ?? ''
  const typesOf = async () => {
    const rows = await ledger.sql<{ type: string }[]>`
      select type from events where request_id = ${requestId} order by position`
    return rows.map(({ type }) => type)
  }
  await until(async () => (await typesOf()).length > 1)
  expect(await typesOf()).toEqual(['CreditsHeld', 'HoldExpired'])
  upstream.respond(() => Response.json({}))
  let { 200: served = 0 } = await statuses(key, 38)
  // The last credits can stand in the lease of another gateway for a moment.
  await until(async () => {
    if (served < 37) served += (await statuses(key, 1))[200] ?? 0
    return served >= 37
  })
  expect(await statuses(key, 1)).toEqual({ 402: 1 })
  expect(await settledCredits(key)).toBe(37)
  expect(await typesOf()).toEqual(['CreditsHeld', 'HoldExpired'])
})
