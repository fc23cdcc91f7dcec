/** Whatever is sold, and however it is called: what is charged is what a second arithmetic gives. fast-check prints the seed of a failure. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { maxAmount } from '../../events/bounds.ts'
import { mostOf, unknownRate } from '../../src/pricing/counting.ts'
import { priceAgain } from '../../src/pricing/price-again.ts'
import { exactCredits, mostCredits } from '../../src/pricing/price-arithmetic.ts'
import { breakDown } from '../../src/pricing/price-breakdown.ts'
import { priceFaults } from '../../src/pricing/price-checks.ts'
import { componentsOf, kindOf } from '../../src/pricing/price-rule.ts'
import { chargeRandomCall } from '../support/charge-random-call.ts'
import {
  contentOf,
  maxRandomBytes,
  randomCall,
  randomPrice,
  randomRoute,
  randomTieredPrice,
} from '../support/random-tariffs.ts'

test('a call is held at the most that it can come to, and charged for what it used, to the credit', () => {
  fc.assert(
    fc.property(randomPrice, randomCall, (of, call) => {
      const { price } = of
      const { request } = contentOf(call)
      const name = of.nameOf(call)
      expect(unknownRate(price, request)).toEqual(name === null ? { by: '/model' } : undefined)
      if (name === null || of.boundOf(call) > maxAmount) return
      const { held, charge } = chargeRandomCall(of, call)
      expect([held.by, charge.by]).toEqual([name, name])
      expect(BigInt(charge.credits)).toBe(of.costOf(call))
      expect(charge.shortfall).toBeUndefined()
      expect(charge.credits).toBeLessThanOrEqual(held.credits)
      // What is held for bytes of the response is a step, and then what is sent.
      if (of.metered !== 'byte') expect(BigInt(held.credits)).toBe(of.boundOf(call))
      expect(exactCredits(price, charge)).toBe(charge.credits)
      expect(priceAgain(price, price, charge)).toBe(charge.credits)
    }),
    { numRuns: 3_000 },
  )
})

test('a call with tiers is charged for what it adds to its month, to the credit, and no more than is held', () => {
  const volumes = fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 20_000 }))
  fc.assert(
    fc.property(randomTieredPrice, randomCall, volumes, (of, call, volume) => {
      const { price } = of
      if (of.nameOf(call) === null || of.boundOf(call) > maxAmount) return
      const { held, charge } = chargeRandomCall(of, call)
      // What a gateway holds, whatever the volume is, and what the ledger makes of it.
      expect(BigInt(held.credits)).toBe(of.boundOf(call))
      expect(charge.shortfall).toBeUndefined()
      const cost = exactCredits(price, { ...charge, volume })
      expect(BigInt(cost ?? -1)).toBe(of.costAfter(call, volume))
      const most = mostCredits(price, { ...held, volume })
      expect(BigInt(most ?? -1)).toBeLessThanOrEqual(of.boundOf(call))
      expect(BigInt(cost ?? -1)).toBeLessThanOrEqual(BigInt(most ?? -1))
      // The arithmetic that is shown of it is the one that was done.
      const shown = breakDown(price, { ...charge, volume })
      const parts = shown?.arithmetic.map(({ amount }) => millionths(amount)) ?? []
      const exact = parts.reduce((sum, part) => sum + part, 0n)
      expect(exact + millionths(shown?.rounding ?? '')).toBe(BigInt(cost ?? -1) * 1_000_000n)
    }),
    { numRuns: 3_000 },
  )
})

function millionths(amount: string): bigint {
  return BigInt(amount.replace('.', ''))
}

test('what a price is checked by is never less than a call of its route can cost', () => {
  fc.assert(
    fc.property(randomPrice, randomCall, (of, call) => {
      const { price } = of
      const name = of.nameOf(call)
      // Audio comes in forms, and a stream of bytes goes on as long as there are credits.
      if (componentsOf(price).some(({ per }) => per === 'second')) return
      if (of.metered === 'byte' || name === null) return
      const most = exactCredits(
        price,
        mostOf(price, name, (component) =>
          kindOf(component).maxQuantity(component, randomRoute, maxRandomBytes),
        ),
      )
      expect(BigInt(most ?? 0)).toBeGreaterThanOrEqual(of.boundOf(call))
      const faults = priceFaults({ ...randomRoute, price }, maxRandomBytes)
      const isTooDear = BigInt(most ?? 0) > maxAmount
      for (const { message } of faults) expect(message).toContain('can cost more than')
      // Another name of a table may be too dear.
      if (isTooDear || name === undefined) expect(faults.length).toBe(isTooDear ? 1 : 0)
    }),
    { numRuns: 3_000 },
  )
})
