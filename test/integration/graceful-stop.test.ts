/** A gateway that stops: calls under way finish, no new call begins, no connection stays open. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { lookUpCharge } from '../../src/reports/charge/charge-lookup.ts'
import { type RawCall, rawCall, rawPost } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

let shop: Shop
beforeEach(async () => {
  shop = await openShop({ dedicatedHolds: true })
})
// Closing the ledger fails when the gateway left a connection open.
afterEach(() => shop.close())

const search = () => rawCall(shop.gateway.url, rawPost('/v1/search', shop.key.text, { query: 'q' }))

/** The type of each call's last event. */
async function outcomes(): Promise<Record<string, number>> {
  const rows = await shop.ledger.sql<{ type: string; calls: number }[]>`
    select type, count(*) as calls from (
      select distinct on (request_id) type from events where request_id is not null and slots is null
      order by request_id, position desc) last
    group by type`
  return Object.fromEntries(rows.map(({ type, calls }) => [type, calls]))
}

async function refusesConnections(): Promise<boolean> {
  const probe = rawCall(shop.gateway.url, '')
  await until(() => probe.closed || probe.socket.readyState === 'open')
  const refused = probe.closed
  probe.socket.destroy()
  return refused
}

test('calls and streams under way finish, also those whose clients have left', async () => {
  const { promise: responding, resolve: respond } = Promise.withResolvers<void>()
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const growing = writable.getWriter()
  shop.upstream.respond(async ({ target }) => {
    if (target.startsWith('/synthesize')) return new Response(readable)
    await responding
    return Response.json({})
  })
  const idle = rawCall(shop.gateway.url, 'GET /health HTTP/1.1\r\nHost: gateway.test\r\n\r\n')
  await idle.ended()
  const waiting = search()
  const leaving = search()
  const text = { text: 'hello' }
  const streaming = rawCall(shop.gateway.url, rawPost('/v1/tts/synthesize', shop.key.text, text))
  await until(() => shop.upstream.executed.length === 3)
  await until(async () => {
    await growing.write(new Uint8Array(50_000))
    return streaming.body.length > 0
  })
  leaving.socket.destroy()

  let stopped = false
  const stop = shop.gateway.stop().then(() => {
    stopped = true
  })
  await until(refusesConnections)
  await until(() => idle.closed)
  expect(stopped).toBe(false)
  expect((await outcomes()).CreditsHeld).toBe(3)

  respond()
  await waiting.ended()
  expect(waiting.status).toBe(200)
  await growing.close()
  await streaming.ended()
  expect(streaming.whole).toBe(true)
  await stop
  expect(await outcomes()).toEqual({ HoldSettled: 3 })
})

test('a response that its client reads slowly is not cut off', async () => {
  const size = 30_000_000
  shop.upstream.respond(() => new Response(new Uint8Array(size)))
  const text = { text: 'hello' }
  const slow = rawCall(shop.gateway.url, rawPost('/v1/tts/synthesize', shop.key.text, text))
  await slow.begun()
  slow.socket.pause()
  const stop = shop.gateway.stop()
  await until(refusesConnections)
  slow.socket.resume()
  await endOf(slow)
  await stop
  expect(slow.whole).toBe(true)
  expect(slow.body.length).toBe(size)
  expect(await outcomes()).toEqual({ HoldSettled: 1 })
})

test('a call that does not finish in time is cut off and not charged', async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const growing = writable.getWriter()
  const { promise: responding, resolve: respond } = Promise.withResolvers<void>()
  shop.upstream.respond(async ({ target }) => {
    if (target.startsWith('/synthesize')) return new Response(readable)
    await responding
    return Response.json({})
  })
  const waiting = search()
  const text = { text: 'hello' }
  const streaming = rawCall(shop.gateway.url, rawPost('/v1/tts/synthesize', shop.key.text, text))
  await until(() => shop.upstream.executed.length === 2)
  await until(async () => {
    await growing.write(new Uint8Array(50_000))
    return streaming.body.length > 0
  })
  const stop = shop.gateway.stop(10)
  await Promise.all([waiting.ended(), streaming.ended()])
  respond()
  await stop
  expect(waiting.status).toBeUndefined()
  expect(streaming.whole).toBe(false)
  expect(await outcomes()).toEqual({ HoldReleased: 2 })
  const reasons = await shop.ledger.sql`
    select payload ->> 'reason' as reason from events where type = 'HoldReleased'`
  expect([...reasons]).toEqual([{ reason: 'gateway_stopped' }, { reason: 'gateway_stopped' }])
})

test('calls of price 0 that were served are counted before the end', async () => {
  for (let call = 0; call < 3; call++) {
    expect((await shop.fetch('/v1/tts/languages')).status).toBe(200)
  }
  await shop.gateway.stop()
  const [row] = await shop.ledger.sql<[{ calls: number }]>`
    select sum(quantity)::bigint as calls from events where type = 'CallsCounted'`
  expect(row.calls).toBe(3)
  const [usage] = await shop.ledger.sql<[{ requests: number }]>`
    select sum(requests)::bigint as requests from daily_usage`
  expect(usage.requests).toBe(3)
})

/** Resolves when the connection is closed. It does not parse the body each time, which is long. */
async function endOf(call: RawCall): Promise<void> {
  let closed = false
  call.socket.once('close', () => {
    closed = true
  })
  await until(() => closed || call.closed, 30_000)
}

test('a charge that is written after its client was cut off is not shown as sent', async () => {
  const connection = await shop.ledger.owner.reserve()
  const { promise: responding, resolve: respond } = Promise.withResolvers<void>()
  shop.upstream.respond(async () => {
    await responding
    return Response.json({})
  })
  const call = search()
  await until(() => shop.upstream.executed.length === 1)
  await connection`begin`
  await connection`select enter_shard(0::smallint)`
  respond()
  const waiting = () => shop.ledger.owner`
    select pid from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query like '%append_v1%' and pid <> pg_backend_pid()`
  await until(async () => (await waiting()).length > 0)

  const stop = shop.gateway.stop(10)
  await call.ended()
  expect(call.status).toBeUndefined()
  await connection`rollback`
  connection.release()
  await stop
  expect(await outcomes()).toEqual({ HoldSettled: 1 })
  const requestId = shop.upstream.executed[0]?.requestId ?? ''
  expect((await lookUpCharge(shop.ledger.sql, requestId))?.delivery).toBe('unknown')
})
