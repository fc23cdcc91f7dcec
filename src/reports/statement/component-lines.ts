/** The charges of prices that take them apart, line by line: the lines of an endpoint add up to its credits. */
import { addSums, type Sum } from '../../lib/sums.ts'
import { pricedParts } from '../../pricing/priced-parts.ts'
import { printMillionths } from '../../pricing/print-millionths.ts'
import type { Rate } from '../../pricing/rate.ts'
import { millionthsOfOne, type Tiers, tierName } from '../../pricing/tiers.ts'
import type { ComponentSum, ItemisedPrices } from './component-sums.ts'

export interface ComponentLine {
  readonly endpoint: string
  /** The component's name, or what a price of one counts; null: what the rounding of each call adds. */
  readonly component: string | null
  /** The name in the price's table, or the tier; null where its rates depend on neither. */
  readonly by: string | null
  readonly quantity: Sum | null
  /** Credits with six decimals: exact. */
  readonly amount: string
}

interface Tally {
  readonly component: string
  readonly by: string | null
  quantity: Sum
  millionths: bigint
}

/** @param credits what the calls of an endpoint were charged */
export function componentLines(
  prices: ItemisedPrices,
  sums: readonly ComponentSum[],
  credits: (endpoint: string) => Sum,
): ComponentLine[] {
  return [...prices]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([endpoint]) => {
      const ofEndpoint = sums.filter((sum) => sum.endpoint === endpoint)
      return ofEndpoint.length === 0 ? [] : linesOf(endpoint, prices, ofEndpoint, credits(endpoint))
    })
}

function linesOf(
  endpoint: string,
  prices: ItemisedPrices,
  sums: readonly ComponentSum[],
  credits: Sum,
): ComponentLine[] {
  const tallies = new Map<string, Tally>()
  for (const { tariff, plan, name, by, tier, quantity, units } of sums) {
    const price = prices
      .get(endpoint)
      ?.find((of) => of.tariff === tariff && of.plan === plan)?.price
    const parts = price && pricedParts(price, by ?? undefined)
    const part = parts?.find((one) => (one.name ?? '') === name)
    // Of kinds of tokens and of tiers, those that never came are not listed.
    if (part === undefined || ((part.kindsOf ?? part.tiers) !== undefined && quantity === 0))
      continue
    const component = part.name ?? part.per
    const value = tierOf(part.tiers, tier) ?? (part.isByValue ? by : null)
    const key = JSON.stringify([component, String(tier ?? '').padStart(2, '0'), value])
    const tally = tallies.get(key) ?? { component, by: value, quantity: 0, millionths: 0n }
    tallies.set(key, tally)
    tally.quantity = addSums(tally.quantity, quantity)
    const rate = tier === null ? undefined : part.tiers?.[tier]
    tally.millionths += rate
      ? BigInt(quantity) * millionthsOfOne(rate)
      : millionthsOf(part.rate, quantity, units)
  }
  const inOrder = [...tallies.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, of]) => of)
  const exact = inOrder.reduce((sum, { millionths }) => sum + millionths, 0n)
  const lines = inOrder.map(({ component, by, quantity, millionths }) => ({
    ...{ endpoint, component, by, quantity, amount: printMillionths(millionths) },
  }))
  const rounding = printMillionths(BigInt(credits) * 1_000_000n - exact)
  return [...lines, { endpoint, component: null, by: null, quantity: null, amount: rounding }]
}

function tierOf(tiers: Tiers | undefined, tier: number | null): string | undefined {
  return tiers === undefined || tier === null ? undefined : tierName(tiers, tier)
}

function millionthsOf(rate: Rate, quantity: Sum, units: Sum): bigint {
  return 'perMillion' in rate
    ? BigInt(quantity) * BigInt(rate.perMillion)
    : BigInt(units) * BigInt(rate.credits) * 1_000_000n
}
