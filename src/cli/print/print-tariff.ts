/** Prints tariffs, and the changes between two of them, as tables. */

import type { Pack } from '../../../events/tariffs.ts'
import type { Plan } from '../../config/config.ts'
import type { TariffChange } from '../../config/tariff-changes.ts'
import type { PublishedTariff } from '../../ledger/read/read-tariffs.ts'
import { limitsOfPlan, limitsText } from '../../lib/rate-limits.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { shortPriceText } from '../../pricing/price-text.ts'
import { asCredits, creditScale, formatMoney, heading, table } from '../output.ts'
import { changeTexts } from './change-text.ts'
import { planTerms } from './plan-terms.ts'

export function printTariff({
  plans,
  prices,
  packs,
}: Pick<PublishedTariff, 'plans' | 'prices' | 'packs'>): void {
  printPlans(plans)
  if (packs) printPacks(packs)
  heading('Prices')
  table(
    ['Route', 'Price'],
    Object.entries(prices)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([route, price]) => [route, shortPriceText(price as PriceRule, creditScale())]),
  )
  const ofPlans = Object.entries(plans).flatMap(([plan, { prices = {} }]) =>
    Object.entries(prices).map(([route, price]) => [
      ...[plan, route, shortPriceText(price as unknown as PriceRule, creditScale())],
    ]),
  )
  if (ofPlans.length === 0) return
  heading('Prices of plans')
  table(['Plan', 'Route', 'Price'], ofPlans.sort())
}

type PrintedPlan = Omit<Plan, 'grantable' | 'prices'>

export function printPlans(plans: Readonly<Record<string, PrintedPlan>>): void {
  heading('Plans')
  // The ledger does not keep the order of the file, so the plans are sorted.
  const all = Object.entries(plans).sort(([, a], [, b]) => a.credits - b.credits)
  const hasTerms = all.some(([, plan]) => planTerms(plan) !== '')
  table(
    [
      ...['Plan', 'Fee a month', 'Credits a month', 'Rate limits', 'In flight', 'Permissions'],
      ...(hasTerms ? ['Terms'] : []),
    ],
    all.map(([name, plan]) => [
      name,
      formatMoney(plan.fee),
      asCredits(plan.credits),
      limitsText(limitsOfPlan(plan)),
      plan.maxInFlight,
      plan.endpoints === 'all' ? 'all' : plan.endpoints.join(', '),
      ...(hasTerms ? [planTerms(plan)] : []),
    ]),
  )
}

function printPacks(packs: Readonly<Record<string, Pack>>): void {
  heading('Packs')
  table(
    ['Pack', 'Credits', 'Price', 'Good for (days)'],
    Object.entries(packs)
      .sort(([, a], [, b]) => a.credits - b.credits)
      .map(([name, { credits, price, validDays }]) => [
        name,
        asCredits(credits),
        formatMoney(price),
        validDays,
      ]),
  )
}

export function printChanges(changes: readonly TariffChange[]): void {
  table(
    ['What', 'Before', 'After'],
    changes.map(({ path, before, after }) => [path, ...changeTexts(path, before, after)]),
  )
}
