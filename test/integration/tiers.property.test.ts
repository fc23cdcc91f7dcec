/**
 * Tiers at random, and calls of random quantities, held, settled, given up and charged on leases by three gateways at once: whatever came in
 * which order, the month costs what it costs one call after the other.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { PriceRule } from '../../src/pricing/price-rule.ts'
import type { Gateway } from '../support/gateway.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import { type RandomTiers, randomTiers, tiersOf } from '../support/random-tariffs.ts'
import { type Ledger, openLedger, testTariff } from '../support/test-ledger.ts'

const runs = Number(process.env.PROPERTY_RUNS ?? 25)
const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))

let ledger: Ledger
let gateways: Gateway[]
beforeAll(async () => {
  ledger = await openLedger()
  gateways = ['one', 'two', 'three'].map((name) => ledger.newGateway(name))
})
afterAll(() => ledger.close())

function priceOf(tiers: RandomTiers): PriceRule {
  const rule = { per: 'quantity', of: 'thing', hold: { number: '/n' }, tiers: tiersOf(tiers) }
  return rule as never as PriceRule
}

/** What so many cost, one by one, in millionths of a credit. */
function oracle({ widths, rates, isProportional }: RandomTiers, count: number): bigint {
  let cost = 0n
  for (let n = 0; n < count; n++) {
    let [tier, end] = [0, widths[0] ?? 0]
    while (tier < widths.length && n >= end) {
      tier++
      end += widths[tier] ?? 0
    }
    cost += BigInt(rates[tier] ?? 0) * (isProportional ? 1n : 1_000_000n)
  }
  return cost
}

const ceil = (millionths: bigint) => Number((millionths + 999_999n) / 1_000_000n)

const randomCall = fc.record({
  quantity: fc.integer({ min: 0, max: 30 }),
  used: fc.nat({ max: 30 }),
  gateway: fc.constantFrom(0, 1, 2),
  how: fc.constantFrom('settle', 'settle', 'lease', 'lease', 'release'),
})

test(`any interleaving of gateways costs what one call after the other does (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      randomTiers(40),
      fc.array(randomCall, { minLength: 1, maxLength: 40, size: 'max' }),
      async (tiers, calls) => {
        const prices = { ...testTariff.prices, things: priceOf(tiers) }
        await ledger.publish({ ...testTariff, prices })
        const account = await ledger.account({ plan: 'none' })
        await ledger.grant(account, 10 ** 12)
        const key = await ledger.key(account)
        await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 500 })
        const highest = BigInt(Math.max(...tiers.rates)) * (tiers.isProportional ? 1n : 1_000_000n)
        const most = (quantity: number) => ceil(BigInt(quantity) * highest)
        const lease = leaseCommand(key, 10 ** 10, 100)
        expect((await ledger.append(lease)).verdict).toBe('ok')
        let charged = 0
        let total = 0
        await Promise.all(
          calls.map(async ({ quantity, used, gateway, how }) => {
            const at = gateways[gateway] as Gateway
            const of = { endpoint: 'things', tiered: {} }
            const settled = Math.min(used, quantity)
            if (how === 'lease') {
              const bound = most(quantity)
              const command = chargeOnLeaseCommand(key, lease, bound, { ...of, quantity })
              const { verdict, credits = -1 } = await at.append(command)
              expect(verdict).toBe('ok')
              expect(credits).toBeLessThanOrEqual(bound)
              charged += credits
              total += quantity
              return
            }
            const held = await at.hold(key, most(quantity), { ...of, quantity })
            expect(held.verdict).toBe('ok')
            expect(held.credits).toBeLessThanOrEqual(most(quantity))
            if (how === 'release') return at.release(held.hold)
            const end = await at.settle(held.hold, most(settled), { quantity: settled })
            expect(end.verdict).toBe('ok')
            // What was held is enough, whatever was settled in between.
            expect(end.credits).toBeLessThanOrEqual(held.credits ?? -1)
            charged += end.credits ?? -1
            total += settled
          }),
        )
        expect(charged).toBe(ceil(oracle(tiers, total)))
        const [row] = await ledger.sql<[{ credits: number }]>`
          select coalesce(sum(credits), 0)::bigint as credits from events
          where account_id = ${account.accountId} and type = 'HoldSettled'`
        expect(row.credits).toBe(charged)
      },
    ),
    { numRuns: runs, seed, endOnFailure: !process.env.PROPERTY_SHRINK },
  )
})

test('volumes and quantities that numbers do not keep exactly are refused, and amounts at the bound are not', async () => {
  const tiers = { widths: [10 ** 12], rates: [0, 1], isProportional: false }
  await ledger.publish({ ...testTariff, prices: { things: priceOf(tiers) } })
  const key = await ledger.key(await ledger.account({ plan: 'pro' }))
  const of = { endpoint: 'things', tiered: {} }
  const hold = (quantity: number, credits: number) => ledger.hold(key, credits, { ...of, quantity })
  const { verdict, credits } = await hold(10 ** 12, 10 ** 12)
  expect([verdict, credits]).toEqual(['insufficient_credits', undefined])
  expect((await hold(5, 4)).verdict).toBe('amount_out_of_range')
  expect((await hold(500, 500)).verdict).toBe('ok')
})
