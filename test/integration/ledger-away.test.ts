/** A gateway whose ledger does not reply: it sells nothing, says so in time, and serves by itself afterwards. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import postgres from 'postgres'
import type { Charge } from '../../src/reports/charge/charge-shape.ts'
import { testServerUrl } from '../support/postgres.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let shop: Shop
let admin: postgres.Sql
let database: string
beforeAll(async () => {
  shop = await openShop({
    dedicatedHolds: true,
    config: { refunds: { unknownDelivery: 'customer' } },
  })
  admin = postgres(await testServerUrl(), { max: 1 })
  database = new URL(shop.ledger.url).pathname.slice(1)
})
afterAll(async () => {
  await admin`alter database ${admin(database)} allow_connections true`
  await admin.end()
  await shop.close()
})

const search = (key = shop.key) => shop.post('/v1/search', { query: 'q' }, { key: key.text })

async function deliveryOf(requestId: string): Promise<string | undefined> {
  const charge = (await (await shop.fetch(`/v1/charges/${requestId}`)).json()) as Partial<Charge>
  return charge.delivery
}

async function expectUnavailable(response: Response) {
  expect(response.status).toBe(503)
  expect(response.headers.get('retry-after')).toBe('5')
  expect((await response.json()).code).toBe('ledger_unavailable')
}

test('nothing is sold, forwarded or served free while the ledger is away', async () => {
  const uncached = await shop.newKey()
  expect((await search()).status).toBe(200)
  shop.upstream.respond(() => Response.json({}))
  const pool = shop.ledger.sql
  expect(await pool`select 1 as one`).toHaveLength(1)

  await admin`alter database ${admin(database)} allow_connections false`
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${database}`
  const refusals = await Promise.all([
    search(),
    search(uncached),
    shop.fetch('/v1/tts/languages', { key: uncached.text }),
  ])
  for (const response of refusals) await expectUnavailable(response)
  expect(refusals[0]?.headers.get('x-credits-charged')).toBe('0')
  expect(shop.upstream.executed).toHaveLength(0)

  await admin`alter database ${admin(database)} allow_connections true`
  await until(async () => (await search()).status === 200)
  expect((await search(uncached)).status).toBe(200)
  const held = await shop.ledger.owner`select 1 from open_holds`
  expect(held).toHaveLength(0)
})

test('a ledger too slow for a hold and for a charge: neither is served, and neither is left open', async () => {
  const { promise: responding, resolve: respond } = Promise.withResolvers<void>()
  shop.upstream.respond(async () => {
    await responding
    return Response.json({ ok: true })
  })
  const charging = search()
  await until(() => shop.upstream.executed.length === 1)
  const connection = await shop.ledger.owner.reserve()
  await connection`begin`
  await connection`select enter_shard(0::smallint)`
  respond()
  const waiting = () => shop.ledger.owner`
    select pid from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query like '%append_v1%' and pid <> pg_backend_pid()`
  await until(async () => (await waiting()).length > 0)
  const holding = search()

  const unheld = await holding
  await expectUnavailable(unheld)
  expect(unheld.headers.get('x-credits-charged')).toBe('0')
  const chargeUnknown = await charging
  // The charge may still be written, so the refusal does not say that nothing was charged.
  expect(chargeUnknown.headers.has('x-credits-charged')).toBe(false)
  const { detail } = await chargeUnknown.clone().json()
  const chargeId = chargeUnknown.headers.get('x-request-id') ?? ''
  expect(detail).toContain(`/v1/charges/${chargeId}`)
  await expectUnavailable(chargeUnknown)
  expect(shop.upstream.executed).toHaveLength(1)

  await connection`rollback`
  connection.release()
  await shop.outcomeOf(chargeId, 'HoldSettled')
  expect(await (await shop.fetch(`/v1/charges/${chargeId}`)).json()).toMatchObject({
    ...{ requestId: chargeId, status: 'settled', credits: 1 },
  })
  // Its response never left, whatever the gateway has written since.
  expect((await search()).status).toBe(200)
  await until(async () => (await deliveryOf(chargeId)) !== 'pending')
  expect(await deliveryOf(chargeId)).toBe('unknown')
  const refund = await shop.fetch(`/v1/charges/${chargeId}/refund`, { method: 'POST' })
  expect(await refund.json()).toMatchObject({ requestId: chargeId, credits: 1 })
  await until(async () => (await shop.ledger.owner`select 1 from open_holds`).length === 0)
  const abandoned = await shop.eventsOf(unheld.headers.get('x-request-id'))
  if (abandoned.length > 0) {
    expect(abandoned.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldReleased'])
    expect(abandoned[1]?.payload).toEqual({ reason: 'append_timed_out' })
  }
})

/** The response to a call of this key during which the shard is locked, for longer than the call waits. */
async function searchWhileLocked(key: TestKey): Promise<Response> {
  const connection = await shop.ledger.owner.reserve()
  await connection`begin`
  await connection`select enter_shard(0::smallint)`
  const response = await search(key)
  await connection`rollback`
  connection.release()
  return response
}

test('a hold that is granted after its client gave up is released at once', async () => {
  shop.upstream.respond(() => Response.json({}))
  const response = await searchWhileLocked(shop.key)
  await expectUnavailable(response)
  const events = await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldReleased')
  expect(events.map(({ type, payload }) => [type, payload.reason])).toEqual([
    ['CreditsHeld', undefined],
    ['HoldReleased', 'append_timed_out'],
  ])
  expect(shop.upstream.executed).toHaveLength(0)
})

test('so is a lease', async () => {
  shop.upstream.respond(() => Response.json({}))
  const key = await shop.newKey()
  for (let n = 0; n < 2; n++) expect((await search(key)).status).toBe(200)
  await expectUnavailable(await searchWhileLocked(key))
  let leases: { type: string; reason: string | null }[] = []
  await until(async () => {
    leases = await shop.ledger.sql`
      select type, payload ->> 'reason' as reason from events
      where key_id = ${key.keyId} and slots is not null order by position`
    return leases.length === 2
  })
  expect(leases).toEqual([
    { type: 'CreditsHeld', reason: null },
    { type: 'HoldReleased', reason: 'append_timed_out' },
  ])
  expect(shop.upstream.executed).toHaveLength(2)
})
