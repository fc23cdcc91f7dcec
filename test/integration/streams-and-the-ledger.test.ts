/**
 * Long streams and their holds: a stream keeps its hold alive for as long as it lasts, over a ledger that goes
 * away and a gateway that ends.
 */
import { afterEach, expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { expireHolds } from '../../src/ledger/append/expiry.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import {
  chat,
  chatConfig,
  done,
  event,
  eventsIn,
  flow,
  tokenPrice,
  tokens,
  tokensIn,
  usage,
} from '../support/chat.ts'
import { runCli } from '../support/cli.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { openLossyLine } from '../support/lossy-line.ts'
import { takeAway } from '../support/outage.ts'
import { type RawCall, rawCall, rawPost } from '../support/raw-client.ts'
import { startGatewayProcess, startTestGateway } from '../support/running-gateway.ts'
import { putShippedClock } from '../support/shipped-clock.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'
import { until } from '../support/until.ts'

let shop: Shop
afterEach(() => shop.close())

/** Sells nothing but chat, since other calls' holds have to outlive their upstreams' time. */
function onlyChat(holdSeconds: number, price: unknown = tokenPrice) {
  const config = chatConfig({ price })
  const others = [
    'search',
    'search-engines',
    'extract',
    'extract-bulk',
    'stt-transcribe',
    'stt-models',
  ]
  const more = ['stt-languages', 'tts-synthesize', 'tts-voices', 'tts-languages']
  const none = Object.fromEntries([...others, ...more].map((id) => [id, null]))
  return {
    ...config,
    ...{ routes: { ...none, ...config.routes }, plans: { free: null }, defaultPlan: 'pro' },
    limits: { holdSeconds, upstreamTimeoutMs: 900 },
  }
}

const request = () => rawPost('/v1/chat/completions', shop.key.text, chat)
const requestIdOf = (call: RawCall) => call.header('x-request-id')

async function eventsOf(call: RawCall) {
  return (await shop.eventsOf(requestIdOf(call))).map(({ type, credits }) => ({ type, credits }))
}

/** How often the call's hold was only kept alive. */
async function prolonged(call: RawCall): Promise<number> {
  const events = await eventsOf(call)
  return events.filter(({ type, credits }) => type === 'HoldExtended' && credits === 0).length
}

test('a stream that lasts longer than its hold keeps it alive, and no gateway expires it', async () => {
  shop = await openShop({ config: onlyChat(2) })
  const other = shop.ledger.newGateway().appender
  const service = flow(shop.upstream)
  const call = rawCall(shop.gateway.url, request())
  await service.send(tokens(1))
  await until(() => tokensIn(call) === 1)
  for (let times = 1; times <= 3; times++) {
    const before = await prolonged(call)
    await until(async () => (await prolonged(call)) > before)
    await shop.ledger.advance(900)
    expect(await expireHolds(shop.ledger.sql, 0, other)).toBe(0)
  }
  await service.send(tokens(1) + done)
  await service.end()
  await call.ended()
  expect(eventsIn(call).at(-1)).toBe('[DONE]')
  expect((await eventsOf(call)).at(-1)).toEqual({ type: 'HoldSettled', credits: 3 })
})

test('a silent stream of a key that is revoked ends: its hold is kept alive no longer', async () => {
  shop = await openShop({ config: onlyChat(2) })
  const service = flow(shop.upstream)
  const call = rawCall(shop.gateway.url, request())
  await service.send(tokens(1))
  await until(() => tokensIn(call) === 1)
  await shop.ledger.change(shop.key, 'KeyRevoked')
  await call.ended()
  expect(eventsIn(call).at(-1)).toContain('unknown_key')
  expect(await service.abandoned).toBe(true)
  expect((await eventsOf(call)).at(-1)).toEqual({ type: 'HoldSettled', credits: 2 })
})

test('a stream whose gateway stops is cut off, and not charged', async () => {
  shop = await openShop({ config: onlyChat(60) })
  const service = flow(shop.upstream)
  const call = rawCall(shop.gateway.url, request())
  await service.send(tokens(1))
  await until(() => tokensIn(call) === 1)
  await shop.gateway.stop(10)
  await call.ended()
  expect(call.whole).toBe(false)
  const events = await shop.eventsOf(requestIdOf(call))
  expect(events.at(-1)?.payload).toEqual({ reason: 'gateway_stopped' })
})

test('a ledger that goes away in the middle: no token beyond what is held, and what was sent is charged once it is back', async () => {
  shop = await openShop({ config: onlyChat(60) })
  const service = flow(shop.upstream)
  const call = rawCall(shop.gateway.url, request())
  await service.send(tokens(1))
  await until(() => tokensIn(call) === 1)
  const giveBack = await takeAway(shop.ledger.url)
  await service.send(tokens(100))
  await until(() => call.whole, 20_000)
  // The request's token and one step.
  expect(tokensIn(call)).toBe(10)
  expect(eventsIn(call).at(-1)).toContain('ledger_unavailable')
  await giveBack()
  const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
  expect(events.at(-1)).toMatchObject({ credits: 11, payload: { terminatedBy: 'hold' } })
})

test('a ledger that is away when the usage says more than is held: the response breaks off, and all of it is charged once it is back', async () => {
  shop = await openShop({ config: onlyChat(60) })
  const service = flow(shop.upstream)
  const call = rawCall(shop.gateway.url, request())
  const nothingSold = event({ choices: [{ index: 0, delta: { role: 'assistant' } }] })
  await service.send(nothingSold.repeat(2))
  await until(() => eventsIn(call).length > 0)
  const giveBack = await takeAway(shop.ledger.url)
  await service.send(usage(40) + done)
  await service.end()
  await call.ended()
  expect(call.whole).toBe(false)
  await giveBack()
  const events = await shop.outcomeOf(requestIdOf(call), 'HoldSettled')
  expect(events.at(-1)).toMatchObject({ credits: 40 })
  expect(events.at(-1)?.payload).not.toHaveProperty('shortfall')
})

test('a ledger that is away for longer than the holds live: every client pays for what it got, but for a step at most', async () => {
  shop = await openShop({ config: onlyChat(2) })
  const calls: RawCall[] = []
  const flows: ReturnType<typeof flow>[] = []
  for (const first of [1, 7, 30]) {
    const service = flow(shop.upstream)
    const call = rawCall(shop.gateway.url, request())
    await service.send(tokens(first))
    await until(() => tokensIn(call) === first)
    calls.push(call)
    flows.push(service)
  }
  // The holds are kept alive, so the ledger soon knows of all that was sent.
  const said = async (call: RawCall) =>
    Math.max(0, ...(await shop.eventsOf(requestIdOf(call))).map(({ payload }) => sentIn(payload)))
  await until(async () => {
    const each = await Promise.all(calls.map(said))
    return each.every((quantity, at) => quantity === tokensIn(calls[at] as RawCall) + 1)
  })
  const giveBack = await takeAway(shop.ledger.url)
  for (const service of flows) void service.send(tokens(100) + done).catch(() => {})
  await Promise.all(calls.map((call) => until(() => call.whole, 20_000)))
  // By now no hold lives any more by the gateway's clock.
  await Bun.sleep(2_000)
  await giveBack()
  await shop.ledger.advance(3_000)
  const other = shop.ledger.newGateway().appender
  await until(async () => {
    await expireHolds(shop.ledger.sql, 0, other)
    return (await openHolds()) === 0
  })
  for (const [at, call] of calls.entries()) {
    expect(eventsIn(call).at(-1)).toContain('ledger_unavailable')
    const got = tokensIn(call) + 1
    expect(got).toBeLessThanOrEqual(([1, 7, 30][at] as number) + 1 + 10)
    const settled = (await shop.outcomeOf(requestIdOf(call), 'HoldSettled')).at(-1)
    // Of the batch that was on its way, the gateway itself may be told.
    expect(['gateway', 'hold']).toContain(String(settled?.payload.terminatedBy))
    expect(settled?.credits).toBeLessThanOrEqual(got)
    expect(settled?.credits).toBeGreaterThanOrEqual(got - 10)
  }
  expect(breachesOf(await readLog(shop.ledger.sql))).toEqual([])
})

const sentIn = (payload: unknown) => (payload as { sentQuantity?: number }).sentQuantity ?? 0

async function openHolds(): Promise<number> {
  const [row] = await shop.ledger.sql<[{ open: number }]>`select count(*) as open from open_holds`
  return row.open
}

/** A call that had 23 tokens when its gateway was killed, in a shop of these routes. Its hold is over since. */
async function streamOfKilledGateway(config: ReturnType<typeof onlyChat>): Promise<RawCall> {
  shop = await openShop({ config })
  const gateway = await startGatewayProcess({
    ...{ databaseUrl: shop.ledger.url, upstream: shop.upstream.url, config },
  })
  const service = flow(shop.upstream)
  const call = rawCall(gateway.url, request())
  await service.send(tokens(23))
  await until(() => tokensIn(call) === 23)
  await gateway.kill()
  await shop.ledger.advance(3_000)
  return call
}

test('a stream whose gateway is killed is charged for what it got, but for a step at most', async () => {
  const call = await streamOfKilledGateway(onlyChat(2))
  const settled = (await shop.outcomeOf(requestIdOf(call), 'HoldSettled')).at(-1)
  expect(settled).toMatchObject({ payload: { delivered: true, terminatedBy: 'gateway' } })
  expect(settled?.credits).toBeLessThanOrEqual(24)
  expect(settled?.credits).toBeGreaterThanOrEqual(14)
})

test('so is one whose price has several components: it is explained, billed by component and priced again', async () => {
  const { unit: _, credits: __, ...proportional } = tokenPrice
  const config = onlyChat(2, [
    { name: 'base', per: 'request', by: '/model', credits: { m: 5, other: 1 } },
    { name: 'tokens', ...proportional, perMillion: 700_000 },
  ])
  const call = await streamOfKilledGateway(config)
  const { sql } = shop.ledger
  const requestId = requestIdOf(call) ?? ''
  const settled = (await shop.outcomeOf(requestId, 'HoldSettled')).at(-1)
  const sent = settled?.quantity ?? 0
  expect(sent).toBeGreaterThanOrEqual(14)
  expect(settled?.credits).toBe(5 + Math.ceil((sent * 7) / 10))

  const explained = await explainCall(sql, requestId)
  expect(explained?.disagreements).toEqual([])
  expect(explained?.settled).toMatchObject({ parts: { base: 1, tokens: sent }, by: 'm' })

  const [{ now }] = await sql<[{ now: Date }]>`select ledger_now() as now`
  const month = now.toISOString().slice(0, 7)
  const statement = await readStatement(sql, { accountId: shop.account.accountId, month })
  expect(statement?.charges.byComponent).toMatchObject([
    { component: 'base', by: 'm', quantity: 1, amount: '5.000000' },
    { component: 'tokens', by: null, quantity: sent, amount: (sent * 0.7).toFixed(6) },
    { component: null, amount: (Math.ceil((sent * 7) / 10) - sent * 0.7).toFixed(6) },
  ])
  const tariff = tariffOf(testConfig(config))
  const same = await simulateTariff(sql, { from: month, to: month, tariff })
  expect(same).toMatchObject({ unpriced: [], totals: { credits: { actual: settled?.credits } } })
  expect(same.totals.credits.simulated).toBe(same.totals.credits.actual)
  await putShippedClock(shop.ledger.owner)
  const verified = await runCli(['verify'], { database: shop.ledger.url })
  expect([verified.status, verified.stdout]).toEqual([0, expect.any(String)])
})

test('streams that race for the last credits on two gateways: each token is paid once, and no more than there are', async () => {
  shop = await openShop({ config: onlyChat(60) })
  const second = await startTestGateway({
    ...{ databaseUrl: shop.ledger.url, upstream: shop.upstream.url, config: onlyChat(60) },
  })
  const key = await shop.newKey('enterprise')
  // Of 50,000 credits.
  const { hold: spent } = await shop.ledger.hold(key, 49_700)
  await shop.ledger.settle(spent, 49_700)
  const events = { headers: { 'content-type': 'text/event-stream' } }
  shop.upstream.respond(() => new Response(tokens(40) + done, events))
  const calls = Array.from({ length: 16 }, (_, at) =>
    rawCall(
      at % 2 ? shop.gateway.url : second.url,
      rawPost('/v1/chat/completions', key.text, chat),
    ),
  )
  await Promise.all(calls.map((call) => call.ended()))
  const sold = calls.filter((call) => call.status === 200)
  expect(sold.length).toBeGreaterThan(5)
  let charged = 0
  for (const call of sold) {
    const settled = (await shop.outcomeOf(requestIdOf(call), 'HoldSettled')).at(-1)
    expect(settled?.credits).toBe(tokensIn(call) + 1)
    charged += settled?.credits ?? 0
  }
  expect(charged).toBeLessThanOrEqual(300)
  expect(breachesOf(await readLog(shop.ledger.sql))).toEqual([])
  for (const { socket } of calls) socket.destroy()
  await second.stop()
})

test('an extension whose result is lost is asked for again, and stands in the ledger once', async () => {
  shop = await openShop({ config: onlyChat(60) })
  const line = await openLossyLine(shop.ledger.url)
  const gateway = await startTestGateway({
    databaseUrl: line.url,
    upstream: shop.upstream.url,
    config: onlyChat(60),
  })
  const service = flow(shop.upstream)
  const call = rawCall(gateway.url, request())
  await service.send(tokens(1))
  await until(() => tokensIn(call) === 1)
  line.loseNextResult()
  await service.send(tokens(19) + done)
  await service.end()
  await call.ended()
  expect(line.lost).toBe(1)
  expect(eventsIn(call).at(-1)).toBe('[DONE]')
  const events = await eventsOf(call)
  expect(events.at(-1)).toEqual({ type: 'HoldSettled', credits: 21 })
  const held = events.slice(0, -1).reduce((sum, { credits }) => sum + (credits ?? 0), 0)
  expect(held).toBeGreaterThanOrEqual(21)
  expect(held).toBeLessThanOrEqual(21 + 15)
  call.socket.destroy()
  await gateway.stop()
  await line.close()
})
