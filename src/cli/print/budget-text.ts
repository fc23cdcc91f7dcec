import type { Budget } from '../../../events/budget.ts'
import { creditFigure } from '../output.ts'

/** `1,200 a day in Europe/Berlin for the group team-a (warns only)` */
export function budgetText({ credits, per, timeZone, group, warnsOnly }: Budget): string {
  const whose = group === undefined ? '' : ` for the group ${group}`
  return `${creditFigure(credits)} a ${per} in ${timeZone}${whose}${warnsOnly ? ' (warns only)' : ''}`
}
