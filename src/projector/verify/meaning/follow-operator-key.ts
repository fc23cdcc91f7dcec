/** Operator keys: issued once, with secrets of their own, never beyond their time, and never changed after they were revoked. */
import { maxOperatorKeyDays } from '../../../../events/bounds.ts'
import type { LedgerState } from './ledger-state.ts'
import { microsOf, type RareEvent } from './rare-events.ts'

export function followOperatorKey(state: LedgerState, event: RareEvent): string[] {
  const { type, payload } = event
  const known = state.operatorKeys.get(payload.id)
  if (type === 'OperatorKeyIssued') {
    if (known) return ['its operator key was issued already']
    const { hash } = payload
    const faults = [...expiryFaults(event), ...takeSecret(state, event)]
    state.operatorKeys.set(payload.id, {
      ...{ hash, expiresAt: microsOf(payload.expiresAt), revoked: false },
    })
    return faults
  }
  if (!known) return ['its operator key was not issued']
  if (known.revoked) return ['its operator key was revoked']
  switch (type) {
    case 'OperatorKeyRotated': {
      const { hash, expiresAt, previousHash, previousUntil } = payload
      const faults = [...expiryFaults(event), ...takeSecret(state, event)]
      if ((previousHash === null) !== (previousUntil === null)) {
        faults.push('the previous secret has no end, or there is none that could end')
      }
      if (previousHash !== null && previousHash !== known.hash) {
        faults.push('the previous secret is not the one that its operator key had')
      }
      if (previousUntil !== null && microsOf(previousUntil) > known.expiresAt) {
        faults.push('the previous secret works longer than it could have')
      }
      Object.assign(known, { hash, expiresAt: microsOf(expiresAt) })
      return faults
    }
    case 'OperatorKeyRevoked':
      known.revoked = true
      return []
    default:
      return []
  }
}

function expiryFaults({ recordedAt, payload }: RareEvent): string[] {
  const lasts = microsOf(payload.expiresAt) - recordedAt
  // It is decided by a clock that was read a moment before.
  return lasts > (maxOperatorKeyDays * 86_400 + 60) * 1_000_000
    ? ['it expires later than an operator key may']
    : []
}

function takeSecret(state: LedgerState, { payload: { id, hash } }: RareEvent): string[] {
  const owner = state.secrets.get(hash)
  state.secrets.set(hash, id)
  return owner === undefined ? [] : ['its secret is that of a key already']
}
