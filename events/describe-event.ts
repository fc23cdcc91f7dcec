import type { CreditScale } from '../src/lib/credit-scale.ts'
import type { DescribedEvent } from './catalogue-entry.ts'
import { entryOf } from './event-types.ts'

/**
 * The event in plain words, for people who read a history: one sentence without a full stop.
 * @param scale how credits are shown
 */
export function describeEvent(event: DescribedEvent, scale?: CreditScale): string {
  return entryOf(event.type)?.describe(event, scale) ?? event.type
}
