/**
 * A busy key's calls run on leases. Two gateways in processes of their own sell to one such key. What is promised of any
 * call is true of these, in particular of those that are under way when something changes.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { type Tariff, tariffOf } from '../../src/config/tariff.ts'
import { mintKey } from '../../src/gate/authenticate/key-format.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/running-gateway.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger, prefixes, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const plan = {
  ...{ rateLimit: 1_000_000, windowMs: 60_000, credits: 1_000_000, maxInFlight: 1_000 },
  ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
}
const maxBufferedBytes = 10_000
const narrow = { ...plan, maxInFlight: 100 }
const config = {
  plans: { wide: plan, narrow, modest: { ...plan, credits: 1_000 } },
  limits: { maxBufferedBytes, leaseIdleSeconds: 3 },
}
const tariff = tariffOf(testConfig(config))

let upstream: Upstream
let ledger: Ledger
let gateways: GatewayProcess[]
beforeAll(async () => {
  upstream = startUpstream()
  ledger = await openLedger({ tariff })
  gateways = await Promise.all([startOne(), startOne()])
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  await upstream.stop()
  await ledger.close()
})
beforeEach(() => upstream.respond(respondSoon))

const startOne = () =>
  startGatewayProcess({ databaseUrl: ledger.url, config, upstream: upstream.url })

/** Long enough for calls to meet, and then as long as it likes. */
async function respondSoon(): Promise<Response> {
  await Bun.sleep(3)
  return Response.json({})
}

const search = (query: string) => ({ path: '/v1/search', body: { query } })

async function call(
  key: TestKey,
  gateway: GatewayProcess,
  { path, body }: { readonly path: string; readonly body: object } = search('q'),
): Promise<Response> {
  const headers = { 'x-api-key': key.text, 'content-type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  const response = await fetch(gateway.url + path, init)
  await response.arrayBuffer()
  return response
}

interface Busy {
  /** Of every response. */
  readonly responses: Response[]
  /** Makes no more calls, and waits for those under way. */
  stop(): Promise<void>
}

/** Clients enough at each gateway for it to take a lease; resolves when calls of both have run on leases. */
async function busy(
  key: TestKey,
  at: readonly GatewayProcess[] = gateways,
  what = search('q') as Parameters<typeof call>[2],
): Promise<Busy> {
  const responses: Response[] = []
  let stopped = false
  const client = async (gateway: GatewayProcess) => {
    while (!stopped) responses.push(await call(key, gateway, what))
  }
  const clients = at.flatMap((gateway) => Array.from({ length: 20 }, () => client(gateway)))
  const instances = async () => {
    const [row] = await ledger.sql<[{ count: number }]>`
      select count(distinct instance) as count from events
      where key_id = ${key.keyId} and type = 'HoldSettled' and payload ->> 'lease' is not null`
    return row.count
  }
  await until(async () => (await instances()) === at.length)
  return {
    responses,
    async stop() {
      stopped = true
      await Promise.all(clients)
    },
  }
}

const newKey = async (plan = 'wide') => ledger.key(await ledger.account({ plan }))

/** What of a key's calls stands in the log. */
async function logOf({ keyId }: TestKey, after = 0) {
  const [row] = await ledger.sql<
    [{ charged: number; requests: number; credits: number; onLease: number; held: number }]
  >`
    select count(*) filter (where type = 'HoldSettled') as charged,
      count(distinct request_id) filter (where type = 'HoldSettled') as requests,
      coalesce(sum(credits) filter (where type = 'HoldSettled'), 0)::bigint as credits,
      count(*) filter (where type = 'HoldSettled' and payload ->> 'lease' is not null) as "onLease",
      count(*) filter (where type = 'CreditsHeld') as held
    from events where key_id = ${keyId} and position > ${after}`
  return row
}

async function openHolds({ accountId }: TestKey) {
  const [row] = await ledger.sql<[{ rows: number; slots: number; held: number }]>`
    select (select count(*) from open_holds where account_id = ${accountId}) as rows,
      (select open_holds from balances where account_id = ${accountId} and mode = 'live')::bigint as slots,
      (select sum(held) from lots where account_id = ${accountId})::bigint as held`
  return row
}

const statuses = (responses: readonly Response[]) =>
  [...new Set(responses.map((a) => a.status))].sort()
const sold = (responses: readonly Response[]) => responses.filter(({ status }) => status === 200)
const nothing = { rows: 0, slots: 0, held: 0 }

test('each call is charged once, and what was on lease is free a moment after the last', async () => {
  const key = await newKey()
  const { responses, stop } = await busy(key)
  await stop()
  expect(statuses(responses)).toEqual([200])
  const log = await logOf(key)
  expect(log).toMatchObject({ charged: responses.length, requests: responses.length })
  expect(log.credits).toBe(responses.length)
  const ids = responses.map(({ headers }) => headers.get('x-request-id'))
  expect(new Set(ids).size).toBe(responses.length)
  const [one] = await ledger.sql<[{ id: string }]>`
    select request_id as id from events
    where key_id = ${key.keyId} and type = 'HoldSettled' and payload ->> 'lease' is not null limit 1`
  const headers = { 'x-api-key': key.text }
  const charge = await fetch(`${gateways[0]?.url}/v1/charges/${one.id}`, { headers })
  expect(await charge.json()).toMatchObject({ status: 'settled', credits: 1, onLease: true })
  await until(async () => Bun.deepEquals(await openHolds(key), nothing))
})

const changes: readonly [
  what: string,
  change: (key: TestKey) => Promise<unknown>,
  status: number,
][] = [
  ['is revoked', (key) => ledger.change(key, 'KeyRevoked'), 401],
  ['is disabled', (key) => ledger.change(key, 'KeyDisabled'), 401],
  ['is of an account that is frozen', (key) => ledger.change(key.account, 'AccountFrozen'), 403],
]
test.each(changes)(
  'a busy key that %s buys nothing after that position',
  async (_, change, status) => {
    const key = await newKey()
    const { responses, stop } = await busy(key)
    const { positions } = (await change(key)) as { positions: number[] }
    await until(() => responses.filter((response) => response.status === status).length > 100)
    await stop()
    expect(statuses(responses)).toEqual([200, status])
    const after = await logOf(key, positions[0])
    expect(after).toMatchObject({ onLease: 0, held: 0 })
    // A hold taken before may still settle; every response that was delivered is charged, and no other.
    expect((await logOf(key)).charged).toBe(sold(responses).length)
    await until(async () => Bun.deepEquals(await openHolds(key), nothing))
  },
)

test('a call that began before its key was revoked gets no response, and costs nothing', async () => {
  const key = await newKey()
  const [gateway] = gateways as [GatewayProcess]
  for (let n = 0; n < 2; n++) expect((await call(key, gateway)).status).toBe(200)
  const { promise: revoked, resolve: revoke } = Promise.withResolvers<void>()
  upstream.respond(() => revoked.then(() => Response.json({})))
  const begun = await oneByOne(3, () => call(key, gateway))
  await ledger.change(key, 'KeyRevoked')
  revoke()
  expect(statuses(await Promise.all(begun))).toEqual([401])
  expect(await logOf(key)).toMatchObject({ charged: 2, onLease: 0 })
})

test('a secret that was replaced is not forwarded, however busy the new one is', async () => {
  const key = await newKey()
  const [gateway] = gateways as [GatewayProcess]
  expect((await call(key, gateway)).status).toBe(200)
  const minted = mintKey({ prefixes, mode: 'live', shard: key.shard, random: secureRandom })
  const { hash, display } = minted
  const rotated = { hash, display, previousHash: key.hash, previousUntil: null }
  await ledger.change(key, 'KeyRotated', rotated)
  const { stop } = await busy({ ...key, text: minted.key }, [gateway])
  upstream.respond(respondSoon)
  const leaked = await call(key, gateway, search('leaked'))
  const forwarded = upstream.executed.map(({ body }) => new TextDecoder().decode(body))
  await stop()
  expect(leaked.status).toBe(401)
  expect(forwarded.filter((body) => body.includes('leaked'))).toEqual([])
})

test('nothing is sold at a price after another one is in force', async () => {
  const key = await newKey()
  const { responses, stop } = await busy(key)
  const before = key.tariff()
  const dearer: Tariff = {
    ...tariff,
    prices: { ...tariff.prices, search: { per: 'request', credits: 3 } },
  }
  await ledger.publish(dearer)
  const [published] = await ledger.sql<[{ position: number }]>`
    select max(position) as position from events where type = 'TariffPublished'`
  const charged = (response: Response) => response.headers.get('x-credits-charged')
  await until(() => responses.filter((response) => charged(response) === '3').length > 100)
  await stop()
  expect(statuses(responses)).toEqual([200])
  const [old] = await ledger.sql<[{ count: number }]>`
    select count(*) as count from events
    where key_id = ${key.keyId} and position > ${published.position} and tariff = ${before}
      and (type = 'CreditsHeld' or type = 'HoldSettled' and payload ->> 'lease' is not null)`
  expect(old.count).toBe(0)
  // Each response says what the log says.
  const said = responses.reduce((sum, response) => sum + Number(charged(response)), 0)
  expect((await logOf(key)).credits).toBe(said)
  await ledger.publish(tariff)
})

test('a call that ends under a price which counts its response is charged for that', async () => {
  const perCall = { 'extract-bulk': { per: 'request', credits: 1 } } as const
  await ledger.publish({ ...tariff, prices: { ...tariff.prices, ...perCall } })
  const key = await newKey()
  const [gateway] = gateways as [GatewayProcess]
  const urls = ['https://a.example', 'https://b.example', 'https://c.example']
  const results = urls.map((url, i) => ({ url, success: i > 0 }))
  const bulk = { path: '/v1/extract/bulk', body: { urls } }
  const { promise: published, resolve: publish } = Promise.withResolvers<void>()
  upstream.respond(async () => {
    await (waits ? published : Bun.sleep(3))
    return Response.json({ results, meta: {} })
  })
  let waits = false
  for (let n = 0; n < 2; n++) await call(key, gateway, bulk)
  waits = true
  const responded = await oneByOne(5, () => call(key, gateway, bulk))
  await ledger.publish(tariff)
  publish()
  const responses = await Promise.all(responded)
  expect(statuses(responses)).toEqual([200])
  const paid = responses.map(({ headers }) => headers.get('x-credits-charged'))
  expect(paid).toEqual(Array(5).fill('2'))
})

test('a response too long to be buffered has a dedicated hold, which its head names', async () => {
  const key = await newKey()
  const { responses, stop } = await busy(key)
  upstream.respond(() => new Response(new Uint8Array(4 * maxBufferedBytes)))
  await until(() => upstream.executed.length > 200)
  await stop()
  expect(statuses(responses)).toEqual([200])
  expect(await logOf(key)).toMatchObject({ charged: responses.length, requests: responses.length })
  const isLong = ({ headers }: Response) =>
    !headers.get('content-type')?.startsWith('application/json')
  const said = responses
    .filter(isLong)
    .map(({ headers }) => [headers.get('x-request-id'), headers.get('x-ledger-position')])
  expect(said.length).toBeGreaterThan(100)
  const holds = await ledger.sql<{ requestId: string; position: number }[]>`
    select request_id as "requestId", position from events
    where key_id = ${key.keyId} and type = 'CreditsHeld' and endpoint = 'search'`
  const held = new Map(holds.map(({ requestId, position }) => [requestId, `0-${position}`]))
  expect(said.map(([id]) => [id, held.get(id ?? '') ?? null])).toEqual(said)
})

test('the last credit can be spent, and no more', async () => {
  const key = await newKey('modest')
  const { responses, stop } = await busy(key)
  await until(async () => (await logOf(key)).credits === 1_000, 30_000)
  await until(() => statuses(responses).includes(402))
  await stop()
  expect(sold(responses)).toHaveLength(1_000)
  expect(await logOf(key)).toMatchObject({ charged: 1_000, requests: 1_000, credits: 1_000 })
})

test('an account may have as many calls in flight as its plan says, whatever is on lease', async () => {
  const key = await newKey('narrow')
  const [gateway] = gateways as [GatewayProcess]
  const { stop } = await busy(key, [gateway])
  const sibling = await ledger.key(key.account)
  const { promise: all, resolve: goOn } = Promise.withResolvers<void>()
  let running = 0
  upstream.respond(async ({ body }) => {
    if (!new TextDecoder().decode(body).includes('long')) return respondSoon()
    running++
    await all
    return Response.json({})
  })
  // Twenty clients are at work already.
  const clients = Array.from({ length: 80 }, async () => {
    // A ledger that takes too long on a busy machine says 503, and is asked again like a limit.
    while ([429, 503].includes((await call(sibling, gateway, search('long'))).status)) {
      await Bun.sleep(10)
    }
  })
  try {
    await until(() => running === 80)
  } finally {
    goOn()
    await Promise.all(clients)
    await stop()
  }
})

test('nor whatever is changed of a key whose calls run on leases', async () => {
  const key = await newKey('narrow')
  const { responses, waiting, gateway } = await heldUp(key, 20, () => Response.json({}))
  await ledger.change(key, 'KeyUpdated', { endpoints: ['search'] })
  // One call of each lease ends, and is not charged on it.
  const ended = [0, 2, 5, 9, 15]
  for (const n of ended) waiting[n]?.()
  await Promise.all(ended.map((n) => responses[n]))
  const sibling = await ledger.key(key.account)
  const others = Array.from({ length: 120 }, () => call(sibling, gateway, search('slow')))
  let refused = 0
  for (const other of others) void other.then(({ status }) => status === 429 && refused++)
  await until(() => waiting.length - 20 + refused === 120)
  expect(waiting.length - ended.length).toBeLessThanOrEqual(100)
  // Each call on a lease still gets its response, though the account has nothing beside.
  for (const goOn of waiting.slice(0, 20)) goOn()
  expect(statuses(await Promise.all(responses))).toEqual([200])
  for (const goOn of waiting) goOn()
  await Promise.all(others)
  await until(async () => Bun.deepEquals(await openHolds(key), nothing))
})

/**
 * Begins calls of a key that has just called twice, each when the upstream has the one before. So all run on leases: a call that
 * finds no slot takes a lease, unless another call is asking for one.
 */
async function oneByOne(calls: number, begin: () => Promise<Response>) {
  const responses: Promise<Response>[] = []
  const { length } = upstream.executed
  while (responses.length < calls) {
    responses.push(begin())
    await until(() => upstream.executed.length === length + responses.length)
  }
  return responses
}

/** Calls on a lease of the key, which the upstream has and responds to when the test lets it, one by one. */
async function heldUp(key: TestKey, calls: number, response: () => Response) {
  const [gateway] = gateways as [GatewayProcess]
  for (let n = 0; n < 2; n++) await call(key, gateway)
  const waiting: (() => void)[] = []
  upstream.respond(async ({ body }) => {
    if (!new TextDecoder().decode(body).includes('slow')) return respondSoon()
    await new Promise<void>((goOn) => waiting.push(goOn))
    return response()
  })
  const responses = await oneByOne(calls, () => call(key, gateway, search('slow')))
  const [row] = await ledger.sql<[{ dedicated: number }]>`
    select count(*) as dedicated from events
    where key_id = ${key.keyId} and type = 'CreditsHeld' and slots is null`
  // The key's first two calls.
  expect(row.dedicated).toBe(2)
  return { responses, waiting, gateway }
}

test('what is on lease is for the calls that run on it, though others of the account want it', async () => {
  const key = await newKey('modest')
  const { responses, waiting, gateway } = await heldUp(key, 20, () => Response.json({}))
  const sibling = await ledger.key(key.account)
  let [refused, stopped] = [0, false]
  const clients = Array.from({ length: 5 }, async () => {
    while (!stopped) if ((await call(sibling, gateway)).status === 402) refused++
  })
  await until(() => refused > 20)
  for (const [i, goOn] of waiting.entries()) {
    goOn()
    await responses[i]
  }
  stopped = true
  await Promise.all(clients)
  expect(statuses(await Promise.all(responses))).toEqual([200])
  await until(async () => Bun.deepEquals(await openHolds(key), nothing))
})

test('a long response needs no concurrency beside that of its call', async () => {
  const key = await newKey('narrow')
  const long = 'x'.repeat(200_000)
  const { responses, waiting, gateway } = await heldUp(key, 20, () => Response.json({ long }))
  const sibling = await ledger.key(key.account)
  const others = Array.from({ length: 80 }, () => call(sibling, gateway, search('slow')))
  // The lease has a few more slots than calls run on it.
  await until(() => waiting.length >= 20 + 70)
  for (const [i, goOn] of waiting.splice(0, 20).entries()) {
    goOn()
    await responses[i]
  }
  expect(statuses(await Promise.all(responses))).toEqual([200])
  for (const goOn of waiting) goOn()
  await Promise.all(others)
  await until(async () => Bun.deepEquals(await openHolds(key), nothing))
})

test('a call that fails is not charged, and is counted', async () => {
  const key = await newKey()
  const { stop } = await busy(key)
  upstream.respond(() => new Response('no', { status: 500 }))
  const [failed] = await Promise.all([
    until(async () => {
      const [row] = await ledger.sql<[{ count: number }]>`
        select count(*) as count from events
        where key_id = ${key.keyId} and type = 'HoldReleased' and payload ->> 'lease' is not null`
      return row.count > 20
    }),
  ])
  expect(failed).toBeUndefined()
  await stop()
  await until(async () => Bun.deepEquals(await openHolds(key), nothing))
  const [usage] = await ledger.sql<[{ ended: number; endpoints: string }]>`
    select count(*) filter (where slots is null and type in ('HoldSettled', 'HoldReleased')) as ended,
      string_agg(distinct coalesce(endpoint, 'lease'), ' ') as endpoints
    from events where key_id = ${key.keyId}`
  expect(usage.endpoints).toBe('lease search')
  await until(async () => {
    const [row] = await ledger.sql<[{ requests: number }]>`
      select coalesce(sum(requests), 0)::bigint as requests from daily_usage where key_id = ${key.keyId}`
    return row.requests === usage.ended
  })
})

test('a gateway that stops releases its leases', async () => {
  const key = await newKey()
  const leaving = await startOne()
  const { stop } = await busy(key, [leaving])
  await stop()
  await leaving.stop()
  expect(await openHolds(key)).toEqual(nothing)
})

test('what a killed gateway had on lease is expired by the others; all its responses were charged', async () => {
  const key = await newKey()
  const doomed = await startOne()
  const responses: Response[] = []
  let alive = true
  const client = async () => {
    while (alive) responses.push(await call(key, doomed))
  }
  const clients = Array.from({ length: 20 }, () => client().catch(() => undefined))
  await until(async () => (await logOf(key)).onLease > 100)
  await doomed.kill()
  alive = false
  await Promise.all(clients)
  expect((await openHolds(key)).held).toBeGreaterThan(0)
  const ids = responses.map(({ headers }) => headers.get('x-request-id'))
  const [charged] = await ledger.sql<[{ count: number }]>`
    select count(*) as count from events
    where type = 'HoldSettled' and request_id = any(${ledger.sql.array(ids, 1009)})`
  expect(charged.count).toBe(responses.length)
  await ledger.advance(3_600_000)
  await until(async () => Bun.deepEquals(await openHolds(key), nothing), 10_000)
})
