/** What a gateway holds for a random call, and charges for it. */
import { type Charge, capCharge } from '../../src/gate/reservation/reservation.ts'
import { boundOf, usedOf, withQuantity, withTokens } from '../../src/pricing/counting.ts'
import { credits } from '../../src/pricing/price-arithmetic.ts'
import { meteredComponent, type PriceRule } from '../../src/pricing/price-rule.ts'
import { statedUsage } from '../../src/pricing/stated-usage.ts'
import { contentOf, type RandomCall, type RandomPrice } from './random-tariffs.ts'

export interface ChargedCall {
  readonly held: Charge
  readonly charge: Charge
}

/** @throws TypeError when the call finds no rate */
export function chargeRandomCall(of: RandomPrice, call: RandomCall): ChargedCall {
  const { price } = of
  const content = contentOf(call)
  const first = boundOf(price, content.request)
  // A hold for bytes of the response grows with them.
  const grown = Math.max(first.quantity, of.meteredIn(call))
  const held = of.metered === 'byte' ? withQuantity(price, first, grown) : first
  const used = usedOf(price, content, held)
  const charge = capCharge({ price, ...held }, meteredOf(of, call, used))
  return { held: { ...held, credits: credits(price, held) }, charge }
}

/** With what is metered: the bytes that were sent, or the tokens that the response says. */
function meteredOf(of: RandomPrice, call: RandomCall, used: ReturnType<typeof usedOf>) {
  const { price } = of
  if (of.metered === undefined) return used
  if (of.metered === 'byte') return withQuantity(price, used, of.meteredIn(call))
  const { tokens = 0, kinds } = statedTokens(price, contentOf(call).response.json) ?? {}
  return withTokens(price, used, tokens, kinds)
}

function statedTokens(price: PriceRule, json: unknown) {
  const component = meteredComponent(price)
  return component?.per === 'token' ? statedUsage(component.settle, json) : undefined
}
