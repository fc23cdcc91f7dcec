/** Whose an event is: found once for all rules that follow it, and for all events of a key. */
import type { Purse } from '../credits/purse.ts'
import type { LogEvent } from '../log/log-event.ts'
import { type FollowedKey, type LedgerState, purseOf } from './ledger-state.ts'

export interface Subject {
  /** undefined: the event has no key, or one that was not made. */
  readonly key: FollowedKey | undefined
  readonly purse: Purse
  /** Whether its key is one of its account and mode. */
  readonly isOfKey: boolean
}

/** The subject of a key's events, as their columns name it. */
export interface KeySubject extends Subject {
  readonly accountNumber: number
  readonly mode: string | null
}

export function subjectOf(state: LedgerState, event: LogEvent): Subject {
  const { keyNumber, accountNumber, mode } = event
  const known = keyNumber < 0 ? undefined : state.subjects[keyNumber]
  return known?.accountNumber === accountNumber && known.mode === mode
    ? known
    : findSubject(state, event)
}

function findSubject(state: LedgerState, event: LogEvent): Subject {
  const { accountId, keyId, mode, keyNumber, accountNumber } = event
  const key = keyId === null ? undefined : state.keys.get(keyId)
  if (key?.accountId !== accountId || key.mode !== mode) {
    return { key, purse: purseOf(state, accountId, mode), isOfKey: false }
  }
  const subject = { key, purse: key.purse, isOfKey: true, accountNumber, mode }
  // A key is made once, and of that account and mode for ever.
  if (keyNumber >= 0 && accountNumber >= 0) state.subjects[keyNumber] = subject
  return subject
}
