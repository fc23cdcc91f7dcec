/**
 * Graduated tiers: what one costs depends on how many an account has had of the component in the month. Each is priced by the
 * tier that it falls into, and no earlier one again. The ledger charges the difference of what the whole month costs after the call and
 * before it, so that nothing depends on the order of calls, or on how they are cut.
 */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from '../../events/bounds.ts'
import { type CreditScale, creditsText } from '../lib/credit-scale.ts'
import type { Fault } from '../lib/fault.ts'
import { atLeast, closed } from '../lib/schema-fields.ts'
import type { Rate } from './rate.ts'
import { numberText } from './text-parts.ts'

const Tier = closed(
  {
    upTo: Type.Optional(
      atLeast(1, 'The last of the month that costs so much. The last tier has none.', maxAmount),
    ),
    credits: Type.Optional(
      Type.Integer({ minimum: 0, maximum: maxAmount, description: 'Credits for each.' }),
    ),
    perMillion: Type.Optional(
      Type.Integer({
        ...{ minimum: 0, maximum: maxAmount },
        description: 'Instead of `credits`: credits for a million, in proportion.',
      }),
    ),
  },
  { description: 'A tier.' },
)

export const Tiers = Type.Array(Tier, {
  ...{ minItems: 2, maxItems: 20 },
  description:
    'Instead of one rate: rates by how many the account has had of the component in the month, `{ upTo: 10000, credits: 3 }` and so on. Those of earlier tiers keep their price.',
})
export type Tiers = Static<typeof Tiers>

const millionth = 1_000_000n

/** What is wrong with tiers, with the path inside of them. */
export function tierFaults(tiers: Tiers): Fault[] {
  const fields = ['credits', 'perMillion'] as const
  const field = tiers[0]?.perMillion === undefined ? 'credits' : 'perMillion'
  const last = tiers.length - 1
  return tiers.flatMap((tier, index): Fault[] => {
    const at = (name: string, message: string) => [{ path: [index, name], message }]
    const given = fields.filter((name) => tier[name] !== undefined)
    if (given.length !== 1) return at('credits', 'expected exactly one of credits or perMillion')
    if (given[0] !== field) return at(String(given[0]), `expected ${field}, as in the first tier`)
    const before = tiers[index - 1]?.upTo ?? 0
    if (tier.upTo === undefined) {
      return index === last ? [] : at('upTo', 'missing: only the last tier has none')
    }
    if (tier.upTo <= before) return at('upTo', `expected more than ${before}, the tier before it`)
    return index < last ? [] : at('upTo', `leaves a gap above ${tier.upTo}: the last tier has none`)
  })
}

/** What so many cost, of which the account has had so many in the month before. */
export function tieredCredits(tiers: Tiers, volume: bigint, quantity: bigint): bigint {
  return roundUp(costOfFirst(tiers, volume + quantity)) - roundUp(costOfFirst(tiers, volume))
}

/** The most that so many can cost when the account has had so many in the month, or more. */
export function mostOfTiers(tiers: Tiers, volume: bigint, quantity: bigint): bigint {
  const reached = tiers.filter(({ upTo }) => upTo === undefined || BigInt(upTo) > volume)
  let highest = 0n
  for (const rate of reached.map(millionthsOfOne)) if (rate > highest) highest = rate
  return roundUp(quantity * highest)
}

/** What the first so many of a month cost, in millionths of a credit. */
function costOfFirst(tiers: Tiers, volume: bigint): bigint {
  let [cost, before] = [0n, 0n]
  for (const tier of tiers) {
    const upTo = tier.upTo === undefined || BigInt(tier.upTo) > volume ? volume : BigInt(tier.upTo)
    cost += (upTo - before) * millionthsOfOne(tier)
    if (upTo === volume) break
    before = upTo
  }
  return cost
}

/** What one costs in a tier, in millionths of a credit. */
export function millionthsOfOne({ credits, perMillion = 0 }: Tiers[number]): bigint {
  return credits === undefined ? BigInt(perMillion) : BigInt(credits) * millionth
}

function roundUp(millionths: bigint): bigint {
  return (millionths + millionth - 1n) / millionth
}

/** How many of so many fall into which tier, of which the account has had so many in the month before, and at which rate. */
export function sharesOfTiers(tiers: Tiers, volume: number, quantity: number) {
  return tiers.flatMap(({ upTo = Number.POSITIVE_INFINITY, credits, perMillion = 0 }, index) => {
    const from = Math.max(tiers[index - 1]?.upTo ?? 0, volume)
    const share = Math.min(upTo, volume + quantity) - from
    const rate: Rate = credits === undefined ? { perMillion } : { credits, unit: 1 }
    return share > 0 ? [{ index, quantity: share, rate }] : []
  })
}

/** `1 to 10,000`, `above 20,000` */
export function tierName(tiers: Tiers, index: number): string {
  const from = tiers[index - 1]?.upTo ?? 0
  const upTo = tiers[index]?.upTo
  return upTo === undefined
    ? `above ${numberText(from)}`
    : `${numberText(from + 1)} to ${numberText(upTo)}`
}

/** `3 credits up to 10,000 in a month, 2 credits up to 20,000, then 1 credit` */
export function tiersText(tiers: Tiers, scale: CreditScale | undefined): string {
  const each = tiers.map(({ credits, perMillion, upTo }, index) => {
    const rate = creditsText(credits ?? perMillion ?? 0, scale)
    if (upTo === undefined) return `then ${rate}`
    return `${rate} up to ${numberText(upTo)}${index === 0 ? ' in a month' : ''}`
  })
  return each.join(', ')
}
