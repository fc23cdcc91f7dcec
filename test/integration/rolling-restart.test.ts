/** Two gateways behind a load balancer, restarted one after the other while customers call. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { keepAliveClient } from '../support/keep-alive-client.ts'
import { rawPost } from '../support/raw-client.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const clients = 8
/** How many calls a client makes on one connection. The balancer spreads connections, not calls. */
const callsAConnection = [20, Number.POSITIVE_INFINITY]
const wide = { rateLimit: 1_000_000, credits: 1_000_000, maxInFlight: 1_000 }

let upstream: Upstream
let ledger: Ledger
let balancer: Balancer
let gateways: ServeProcess[] = []
beforeAll(async () => {
  upstream = startUpstream()
  ledger = await openLedger({ tariff: tariffOf(testConfig({ plans: { pro: wide } })) })
  balancer = await startBalancer()
  gateways = await Promise.all([startGateway(), startGateway()])
  for (const { url } of gateways) await balancer.add(url)
})
afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()))
  await balancer.stop()
  await upstream.stop()
  await ledger.close()
})

function startGateway(): Promise<ServeProcess> {
  const { url } = upstream
  return startServe({
    ...{ DATABASE_URL: ledger.url, JWT_SECRET: jwtSecret, DRAIN_SECONDS: '2' },
    ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
  })
}

/** Calls until it is stopped; resolves to how each call ended. */
async function load(
  request: string,
  perConnection: number,
  ended: () => boolean,
): Promise<(number | string)[]> {
  const outcomes: (number | string)[] = []
  const client = keepAliveClient(balancer.url)
  while (!ended()) {
    outcomes.push(await client.call(request).catch((error) => String(error)))
    if (outcomes.length % perConnection === 0) client.leave()
  }
  client.leave()
  return outcomes
}

/** How many gateway processes have sold something. */
async function sellers(): Promise<number> {
  const [row] = await ledger.sql<[{ count: number }]>`
    select count(distinct instance)::int as count from events where type = 'CreditsHeld'`
  return row.count
}

test('a rolling restart loses no call and charges each once', async () => {
  const key = await ledger.key(await ledger.account({ plan: 'pro' }))
  // Takes its time, so that calls are under way whatever happens to a gateway.
  upstream.respond(async () => {
    await Bun.sleep(10)
    return Response.json({ results: [] })
  })
  let over = false
  const request = rawPost('/v1/search', key.text, { query: 'q' })
  const loads = Array.from({ length: clients }, (_, client) =>
    load(request, callsAConnection[client % 2] ?? 1, () => over),
  )
  await until(async () => (await sellers()) === 2)

  for (const [index, old] of [...gateways].entries()) {
    expect(await old.stop()).toBe(0)
    balancer.remove(old.url)
    gateways[index] = await startGateway()
    await balancer.add(gateways[index].url)
    await until(async () => (await sellers()) === 3 + index)
  }
  over = true
  const outcomes = (await Promise.all(loads)).flat()

  expect(outcomes.filter((outcome) => outcome !== 200)).toEqual([])
  expect(upstream.executed).toHaveLength(outcomes.length)
  const [log] = await ledger.sql<[{ charges: number; calls: number; credits: number }]>`
    select count(*)::int as charges, count(distinct request_id)::int as calls, sum(credits)::int as credits
    from events where type = 'HoldSettled'`
  expect(log).toEqual({
    ...{ charges: outcomes.length, calls: outcomes.length, credits: outcomes.length },
  })
  // A lease is released when the key has been idle for 45 seconds at most; nothing else is open.
  const open = await ledger.sql`select from open_holds where slots is null`
  expect(open).toHaveLength(0)
  await until(async () => (await ledger.sql`select from open_holds`).length === 0, 90_000)
}, 180_000)
