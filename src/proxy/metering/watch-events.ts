/** Looks for an event among those of a stream, as `chargeWhen` names one. */
import type { EventCondition } from '../../pricing/charge-condition.ts'
import { meetsCondition } from '../../pricing/condition.ts'
import { dataOf, nameOf } from './event-stream.ts'
import type { Parts } from './parts.ts'

interface WatchedParts extends Parts {
  /** Whether the event has come. */
  readonly hasCome: boolean
}

export function watchEvents(parts: Parts, condition: EventCondition): WatchedParts {
  let hasCome = false
  return {
    async next() {
      const part = await parts.next()
      hasCome ||= part !== undefined && meets(part, condition)
      return part
    },
    cancel: () => parts.cancel(),
    get hasCome() {
      return hasCome
    },
  }
}

function meets(event: Uint8Array, condition: EventCondition): boolean {
  if (typeof condition === 'string') return nameOf(event) === condition
  try {
    return meetsCondition(JSON.parse(dataOf(event) ?? ''), condition)
  } catch {
    return false
  }
}
