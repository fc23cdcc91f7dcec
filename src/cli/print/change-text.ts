/** A value of a tariff that changes, in words that fit into a cell. */
import type { Pack, Plan } from '../../../events/tariffs.ts'
import { creditsText } from '../../lib/credit-scale.ts'
import { isMapping } from '../../lib/is-mapping.ts'
import {
  countedLimits,
  limitsOfPlan,
  limitsText,
  type WrittenLimit,
} from '../../lib/rate-limits.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { shortPriceText } from '../../pricing/price-text.ts'
import { creditScale, formatMoney, formatNumber } from '../output.ts'
import { planTerms } from './plan-terms.ts'

/** Both sides of a change. Where they read alike, the fields are named that differ. */
export function changeTexts(path: string, before: unknown, after: unknown): [string, string] {
  const texts = [textOf(path, before), textOf(path, after)] as const
  if (texts[0] !== texts[1]) return [...texts]
  const names = [before, after].flatMap((value) => (isMapping(value) ? Object.keys(value) : []))
  const differing = [...new Set(names)].filter(
    (name) => !Bun.deepEquals(fieldOf(before, name), fieldOf(after, name)),
  )
  const fieldsOf = (value: unknown) =>
    differing.map((name) => `${name}: ${plainText(fieldOf(value, name))}`).join(', ')
  return [fieldsOf(before), fieldsOf(after)]
}

function textOf(path: string, value: unknown): string {
  if (value === undefined) return 'none'
  if (/^(plans\.[^.]+\.)?prices\./.test(path)) {
    return shortPriceText(value as PriceRule, creditScale())
  }
  if (path.startsWith('packs.')) return packText(value as Pack)
  const [, name, field] = path.split('.')
  if (name === undefined || field === undefined) return planText(value as Plan)
  return fieldText(field, value)
}

/** Of a field of a plan. */
function fieldText(field: string, value: unknown): string {
  switch (field) {
    case 'fee':
      return formatMoney(value as Plan['fee'])
    case 'credits':
      return creditScale() ? creditsText(value as number, creditScale()) : String(value)
    case 'rateLimits':
      return limitsText(countedLimits(value as readonly WrittenLimit[]))
    case 'trial':
    case 'rollover':
    case 'overage':
      return planTerms({ [field]: value })
    default:
      return plainText(value)
  }
}

function planText(plan: Plan): string {
  const terms = planTerms(plan)
  return [
    `${formatMoney(plan.fee)} a month`,
    `${creditsText(plan.credits, creditScale())} a month`,
    limitsText(limitsOfPlan(plan)),
    ...(terms === '' ? [] : [terms]),
  ].join(', ')
}

function packText({ credits, price, validDays }: Pack): string {
  const good = `good for ${formatNumber(validDays)} days`
  return `${creditsText(credits, creditScale())} for ${formatMoney(price)}, ${good}`
}

/** `most 100, step 8` of a mapping, and lists with commas. */
function plainText(value: unknown): string {
  if (value === undefined) return 'none'
  if (Array.isArray(value)) return value.map(plainText).join(', ') || 'none'
  if (!isMapping(value)) return String(value)
  return Object.entries(value)
    .map(([name, of]) => `${name} ${plainText(of)}`)
    .join(', ')
}

function fieldOf(value: unknown, name: string): unknown {
  return isMapping(value) ? value[name] : undefined
}
