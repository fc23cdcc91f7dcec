/** Two gateways behind a load balancer, restarted one after the other while customers call. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { tariffOf } from '../../src/config/tariff.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { type Balancer, startBalancer } from '../support/balancer.ts'
import { keepAliveClient } from '../support/keep-alive-client.ts'
import { makeLogin } from '../support/logins.ts'
import { rawPost } from '../support/raw-client.ts'
import { startRedis } from '../support/redis.ts'
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

function startGateway(changes: Readonly<Record<string, string>> = {}): Promise<ServeProcess> {
  const { url } = upstream
  return startServe({
    ...{ DATABASE_URL: ledger.url, JWT_SECRET: jwtSecret, DRAIN_SECONDS: '2' },
    ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
    ...changes,
  })
}

/** Restarts one gateway after the other, each when the one before has sold something. */
async function restartEach(changes: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const [index, old] of [...gateways].entries()) {
    expect(await old.stop()).toBe(0)
    balancer.remove(old.url)
    const before = await sellers()
    gateways[index] = await startGateway(changes)
    await balancer.add(gateways[index].url)
    await until(async () => (await sellers()) > before)
  }
}

/** Calls until it is stopped; resolves to how each call ended. */
async function load(
  nextRequest: () => string | Promise<string>,
  perConnection: number,
  ended: () => boolean,
): Promise<(number | string)[]> {
  const outcomes: (number | string)[] = []
  const client = keepAliveClient(balancer.url)
  while (!ended()) {
    outcomes.push(await client.call(await nextRequest()).catch((error) => String(error)))
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
    load(
      () => request,
      callsAConnection[client % 2] ?? 1,
      () => over,
    ),
  )
  await until(async () => (await sellers()) === 2)

  await restartEach()
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
})

test('the secret of tokens, the database’s login and Redis’s password are replaced without a failed call or request', async () => {
  const redis = await startRedis()
  const admin = new Redis(redis.port)
  await admin.call('ACL', 'SETUSER', 'gateway', 'on', '>old', '~*', '&*', '+@all')
  const logins = [
    await makeLogin(ledger, 'calls', 'management'),
    await makeLogin(ledger, 'calls', 'management'),
  ]
  const [oldLogin, newLogin] = logins.map(({ url }) => url) as [string, string]
  const redisUrl = (password: string) => `redis://gateway:${password}@127.0.0.1:${redis.port}`
  const newSecret = 'the secret that comes after, 32 bytes or more'
  const tokenOf = (secret: string) =>
    signToken({ secret, subject: 'ops', role: 'admin', expiresInSeconds: 3_600 })
  const tokens = { old: await tokenOf(jwtSecret), new: await tokenOf(newSecret) }
  let token = tokens.old
  const listAccounts = async () => {
    // The pace that an operator may keep.
    await Bun.sleep(250)
    return `GET /admin/accounts HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${token}\r\n\r\n`
  }
  try {
    const key = await ledger.key(await ledger.account({ plan: 'pro' }))
    const call = rawPost('/v1/search', key.text, { query: 'q' })
    upstream.respond(() => Response.json({ results: [] }))
    let over = false
    const loads = [() => call, listAccounts].map((next) => load(next, 20, () => over))
    await restartEach({ DATABASE_URL: oldLogin, REDIS_URL: redisUrl('old') })

    // Both passwords, both logins and both secrets are good until every gateway has the new ones.
    await admin.call('ACL', 'SETUSER', 'gateway', '>new')
    const next = { DATABASE_URL: newLogin, REDIS_URL: redisUrl('new') }
    await restartEach({ ...next, JWT_OTHER_SECRET: newSecret })
    token = tokens.new
    await restartEach({ ...next, JWT_SECRET: newSecret })
    await admin.call('ACL', 'SETUSER', 'gateway', '<old')
    await ledger.owner.unsafe(`alter role ${logins[0]?.name} nologin`)
    over = true
    const outcomes = await Promise.all(loads)

    expect(outcomes.map((each) => each.filter((outcome) => outcome !== 200))).toEqual([[], []])
    expect(outcomes.every((each) => each.length > 0)).toBe(true)
    const withOld = await fetch(`${gateways[0]?.url}/admin/accounts`, {
      headers: { Authorization: `Bearer ${tokens.old}` },
    })
    expect(withOld.status).toBe(401)
    for (const { printed } of gateways) expect(printed).not.toContain('no Redis')
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    gateways = []
    for (const login of logins) await login.drop()
    admin.disconnect()
    await redis.stop()
  }
})
