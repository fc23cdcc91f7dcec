/** A statement as people read it: its tables in their order, for the terminal and for a page. */
import type { CreditScale } from '../../lib/credit-scale.ts'
import { lotSection, movementSections, overageSections, planSections } from './account-sections.ts'
import { callSections, chargeLineSections, chargeSections } from './call-sections.ts'
import { type Section, zoneClock } from './statement-section.ts'
import type { Statement } from './statement-shape.ts'

/**
 * A section that has nothing to say is left out.
 * @param scale how credits are shown
 */
export function sectionsOf(statement: Statement, scale: CreditScale | undefined): Section[] {
  const { account, charges, refunds, held, until, timeZone } = statement
  const clock = zoneClock(timeZone)
  return [
    ...(account
      ? [
          ...planSections(account, clock),
          ...overageSections(account, scale),
          lotSection(account, clock, until, scale),
        ]
      : []),
    ...chargeSections(charges, scale),
    ...callSections('Refunds', refunds, clock),
    ...callSections('Held for calls that are not finished', held, clock),
    ...(account ? movementSections(account, clock, scale) : []),
    ...(charges.lines ? chargeLineSections(charges.lines, clock) : []),
  ]
}
