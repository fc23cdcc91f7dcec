/** Whatever is sold, and however it is called: what is charged is what a second arithmetic gives. fast-check prints the seed of a failure. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { maxAmount } from '../../events/bounds.ts'
import { mostOf, unknownRate } from '../../src/pricing/counting.ts'
import { priceAgain } from '../../src/pricing/price-again.ts'
import { exactCredits } from '../../src/pricing/price-arithmetic.ts'
import { priceFaults } from '../../src/pricing/price-checks.ts'
import { componentsOf, kindOf } from '../../src/pricing/price-rule.ts'
import { chargeRandomCall } from '../support/charge-random-call.ts'
import {
  contentOf,
  maxRandomBytes,
  randomCall,
  randomPrice,
  randomRoute,
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
