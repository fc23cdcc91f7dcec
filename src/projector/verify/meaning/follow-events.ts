/**
 * Follows the rare events of a log one by one, and says what is wrong with each: its columns and payload are those of its
 * type, and the ledger would have written it after those before it.
 */
import { entryOf } from '../../../../events/event-types.ts'
import { columnsOf } from './event-columns.ts'
import { followAccount } from './follow-account.ts'
import { followCredits } from './follow-credits.ts'
import { followKey } from './follow-key.ts'
import { followLedger } from './follow-ledger.ts'
import { followOperatorKey } from './follow-operator-key.ts'
import { followTariff } from './follow-tariff.ts'
import type { LedgerState } from './ledger-state.ts'
import { payloadFault } from './payload-fault.ts'
import type { RareEvent } from './rare-events.ts'

/** Takes an event into the state, as far as it can be read; returns what is wrong with it. */
export function followEvent(state: LedgerState, event: RareEvent): string[] {
  const columns = columnsOf(event.type)
  if (!columns) return ['the catalogue has no events of its type']
  const problem = payloadFault(event)
  if (problem) return [problem]
  const faults: string[] = []
  const missing = columns.has.filter((name) => !event.columns.includes(name))
  const others = event.columns.filter(
    (name) => ![...columns.has, ...columns.mayHave].some((known) => known === name),
  )
  if (missing.length + others.length > 0) {
    faults.push(`its columns are not those of its type: ${[...missing, ...others].join(', ')}`)
  }
  if (event.occurredAt !== event.recordedAt) {
    faults.push('it counts for another time than that at which it was recorded')
  }
  return [...faults, ...follow(state, event)]
}

function follow(state: LedgerState, event: RareEvent): string[] {
  const stream = entryOf(event.type)?.stream
  switch (stream) {
    case 'account':
      return followAccount(state, event)
    case 'key':
      return followKey(state, event)
    case 'credits':
      return followCredits(state, event)
    case 'tariffs':
      return followTariff(state, event)
    case 'operators':
      return followOperatorKey(state, event)
    case 'ledger':
      return followLedger(state, event)
    case undefined:
      return []
    default:
      return stream satisfies never
  }
}
