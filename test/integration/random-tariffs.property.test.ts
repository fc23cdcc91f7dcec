/**
 * Small logs of random calls under random tariffs: simulating the tariff that was in force changes nothing, statements take every
 * charge apart to the credit, and verify finds the log sound.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { countedOf } from '../../events/counted.ts'
import type { Plan } from '../../src/config/config.ts'
import type { Tariff } from '../../src/config/tariff.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { entriesOf } from '../../src/reports/statement/statement-entries.ts'
import { chargeRandomCall } from '../support/charge-random-call.ts'
import {
  billedTariff,
  buildLedger,
  type LedgerBuilder,
  type TestKey,
} from '../support/ledger-builder.ts'
import {
  type RandomCall,
  type RandomPrice,
  type RandomTieredPrice,
  randomCall,
  randomPrice,
  randomTieredPrice,
} from '../support/random-tariffs.ts'
import { withShippedClock } from '../support/shipped-clock.ts'

const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))
/** Of a call: all of them fit into what is granted. */
const maxCost = 10 ** 10

test(`a month costs again what it was charged, and its parts add up (seed ${seed})`, async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const [prices, calls]: [(RandomPrice | RandomTieredPrice)[], RandomCall[]] = [
    [
      ...fc.sample(randomPrice, { seed, numRuns: 9 }),
      ...fc.sample(randomTieredPrice, { seed, numRuns: 6 }),
    ],
    fc.sample(randomCall, { seed, numRuns: 150 }),
  ]
  const key = await ledger.openAccount('zero')
  // Its plan has prices of its own: each route has there that of the next.
  const pricedByPlan = await ledger.openAccount('big')
  await ledger.grant(key, 10 ** 12)
  await ledger.grant(pricedByPlan, 10 ** 12)
  const pricesFrom = (first: number) =>
    Object.fromEntries(
      prices.map((_, index) => [`route${index}`, prices[(index + first) % prices.length]?.price]),
    ) as Tariff['prices']
  const { plans } = billedTariff
  const big = { ...(plans.big as Plan), prices: pricesFrom(1) }
  const tariff = { plans: { ...plans, big }, prices: pricesFrom(0) }
  await ledger.ledger.publish(tariff)
  let [sum, made, ofPlan, tiered] = [0, 0, 0, 0]
  /** What has tiers, by account and route, in the month. */
  const volumes = new Map<string, number>()
  for (const [index, call] of calls.entries()) {
    const at = index % prices.length
    const byPlan = index % 4 === 0
    const of = prices[byPlan ? (at + 1) % prices.length : at]
    if (of === undefined || of.nameOf(call) === null || of.boundOf(call) > maxCost) continue
    const { held, charge } = chargeRandomCall(of, call)
    const endpoint = `route${at}`
    const buyer = byPlan ? pricedByPlan : key
    const plan = byPlan ? 'big' : undefined
    const byTiers = 'costAfter' in of ? { tiered: { component: of.component } } : {}
    const more = { ...held, endpoint, plan, ...byTiers }
    const { hold, verdict } = await ledger.ledger.hold(buyer, held.credits, more)
    expect(verdict).toBe('ok')
    const end = await ledger.ledger.settle(hold, charge.credits, countedOf(charge))
    expect(end.verdict).toBe('ok')
    const credits = end.credits ?? charge.credits
    if ('costAfter' in of) {
      const volume = volumes.get(`${buyer.keyId} ${endpoint}`) ?? 0
      volumes.set(`${buyer.keyId} ${endpoint}`, volume + of.tieredIn(call))
      expect(BigInt(credits)).toBe(of.costAfter(call, volume))
      tiered++
    } else expect(BigInt(credits)).toBe(of.costOf(call))
    sum += credits
    made++
    if (byPlan) ofPlan += credits
  }
  expect(made).toBeGreaterThan(20)
  expect(tiered).toBeGreaterThan(5)
  await ledger.at('2031-11-02T00:00:00Z')
  const month = '2031-10'
  const { totals, unpriced } = await simulateTariff(ledger.sql, { from: month, to: month, tariff })
  expect({ ...totals.credits, unpriced }).toEqual({ actual: sum, simulated: sum, unpriced: [] })

  await checkStatement(ledger, key, month, sum - ofPlan)
  await checkStatement(ledger, pricedByPlan, month, ofPlan)

  await ledger.catchUp()
  const found = await withShippedClock(ledger.ledger, async () => {
    const verifier = await openVerifier({ url: ledger.url, maxDescribed: 5 })
    const verification = await verifier.run()
    await verifier.close()
    return verification
  })
  expect(found.sound || found).toBe(true)
})

/** The statement's lines and entries add up to what was charged. */
async function checkStatement(
  ledger: LedgerBuilder,
  { accountId }: TestKey,
  month: string,
  charged: number,
): Promise<void> {
  const statement = await readStatement(ledger.sql, { accountId, month })
  expect(statement?.charges.credits).toBe(charged)
  const lines = statement?.charges.byComponent ?? []
  for (const { endpoint, credits, calls } of statement?.charges.byEndpoint ?? []) {
    const ofEndpoint = lines.filter((line) => line.endpoint === endpoint)
    if (ofEndpoint.length === 0) continue
    const exact = ofEndpoint.reduce((all, { amount }) => all + millionths(amount), 0n)
    expect(exact).toBe(BigInt(credits) * 1_000_000n)
    // Each call is rounded up by less than a credit, and so is the month's volume of what has tiers.
    const rounding = millionths(ofEndpoint.at(-1)?.amount ?? '')
    expect(rounding).toBeGreaterThanOrEqual(0n)
    expect(rounding).toBeLessThan((BigInt(calls) + 1n) * 1_000_000n)
  }

  const entries = statement ? entriesOf(statement) : []
  for (const endpoint of new Set(lines.map((line) => line.endpoint))) {
    const ofEndpoint = entries.filter((entry) => entry.endpoint === endpoint)
    const amounts = ofEndpoint.reduce((all, of) => all + millionths(of.amount ?? '0'), 0n)
    const credits = ofEndpoint.reduce((all, of) => all + BigInt(of.credits ?? 0), 0n)
    expect(amounts).toBe(credits * 1_000_000n)
  }
}

function millionths(amount: string): bigint {
  return BigInt(amount.replace('.', ''))
}
