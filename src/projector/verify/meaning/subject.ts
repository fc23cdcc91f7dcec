/** Whose an event is: found once for all rules that follow it. */
import type { Purse } from '../credits/purse.ts'
import type { LogEvent } from '../log/log-event.ts'
import { type FollowedKey, type LedgerState, purseOf } from './ledger-state.ts'

export interface Subject {
  /** Which row of the log it was found for. */
  readonly row: number
  /** undefined: the event has no key, or one that was not made. */
  readonly key: FollowedKey | undefined
  readonly purse: Purse
}

export function subjectOf(state: LedgerState, event: LogEvent): Subject {
  const known = state.subject
  if (known?.row === event.row) return known
  const { row, accountId, keyId, mode } = event
  const key = keyId === null ? undefined : state.keys.get(keyId)
  const purse =
    key?.accountId === accountId && key.mode === mode ? key.purse : purseOf(state, accountId, mode)
  state.subject = { row, key, purse }
  return state.subject
}
