/** One event as one line: of text, for people, or of JSON, for programs. */

import { describeEvent } from '../../../events/describe-event.ts'
import { printPosition, type RecordedEvent } from '../../../events/event.ts'
import { printable } from '../../lib/printable-text.ts'
import { creditScale, dim, time } from '../output.ts'

/** @param reason why somebody did it; absent where nobody gave a reason, or where it was erased */
export type EventLine = (event: RecordedEvent, reason: string | undefined) => string

export const eventAsText: EventLine = (event, reason) => {
  const { keyId, accountId, recordedAt, actor } = event
  const subject = keyId ?? accountId ?? ''
  const why = reason === undefined ? '' : `: ${reason}`
  const by = actor.startsWith('key:') ? '' : dim(printable(`  by ${actor}${why}`))
  const at = dim(time(recordedAt.toISOString()))
  return `${printPosition(event).padEnd(9)} ${at} ${subject.padEnd(27)} ${printable(describeEvent(event, creditScale()))}${by}`
}

export const eventAsJson: EventLine = (event, reason) => {
  const { private: _, shard, position, lots, ...rest } = event
  return JSON.stringify({
    position: printPosition({ shard, position }),
    ...rest,
    lots: lots?.map((lot) => printPosition({ shard, position: lot })) ?? null,
    summary: describeEvent(event),
    ...(reason !== undefined && { reason }),
  })
}
