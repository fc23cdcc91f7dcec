/** Whether the terms of a plan can mean anything. */
import type { Fault } from '../../lib/fault.ts'
import type { Plan } from '../file/plan.ts'

export function planFaults({ firstMonth, credits, fee, rollover }: Plan): Fault[] {
  const faults: Fault[] = []
  if (firstMonth === 'prorated' && credits === 0 && fee.minorUnits === 0) {
    const message = 'there is nothing to prorate: the plan has neither credits nor a fee'
    faults.push({ path: ['firstMonth'], message })
  }
  if (rollover && credits === 0) {
    const message = 'there is nothing to roll over: the plan has no credits'
    faults.push({ path: ['rollover'], message })
  }
  return faults
}

/** Fees are compared and billed in one currency. One of nothing is in none. */
export function currencyFaults(plans: readonly (readonly [string, Plan])[]): Fault[] {
  const [first, ...others] = plans.flatMap(([name, { fee, overage }]) => [
    ...(fee.minorUnits > 0 ? [{ name, path: ['fee'], currency: fee.currency }] : []),
    ...(overage ? [{ name, path: ['overage', 'fee'], currency: overage.fee.currency }] : []),
  ])
  if (!first) return []
  return others
    .filter(({ currency }) => currency !== first.currency)
    .map(({ name, path, currency }) => ({
      path: ['plans', name, ...path, 'currency'],
      message: `expected ${first.currency}, as the fee of ${first.name}, got "${currency}": the fees of all plans are in one currency`,
    }))
}

/** Whoever opens an account gets the default plan. */
export function defaultPlanFaults(
  defaultPlan: string,
  plans: Readonly<Record<string, Plan>>,
): Fault[] {
  if (plans[defaultPlan]?.grantable !== false) return []
  const message = `${defaultPlan} is not given any more (grantable: false): name another plan, for new accounts get this one`
  return [{ path: ['defaultPlan'], message }]
}
