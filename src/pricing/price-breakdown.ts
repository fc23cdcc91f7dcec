/** The arithmetic of one charge: its components one by one, and what rounding adds. */
import type { Counted } from '../../events/counted.ts'
import type { Sum } from '../lib/sums.ts'
import { exactCredits, millionthsAt } from './price-arithmetic.ts'
import type { PriceRule } from './price-rule.ts'
import { pricedParts, quantityOf } from './priced-parts.ts'
import { printMillionths } from './print-millionths.ts'
import type { Rate } from './rate.ts'
import { sharesOfTiers, tierName } from './tiers.ts'

interface BrokenDownPart {
  /** The component's name, or what a price of one counts. */
  readonly component: string
  /** The name in the price's table, or the tier; null where its rate depends on neither. */
  readonly by: string | null
  readonly quantity: number
  readonly rate: Rate
  /** Credits with six decimals: exact. */
  readonly amount: string
}

export interface Breakdown {
  readonly arithmetic: readonly BrokenDownPart[]
  /** What rounding adds, or takes where the calls before it were rounded up for it. Credits with six decimals. */
  readonly rounding: string
  readonly credits: Sum
}

/** undefined where the price counts something that was not recorded, or has no rate for the call. */
export function breakDown(price: PriceRule, counted: Counted): Breakdown | undefined {
  const credits = exactCredits(price, counted)
  const priced = pricedParts(price, counted.by)
  if (credits === undefined || priced === undefined) return undefined
  const each = priced.flatMap((part) => {
    const quantity = quantityOf(part, counted) ?? 0
    const component = part.name ?? part.per
    // Of kinds of tokens, those that never came are not listed.
    if (part.kindsOf !== undefined && quantity === 0) return []
    const { tiers } = part
    if (tiers === undefined) {
      const by = part.isByValue ? (counted.by ?? null) : null
      const millionths = millionthsAt(part.rate, quantity)
      return [{ component, by, quantity, rate: part.rate, millionths }]
    }
    return sharesOfTiers(tiers, counted.volume ?? 0, quantity).map(({ index, ...of }) => ({
      ...{ component, by: tierName(tiers, index), ...of },
      millionths: millionthsAt(of.rate, of.quantity),
    }))
  })
  const exact = each.reduce((sum, { millionths }) => sum + millionths, 0n)
  return {
    arithmetic: each.map(({ millionths, ...part }) => ({
      ...part,
      amount: printMillionths(millionths),
    })),
    rounding: printMillionths(BigInt(credits) * 1_000_000n - exact),
    credits,
  }
}
