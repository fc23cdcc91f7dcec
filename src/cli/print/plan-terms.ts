/** What else a plan gives, in a few words. */
import type { Plan } from '../../config/config.ts'
import { creditsText } from '../../lib/credit-scale.ts'
import { creditScale, formatMoney, formatNumber } from '../output.ts'

/** `trial of 5,000 credits for 14 days, first month prorated`; empty where there is nothing else. */
export function planTerms({
  trial,
  firstMonth,
  rollover,
  overage,
}: Pick<Plan, 'trial' | 'firstMonth' | 'rollover' | 'overage'>): string {
  return [
    ...(trial
      ? [`trial of ${creditsText(trial.credits, creditScale())} for ${count(trial.days, 'day')}`]
      : []),
    ...(firstMonth === 'prorated' ? ['first month prorated'] : []),
    ...(rollover
      ? [
          `rollover of ${creditsText(rollover.max, creditScale())} for ${count(rollover.months, 'month')}`,
        ]
      : []),
    ...(overage
      ? [
          `overage of ${creditsText(overage.max, creditScale())} at ${formatMoney(overage.fee)} for each started ${creditsText(overage.per, creditScale())}`,
        ]
      : []),
  ].join(', ')
}

function count(number: number, what: string): string {
  return `${formatNumber(number)} ${what}${number === 1 ? '' : 's'}`
}
