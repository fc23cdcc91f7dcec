/** Prints tariffs, and the changes between two of them, as tables. */

import type { Pack } from '../../../events/tariffs.ts'
import type { TariffChange } from '../../config/tariff-changes.ts'
import type { PublishedTariff } from '../../ledger/read/read-tariffs.ts'
import {
  countedLimits,
  limitsOfPlan,
  limitsText,
  type WrittenLimit,
} from '../../lib/rate-limits.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { shortPriceText } from '../../pricing/price-text.ts'
import { asCredits, creditScale, formatMoney, heading, table } from '../output.ts'

export function printTariff({
  plans,
  prices,
  packs,
}: Pick<PublishedTariff, 'plans' | 'prices' | 'packs'>): void {
  heading('Plans')
  table(
    ['Plan', 'Fee a month', 'Credits a month', 'Rate limits', 'In flight', 'Permissions'],
    // The ledger does not keep the order of the file, so the plans are sorted.
    Object.entries(plans)
      .sort(([, a], [, b]) => a.credits - b.credits)
      .map(([name, plan]) => [
        name,
        formatMoney(plan.fee),
        asCredits(plan.credits),
        limitsText(limitsOfPlan(plan)),
        plan.maxInFlight,
        plan.endpoints === 'all' ? 'all' : plan.endpoints.join(', '),
      ]),
  )
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
    changes.map(({ path, before, after }) => [
      path,
      valueText(path, before),
      valueText(path, after),
    ]),
  )
}

function valueText(path: string, value: unknown): string {
  if (value === undefined) return 'none'
  if (/^(plans\.[^.]+\.)?prices\./.test(path))
    return shortPriceText(value as PriceRule, creditScale())
  if (/^plans\.[^.]+\.rateLimits$/.test(path))
    return limitsText(countedLimits(value as readonly WrittenLimit[]))
  return typeof value === 'string' ? value : JSON.stringify(value)
}
