/**
 * A gateway is stopped (SIGSTOP) after its charge is committed and before it learns of it, and the customer asks another one
 * for the refund. Nobody gets a response and its price back.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { type Line, openLine } from '../faults/line.ts'
import { type GatewayProcess, startGatewayProcess } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const config = { refunds: { unknownDelivery: 'customer' } }

let shop: Shop
let line: Line
let stopped: GatewayProcess
beforeAll(async () => {
  shop = await openShop({ config })
})
afterAll(() => shop.close())
beforeEach(async () => {
  const database = new URL(shop.ledger.url)
  line = await openLine({ host: database.hostname, port: Number(database.port) })
  database.hostname = '127.0.0.1'
  database.port = String(line.port)
  const upstream = shop.upstream.url
  stopped = await startGatewayProcess({ databaseUrl: database.href, config, upstream })
})
afterEach(async () => {
  process.kill(stopped.pid, 'SIGCONT')
  await stopped.stop()
  await line.close()
})

/** Calls the gateway, and stops it when its charge is committed. `response` comes when it goes on. */
async function stoppedAfterCharge() {
  const { promise: committed, resolve } = Promise.withResolvers<void>()
  let sentOn: number | undefined
  line.watch(({ towards, isProducer, bytes, connection }) => {
    if (towards === 'server' && isProducer && /\bsettle\b/.test(bytes.toString('latin1'))) {
      sentOn = connection
    }
    if (towards === 'client' && connection === sentOn) {
      line.fallSilent()
      resolve()
    }
    return 'pass'
  })
  const response = fetch(`${stopped.url}/v1/search`, {
    method: 'POST',
    headers: { 'x-api-key': shop.key.text, 'content-type': 'application/json' },
    body: '{"query":"q"}',
  })
  await committed
  process.kill(stopped.pid, 'SIGSTOP')
  const stoppedAtMs = performance.now()
  line.watch()
  const [settled] = await shop.ledger.sql<{ request_id: string }[]>`
    select request_id from events where type = 'HoldSettled' order by position desc limit 1`
  return { requestId: settled?.request_id as string, response, stoppedAtMs }
}

function goOn(): void {
  line.speakAgain()
  process.kill(stopped.pid, 'SIGCONT')
}

const refund = (requestId: string) =>
  shop.fetch(`/v1/charges/${requestId}/refund`, { method: 'POST' })

async function deliveryOf(requestId: string): Promise<unknown> {
  return ((await (await shop.fetch(`/v1/charges/${requestId}`)).json()) as Record<string, unknown>)
    .delivery
}

test('for longer than a response may take: nothing is given back before the gateway says that it withheld it', async () => {
  const { requestId, response, stoppedAtMs } = await stoppedAfterCharge()
  await shop.ledger.advance(11_000)
  await until(() => performance.now() - stoppedAtMs > 5_000, 10_000)
  const early = await refund(requestId)
  expect(early.status).toBe(409)
  expect(early.headers.get('retry-after')).toBe('10')
  expect(((await early.json()) as { code: string }).code).toBe('delivery_pending')

  goOn()
  const late = await response
  expect(late.status).toBe(503)
  expect(await late.text()).toContain(`/v1/charges/${requestId}`)
  await until(async () => (await deliveryOf(requestId)) === 'unknown')
  expect((await refund(requestId)).status).toBe(200)
})

test('for a moment: the response arrives, and stays charged', async () => {
  const { requestId, response } = await stoppedAfterCharge()
  await shop.ledger.advance(11_000)
  const early = await refund(requestId)
  expect(((await early.json()) as { code: string }).code).toBe('delivery_pending')

  goOn()
  expect((await response).status).toBe(200)
  await until(async () => (await deliveryOf(requestId)) === 'sent')
  const late = await refund(requestId)
  expect(((await late.json()) as { code: string }).code).toBe('conflict')
})
