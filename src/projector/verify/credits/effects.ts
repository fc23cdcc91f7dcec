/** What events do to holds, lots and debts, as the catalogue says. */
import type { CatalogueEntry } from '../../../../events/catalogue-entry.ts'
import { entryOf } from '../../../../events/event-types.ts'
import type { LogEvent } from '../log/log-event.ts'

export interface CreditEffect extends Pick<CatalogueEntry, 'hold' | 'onLease' | 'lot' | 'debt'> {
  /** By how much each credit that it moves changes what is free of its lot. */
  readonly freedByMove: -1 | 0 | 1
  /** What it moves is lost, beyond what rolls over. */
  readonly lapses: boolean
  /** It is of a key's stream, or of one that decides what accounts have: that of an account, or of tariffs. */
  readonly isOfKey: boolean
  readonly isOfTerms: boolean
}

const effects = new Map<string, CreditEffect>()

export function effectOf(type: string): CreditEffect {
  let effect = effects.get(type)
  if (!effect) {
    effect = readEffect(type)
    effects.set(type, effect)
  }
  return effect
}

function readEffect(type: string): CreditEffect {
  const { hold, onLease, lot, debt, moves, stream } = entryOf(type) ?? {}
  return {
    ...(hold && { hold }),
    ...(onLease && { onLease }),
    ...(lot && { lot }),
    ...(debt && { debt }),
    freedByMove: moves === undefined ? 0 : moves === 'refunded' ? 1 : -1,
    lapses: moves === 'lapsed',
    isOfKey: stream === 'key',
    isOfTerms: stream === 'account' || stream === 'tariffs',
  }
}

/** The lease that a call ran on which this event ends; undefined: it ran on none. */
export function leaseOf({ onLease }: CreditEffect, event: LogEvent): string | undefined {
  if (onLease === undefined) return undefined
  const text = event.payloadText
  if (!text.includes('"lease"')) return undefined
  // To search costs a fraction of reading JSON. What is nested, or has a quote in it, is read.
  const begin = text.indexOf('"lease":"') + 9
  if (
    begin > 8 &&
    !text.includes('\\') &&
    text.lastIndexOf('{') === 0 &&
    text.indexOf('"lease"', begin) < 0
  ) {
    return text.slice(begin, text.indexOf('"', begin))
  }
  const { lease } = event.payload
  return lease === undefined || lease === null ? undefined : String(lease)
}
