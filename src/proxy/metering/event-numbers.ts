/** Reads the numbers that events of a stream say, as a price for a quantity names them. Of each, the last one that was said counts. */
import { valueAt } from '../../lib/json-pointer.ts'
import { meetsCondition } from '../../pricing/condition.ts'
import type { SaidInEvents } from '../../pricing/price-kind.ts'
import type { NumberSource } from '../../pricing/rules/per-quantity.ts'
import { dataOf, nameOf } from './event-stream.ts'
import type { Counted, Meter } from './meter.ts'
import type { Parts } from './parts.ts'

export class EventNumbers implements SaidInEvents {
  hasEnded = false
  private readonly sources: readonly NumberSource[]
  private readonly said = new Map<string, number>()

  constructor(sources: readonly NumberSource[]) {
    this.sources = sources
  }

  /** Whether anything was said. */
  get hasSaid(): boolean {
    return this.said.size > 0
  }

  at(source: Parameters<SaidInEvents['at']>[0]): number | undefined {
    return this.said.get(nameOfSource(source))
  }

  /** Returns whether the event says a number that counts. */
  read(event: Uint8Array): boolean {
    const json = jsonOf(event)
    if (json === undefined) return false
    let says = false
    for (const source of this.sources) {
      const value = isMeant(source, event, json) ? valueAt(json, source.number) : undefined
      if (typeof value !== 'number' || !(value >= 0)) continue
      this.said.set(nameOfSource(source), value)
      says = true
    }
    return says
  }
}

/** The parts of a stream, of which the numbers are read as they come. */
export function readNumbers(parts: Parts, numbers: EventNumbers): Parts {
  return {
    async next() {
      const part = await parts.next()
      if (part) numbers.read(part)
      return part
    },
    cancel: () => parts.cancel(),
  }
}

/**
 * Meters a stream of which only such numbers count. An event that says one waits, and so does one that brings nothing; all others are
 * sent at once. `used` is how many events were sent.
 */
export function eventMeter(numbers: EventNumbers): Meter {
  let events = 0
  let hasFailed = false
  return {
    get used() {
      return events
    },
    get usedInAll() {
      const isNothing = events === 0 || (hasFailed && !numbers.hasSaid)
      return isNothing ? undefined : events
    },
    get hasFailed() {
      return hasFailed
    },
    count(event): Counted {
      const data = dataOf(event)
      if (data === undefined) return { isSold: false, isWithheld: false }
      hasFailed ||= nameOf(event) === 'error'
      const isMarker = data.trim() === '' || data.trim() === '[DONE]' || nameOf(event) === 'error'
      if (!isMarker) events++
      const says = numbers.read(event)
      return { isSold: !isMarker, isWithheld: says || isMarker }
    },
  }
}

const nameOfSource = ({ number, event }: Parameters<SaidInEvents['at']>[0]) =>
  JSON.stringify([number, event])

function isMeant({ event: meant }: NumberSource, event: Uint8Array, json: unknown): boolean {
  if (meant === undefined) return true
  return typeof meant === 'string' ? nameOf(event) === meant : meetsCondition(json, meant)
}

function jsonOf(event: Uint8Array): unknown {
  try {
    return JSON.parse(dataOf(event) ?? '')
  } catch {
    return undefined
  }
}
