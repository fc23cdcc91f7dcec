import { describe, expect, test } from 'bun:test'
import { decideOperatorKey } from '../../src/management/decide-operator-key.ts'

const at = '2030-06-15T12:00:00.000Z'
const inDays = (days: number) => new Date(Date.parse(at) + days * 86_400_000).toISOString()
const secret = { hash: 'b'.repeat(64), display: 'sk_op_…bbbb' }
const known = { hash: 'a'.repeat(64), expiresAt: inDays(10), revoked: false }

describe('issuing', () => {
  const issue = { type: 'issue', at, name: 'Export', role: 'support', ...secret } as const

  test('says name, role and expiry', () => {
    const expiresAt = inDays(366)
    const payload = { name: 'Export', role: 'support', expiresAt, ...secret }
    expect(decideOperatorKey(undefined, { ...issue, expiresAt })).toEqual({
      events: [{ type: 'OperatorKeyIssued', payload }],
    } as never)
  })

  test('needs an expiry that lies ahead, and not too far', () => {
    for (const [days, refused] of [
      [0, 'time_passed'],
      [-1, 'time_passed'],
      [367, 'expires_too_late'],
    ] as const) {
      const decision = decideOperatorKey(undefined, { ...issue, expiresAt: inDays(days) })
      expect(decision).toMatchObject({ refused, field: 'expiresAt' })
    }
  })
})

describe('rotating', () => {
  const rotate = { type: 'rotate', at, graceSeconds: 0, ...secret } as const
  const rotated = (expiresAt: string, previous: object) => ({
    events: [{ type: 'OperatorKeyRotated', payload: { ...secret, expiresAt, ...previous } }],
  })
  const none = { previousHash: null, previousUntil: null }

  test('ends the old secret at once, and the new one when the old one would have ended', () => {
    expect(decideOperatorKey(known, rotate)).toEqual(rotated(known.expiresAt, none) as never)
  })

  test('with a grace lets the old secret work on, though no longer than it would have', () => {
    const graced = decideOperatorKey(known, { ...rotate, graceSeconds: 86_400 })
    const until = { previousHash: known.hash, previousUntil: inDays(1) }
    expect(graced).toEqual(rotated(known.expiresAt, until) as never)
    const long = { ...rotate, graceSeconds: 20 * 86_400, expiresAt: inDays(30) }
    const atMost = { previousHash: known.hash, previousUntil: known.expiresAt }
    expect(decideOperatorKey(known, long)).toEqual(rotated(inDays(30), atMost) as never)
  })

  test('revives one that has expired only with another expiry, and its old secret never', () => {
    const over = { ...known, expiresAt: inDays(-1) }
    expect(decideOperatorKey(over, rotate)).toMatchObject({ refused: 'time_passed' })
    const revived = { ...rotate, graceSeconds: 3_600, expiresAt: inDays(5) }
    expect(decideOperatorKey(over, revived)).toEqual(rotated(inDays(5), none) as never)
  })
})

test('one that is revoked, or is not there, takes nothing', () => {
  const revoke = { type: 'revoke' } as const
  expect(decideOperatorKey(known, revoke)).toEqual({
    events: [{ type: 'OperatorKeyRevoked', payload: {} }],
  })
  expect(decideOperatorKey(undefined, revoke)).toMatchObject({ refused: 'key_unknown' })
  const revoked = { ...known, revoked: true }
  expect(decideOperatorKey(revoked, revoke)).toMatchObject({ refused: 'key_revoked' })
})
