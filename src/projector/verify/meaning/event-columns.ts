/** Which columns the events of each type have. An event that lacks one of them, or has another, was not written by the ledger. */
import { entryOf, eventTypes } from '../../../../events/event-types.ts'

/** The columns that are not on every event. */
export const optionalColumns = [
  'stream_version',
  'account_id',
  'key_id',
  'mode',
  'request_id',
  'endpoint',
  'tariff',
  'credits',
  'quantity',
  'slots',
  'status',
  'latency_ms',
  'lots',
  'held',
  'moved',
  'private',
] as const

type Column = (typeof optionalColumns)[number]

interface EventColumns {
  readonly has: readonly Column[]
  readonly mayHave: readonly Column[]
}

const ofKey = ['account_id', 'key_id', 'mode'] as const
const ofCall = [...ofKey, 'request_id', 'tariff', 'credits'] as const
const ofCredits = ['account_id', 'mode', 'credits'] as const
const ofResponse = ['status', 'latency_ms'] as const

const creditColumns: Readonly<Record<string, EventColumns>> = {
  CreditsGranted: { has: ofCredits, mayHave: ['private'] },
  CreditsAdjusted: { has: [...ofCredits, 'lots', 'moved'], mayHave: ['private'] },
  CreditsLapsed: { has: [...ofCredits, 'lots', 'moved'], mayHave: [] },
  DebtRecorded: { has: ofCredits, mayHave: ['private'] },
  CreditsHeld: {
    has: [...ofCall, 'lots', 'held'],
    mayHave: ['endpoint', 'quantity', 'slots'],
  },
  HoldExtended: { has: [...ofCall, 'endpoint', 'quantity', 'lots', 'held'], mayHave: [] },
  HoldSettled: {
    has: [...ofCall, 'endpoint', 'quantity', 'lots', 'moved'],
    mayHave: ['held', ...ofResponse],
  },
  HoldReleased: {
    has: [...ofCall, 'latency_ms'],
    mayHave: ['endpoint', 'quantity', 'slots', 'lots', 'held', 'status'],
  },
  HoldExpired: {
    has: [...ofCall, 'lots', 'held'],
    mayHave: ['endpoint', 'quantity', 'slots'],
  },
  ChargeRefunded: { has: [...ofCall, 'endpoint', 'lots', 'moved'], mayHave: ['private'] },
  CallsCounted: { has: [...ofKey, 'endpoint', 'quantity'], mayHave: [] },
  CallsRefused: { has: [...ofKey, 'endpoint', 'quantity'], mayHave: [] },
  UsageImported: { has: [...ofKey, 'endpoint', 'credits', 'quantity'], mayHave: [] },
}

/** The columns of a type; undefined where the catalogue has no such type. */
export function columnsOf(type: string): EventColumns | undefined {
  switch (entryOf(type)?.stream) {
    case 'account':
      return { has: ['stream_version', 'account_id'], mayHave: ['private'] }
    case 'key':
      return { has: ['stream_version', ...ofKey], mayHave: ['private'] }
    case 'tariffs':
      return { has: [], mayHave: ['private'] }
    case 'operators':
    case 'ledger':
      return { has: [], mayHave: [] }
    case 'credits':
      return creditColumns[type]
    default:
      return undefined
  }
}

for (const type of eventTypes) {
  if (!columnsOf(type)) throw new TypeError(`nothing says which columns ${type} has`)
}
