/**
 * Rules of a log's order: positions have no gaps, times never run backwards, and every event hash is what the event's
 * fields give.
 */
import { EventHasher } from './log/event-hash.ts'
import type { LogRules } from './log-check.ts'
import type { Micros } from './meaning/rare-events.ts'

export function orderRules(): LogRules {
  const hasher = new EventHasher()
  let last = 0
  let lastTime: Micros = Number.NEGATIVE_INFINITY
  return {
    follow(event, note) {
      const { position, recordedAt } = event
      if (position !== last + 1) note(`the position before it is ${last}`)
      else if (recordedAt < lastTime) note('it was recorded before the event before it')
      last = position
      lastTime = recordedAt
      const fault = hasher.fault(event)
      if (fault !== undefined) note(fault)
    },
    endRange({ upTo }, note) {
      if (last !== upTo) note('the log has no such event')
      last = upTo
    },
  }
}
