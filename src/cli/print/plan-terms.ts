/** What else a plan gives, in a few words. */
import type { Plan } from '../../config/config.ts'
import { creditsText } from '../../lib/credit-scale.ts'
import { creditScale } from '../output.ts'

/** `trial of 5,000 credits for 14 days, first month prorated`; empty where there is nothing else. */
export function planTerms({ trial, firstMonth }: Pick<Plan, 'trial' | 'firstMonth'>): string {
  const days = trial?.days === 1 ? 'day' : 'days'
  return [
    ...(trial
      ? [`trial of ${creditsText(trial.credits, creditScale())} for ${trial.days} ${days}`]
      : []),
    ...(firstMonth === 'prorated' ? ['first month prorated'] : []),
  ].join(', ')
}
