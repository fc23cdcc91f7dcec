/** Connections to the ledger that are dead without saying so, and servers that take no writes: each is given up. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect } from '../../src/ledger/connect.ts'
import { isUnavailable } from '../../src/ledger/unavailable.ts'
import { type LossyLine, openLossyLine } from '../support/lossy-line.ts'
import { startTestGateway, type TestGateway } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

let shop: Shop
/** The line of the gateway. */
let line: LossyLine
let gateway: TestGateway

beforeAll(async () => {
  shop = await openShop()
  line = await openLossyLine(shop.ledger.url)
  gateway = await startTestGateway({ databaseUrl: line.url, upstream: shop.upstream.url })
})
afterAll(async () => {
  await gateway.stop()
  await line.close()
  await shop.close()
})

function search(key = shop.key): Promise<Response> {
  return fetch(`${gateway.url}/v1/search`, {
    method: 'POST',
    headers: { 'x-api-key': key.text, 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'q' }),
  })
}

test('a gateway whose connections have fallen silent for ever sells again over new ones', async () => {
  expect((await search()).status).toBe(200)
  line.swallow()
  const refused = await search()
  expect(refused.status).toBe(503)
  // What the gateway has not seen yet is read over the pool, what it has seen is sold by the appender: both come back.
  await until(async () => (await search()).status === 200, 30_000)
  await until(async () => (await search(await shop.newKey())).status === 200, 30_000)
  const requestIds = await shop.ledger.sql<{ requests: number; charges: number }[]>`
    select count(distinct request_id) as requests, count(*) as charges
    from events where type = 'HoldSettled'`
  expect(requestIds[0]?.charges).toBe(requestIds[0]?.requests as number)
})

test('a statement that computes for longer than the limit of a gateway goes on where the limit is an hour', async () => {
  const patient = connect({ url: shop.ledger.url, as: 'owner', max: 1 })
  const impatient = connect({ url: shop.ledger.url, as: 'owner', max: 1, maxSilenceSeconds: 1 })
  try {
    const given = await impatient`select pg_sleep(5)`.catch((error) => error)
    expect(given).toMatchObject({ code: 'ETIMEDOUT' })
    expect(isUnavailable(given)).toBe(true)
    expect(await impatient`select 1 as one`).toHaveLength(1)
    expect(await patient`select pg_sleep(3)`).toHaveLength(1)
  } finally {
    await Promise.all([patient.end(), impatient.end()])
  }
})

test('a pool that is ended lets go of a silent connection', async () => {
  const silent = await openLossyLine(shop.ledger.url)
  const pool = connect({ url: silent.url, as: 'owner', max: 1 })
  const [server] = await pool`select pg_backend_pid() as pid`
  expect(server?.pid).toBeGreaterThan(0)
  silent.swallow()
  const asked = pool`select 1`.catch((error) => error)
  await pool.end({ timeout: 1 })
  expect(isUnavailable(await asked)).toBe(true)
  await until(() => silent.connections === 0, 5_000)
  await silent.close()
})

test('a server that takes connections and ends them at once is an error, not a wait without an end', async () => {
  using server = Bun.listen({
    ...{ hostname: '127.0.0.1', port: 0 },
    socket: { open: (socket) => void socket.end(), data() {} },
  })
  for (const mode of ['prefer', 'disable']) {
    const url = `postgres://me@127.0.0.1:${server.port}/app?sslmode=${mode}`
    const pool = connect({ url, as: 'owner', max: 1 })
    const first = await pool`select 1`.catch((error) => error)
    expect([mode, isUnavailable(first)]).toEqual([mode, true])
    // The pool still asks, and is refused again, rather than wait for a connection that it has forgotten.
    expect(isUnavailable(await pool`select 1`.catch((error) => error))).toBe(true)
    await pool.end()
  }
})

test('a reader that is slow to take its rows is no silent server', async () => {
  const pool = connect({ url: shop.ledger.url, as: 'owner', max: 1, maxSilenceSeconds: 1 })
  let rows = 0
  for await (const page of pool`select generate_series(1, 6) as n`.cursor(2)) {
    rows += page.length
    await Bun.sleep(1_500)
  }
  expect(rows).toBe(6)
  await pool.end()
})

test('a ledger that was made read-only refuses, and gateways sell again when it takes writes', async () => {
  expect((await search()).status).toBe(200)
  const name = new URL(shop.ledger.url).pathname.slice(1)
  const serving = async () => {
    const rows = await shop.ledger.owner<{ pid: number }[]>`
      select pid from pg_stat_activity where query like '%append_v%' and datname = ${name} and pid <> pg_backend_pid()`
    return rows.map(({ pid }) => pid)
  }
  const before = await serving()
  const { owner: admin } = shop.ledger
  await admin`alter role postgres in database ${admin(name)} set default_transaction_read_only = on`
  await shop.ledger.owner`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = ${name} and pid <> pg_backend_pid()`
  const refused = await search()
  expect(refused.status).toBe(503)
  expect((await refused.json()).code).toBe('ledger_unavailable')
  const owner = connect({ url: shop.ledger.url, as: 'owner', max: 1 })
  await until(async () => (await serving()).some((pid) => !before.includes(pid)))
  // A connection that has the setting keeps it, so a gateway that kept its connection would never sell again.
  await owner`set default_transaction_read_only = off`
  await owner`alter role postgres in database ${owner(name)} reset default_transaction_read_only`
  await owner.end()
  await until(async () => (await search()).status === 200, 15_000)
})
