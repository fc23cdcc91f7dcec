import type { DescribedEvent } from './catalogue-entry.ts'
import { entryOf } from './event-types.ts'

/** The event in plain words, for people who read a history: one sentence without a full stop. */
export function describeEvent(event: DescribedEvent): string {
  return entryOf(event.type)?.describe(event) ?? event.type
}
