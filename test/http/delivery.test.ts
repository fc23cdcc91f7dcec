/** A charge whose response cannot arrive any more is shown as such, and refunded once; no other is. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import {
  forgetResponses,
  openStoredResponses,
} from '../../src/ledger/idempotency/stored-responses.ts'
import { fenceSilent } from '../support/fencing.ts'
import type { Gateway } from '../support/gateway.ts'
import { startTestGateway } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop({ config: { refunds: { unknownDelivery: 'customer' } } })
})
afterAll(() => shop.close())

const pathOf = (requestId: string | null) => `/v1/charges/${requestId}`

async function deliveryOf(requestId: string | null): Promise<string | undefined> {
  const charge = (await (await shop.fetch(pathOf(requestId))).json()) as { delivery?: string }
  return charge.delivery
}

const refund = (requestId: string | null) =>
  shop.fetch(`${pathOf(requestId)}/refund`, { method: 'POST' })

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code
}

test('of a gateway that lives, a response is sent', async () => {
  const response = await shop.post('/v1/search', { query: 'q' })
  const requestId = response.headers.get('x-request-id')
  expect(['pending', 'sent']).toContain((await deliveryOf(requestId)) ?? '')
  await until(async () => (await deliveryOf(requestId)) === 'sent')
  const refused = await refund(requestId)
  expect([refused.status, await codeOf(refused)]).toEqual([409, 'conflict'])
})

test('a gateway that ends says with its last append what it has delivered', async () => {
  const gateway = await startTestGateway({
    databaseUrl: shop.ledger.url,
    upstream: shop.upstream.url,
  })
  const response = await fetch(`${gateway.url}/v1/search`, {
    method: 'POST',
    headers: { 'x-api-key': shop.key.text, 'content-type': 'application/json' },
    body: '{"query":"q"}',
  })
  expect(response.status).toBe(200)
  await response.bytes()
  await gateway.stop()
  expect(await deliveryOf(response.headers.get('x-request-id'))).toBe('sent')
})

describe('of another gateway', () => {
  let other: Gateway
  beforeEach(() => {
    other = shop.ledger.newGateway(`gw_${crypto.randomUUID().slice(0, 8)}`)
  })

  /** It reports, as a gateway that ends: what has not left is withheld. */
  const report = () => other.appender.beat(true)

  /** A call that it charged: its position in the ledger and its id. */
  async function charged(credits = 2) {
    const { hold } = await other.hold(shop.key, credits)
    const { position } = await other.settle(hold, credits)
    return { requestId: hold.requestId, position }
  }

  test('what it charged is leaving until it says that it has left', async () => {
    const { requestId, position } = await charged()
    expect(await deliveryOf(requestId)).toBe('pending')
    const refused = await refund(requestId)
    expect(refused.headers.get('retry-after')).toBe('10')
    expect([refused.status, await codeOf(refused)]).toEqual([409, 'delivery_pending'])
    expect(other.appender.deliveries.leave(position)).toBe(true)
    await report()
    expect(await deliveryOf(requestId)).toBe('sent')
  })

  test('when it says no more, delivery is unknown once it is fenced, however long that takes', async () => {
    const { requestId } = await charged()
    await shop.ledger.advance(120_000)
    expect(await deliveryOf(requestId)).toBe('pending')
    expect(await codeOf(await refund(requestId))).toBe('delivery_pending')
    expect(await fenceSilent(shop.ledger)).toBeGreaterThan(0)
    expect(await deliveryOf(requestId)).toBe('unknown')
    expect((await refund(requestId)).status).toBe(200)
  })

  test('what it withheld is unknown, and refunded once', async () => {
    const earlier = await charged()
    other.appender.deliveries.leave(earlier.position)
    const { requestId } = await charged(3)
    await report()
    expect(await deliveryOf(earlier.requestId)).toBe('sent')
    expect(await deliveryOf(requestId)).toBe('unknown')

    const [first, second] = [await refund(requestId), await refund(requestId)]
    expect([first.status, second.status]).toEqual([200, 200])
    const response = await first.json()
    expect(response).toMatchObject({ requestId, credits: 3 })
    expect(await second.json()).toEqual(response)
    const refunds = (await shop.eventsOf(requestId)).filter(({ type }) => type === 'ChargeRefunded')
    expect(refunds.map(({ credits }) => credits)).toEqual([3])
  })

  test('what was delivered again under its Idempotency-Key has arrived, and stays charged', async () => {
    const claim = { key: 'c1a1', requestHash: 'r1' }
    const { hold } = await other.hold(shop.key, 1, { claim })
    const { keyId, accountId } = shop.key
    const owner = {
      shard: 0,
      keyId,
      accountId,
      accountSecret: new Uint8Array(32),
      claim: claim.key,
    }
    const stored = openStoredResponses(shop.ledger.sql, 5_000)
    const { requestId } = hold
    await stored.store(
      owner,
      { requestId, quantity: 1 },
      { status: 200, headers: [], body: new Uint8Array() },
    )
    await other.settle(hold, 1)
    await report()
    expect(await deliveryOf(requestId)).toBe('unknown')
    await stored.replayed(owner)
    expect(await deliveryOf(requestId)).toBe('replayed')
    expect((await refund(requestId)).status).toBe(409)

    await shop.ledger.advance(26 * 3_600_000)
    while (await forgetResponses(shop.ledger.sql, 1));
    expect((await stored.read(owner))?.response).toBeUndefined()
    const responses = await shop.ledger
      .sql`select 1 from stored_responses where length(response) > 0`
    expect(responses).toHaveLength(0)
    expect(await deliveryOf(requestId)).toBe('replayed')
    expect((await refund(requestId)).status).toBe(409)
  })

  test('nobody else can refund it', async () => {
    const { requestId } = await charged()
    await report()
    const key = (await shop.newKey()).text
    const theirs = await shop.fetch(`${pathOf(requestId)}/refund`, { method: 'POST', key })
    expect(theirs.status).toBe(404)
  })

  test('where the operator refunds, a customer reads whom to ask', async () => {
    const gateway = await startTestGateway({
      databaseUrl: shop.ledger.url,
      upstream: shop.upstream.url,
    })
    const ask = (requestId: string) =>
      fetch(`${gateway.url}${pathOf(requestId)}/refund`, {
        method: 'POST',
        headers: { 'x-api-key': shop.key.text },
      })
    try {
      const { requestId } = await charged()
      const early = await ask(requestId)
      expect([early.status, await codeOf(early)]).toEqual([409, 'delivery_pending'])
      await report()
      const late = await ask(requestId)
      expect(late.status).toBe(403)
      const problem = (await late.json()) as { code: string; detail: string }
      expect(problem.code).toBe('refund_by_operator')
      expect(problem.detail).toContain('Ask the operator')
      expect(problem.detail).toContain(requestId)
      expect((await shop.eventsOf(requestId)).map(({ type }) => type)).not.toContain(
        'ChargeRefunded',
      )
    } finally {
      await gateway.stop()
    }
  })
})
