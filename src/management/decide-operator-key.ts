/** What a command does to an operator key, decided from its state alone. A revoked one refuses every command. */
import { maxOperatorKeyDays } from '../../events/bounds.ts'
import type { OperatorRole } from '../../events/operator-keys.ts'
import { type Decision, refused } from './decision.ts'

interface OperatorKeyState {
  readonly hash: string
  /** ISO 8601 */
  readonly expiresAt: string
  readonly revoked: boolean
}

interface SecretHash {
  /** Hex SHA-256 of the whole text. */
  readonly hash: string
  readonly display: string
}

/** `at` is the ledger's time, ISO 8601, and so is `expiresAt`. */
export type OperatorKeyCommand =
  | ({
      readonly type: 'issue'
      readonly at: string
      readonly name: string
      readonly role: OperatorRole
      readonly expiresAt: string
    } & SecretHash)
  | ({
      readonly type: 'rotate'
      readonly at: string
      /** How long the old secret still works. */
      readonly graceSeconds: number
      /** Absent: the new secret ends when the old one would have. */
      readonly expiresAt?: string | undefined
    } & SecretHash)
  | { readonly type: 'revoke' }

/** Without the id of the key and the reason, which all of them have. */
export type OperatorKeyEvent =
  | {
      readonly type: 'OperatorKeyIssued'
      readonly payload: SecretHash & {
        readonly name: string
        readonly role: OperatorRole
        readonly expiresAt: string
      }
    }
  | {
      readonly type: 'OperatorKeyRotated'
      readonly payload: SecretHash & {
        readonly expiresAt: string
        readonly previousHash: string | null
        readonly previousUntil: string | null
      }
    }
  | { readonly type: 'OperatorKeyRevoked'; readonly payload: Record<string, never> }

/** @param state undefined: there is no such key yet */
export function decideOperatorKey(
  state: OperatorKeyState | undefined,
  command: OperatorKeyCommand,
): Decision<OperatorKeyEvent> {
  if (command.type === 'issue') {
    if (state) throw new Error('another operator key has this id')
    const { type: _, at, ...payload } = command
    return (
      checkExpiry(payload.expiresAt, at) ?? { events: [{ type: 'OperatorKeyIssued', payload }] }
    )
  }
  if (!state) return refused('key_unknown')
  if (state.revoked) return refused('key_revoked')
  switch (command.type) {
    case 'rotate':
      return rotate(state, command)
    case 'revoke':
      return { events: [{ type: 'OperatorKeyRevoked', payload: {} }] }
    default:
      return command satisfies never
  }
}

function rotate(
  state: OperatorKeyState,
  command: OperatorKeyCommand & { readonly type: 'rotate' },
): Decision<OperatorKeyEvent> {
  const { hash, display, at, graceSeconds, expiresAt = state.expiresAt } = command
  const refusal = checkExpiry(expiresAt, at)
  if (refusal) return refusal
  // A rotation gives the old secret no more time than it had.
  const graceEnd = Math.min(Date.parse(at) + graceSeconds * 1_000, Date.parse(state.expiresAt))
  const isGood = graceEnd > Date.parse(at)
  const previous = isGood
    ? { previousHash: state.hash, previousUntil: new Date(graceEnd).toISOString() }
    : { previousHash: null, previousUntil: null }
  const payload = { hash, display, expiresAt, ...previous }
  return { events: [{ type: 'OperatorKeyRotated', payload }] }
}

function checkExpiry(expiresAt: string, at: string) {
  const lastsMs = Date.parse(expiresAt) - Date.parse(at)
  if (lastsMs <= 0) return refused('time_passed', { field: 'expiresAt' })
  return lastsMs > maxOperatorKeyDays * 86_400_000
    ? refused('expires_too_late', {
        field: 'expiresAt',
        expected: `at most ${maxOperatorKeyDays} days ahead`,
      })
    : undefined
}
