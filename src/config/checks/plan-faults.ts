/** Whether the terms of a plan can mean anything. */
import type { Fault } from '../../lib/fault.ts'
import type { Plan } from '../file/plan.ts'

export function planFaults({ firstMonth, credits, fee }: Plan): Fault[] {
  if (firstMonth !== 'prorated' || credits > 0 || fee.minorUnits > 0) return []
  return [
    {
      path: ['firstMonth'],
      message: 'there is nothing to prorate: the plan has neither credits nor a fee',
    },
  ]
}
