import { describe, expect, test } from 'bun:test'
import { type KeyCommand, type KeyEvent, keyDecider } from '../../src/management/decide-key.ts'
import { decideAll } from '../../src/management/decision.ts'
import { given } from '../support/given.ts'

const at = '2030-06-15T12:00:00.000Z'
const later = '2030-07-01T00:00:00.000Z'
const document = { name: 'Robot', description: null, allowedIps: ['10.0.0.0/8'] }
const limits = { endpoints: null, rateLimit: null, monthlyCap: null, expiresAt: null }
const first = { hash: 'a'.repeat(64), display: 'sk_live_…aaaa' }
const second = { hash: 'b'.repeat(64), display: 'sk_live_…bbbb' }

const issued: KeyEvent = { type: 'KeyIssued', payload: { ...first, ...limits }, document }
const disabled: KeyEvent = { type: 'KeyDisabled', payload: {} }
const revoked: KeyEvent = { type: 'KeyRevoked', payload: {} }

const key = given(keyDecider)
const issue = { type: 'issue', at, document, ...first, ...limits } as const

describe('issuing a key', () => {
  test('keeps its hash, its limits and its document', () => {
    const narrow = { endpoints: ['search'], rateLimit: 5, monthlyCap: 0, expiresAt: later }
    key()
      .when({ ...issue, ...narrow })
      .follows({ type: 'KeyIssued', payload: { ...first, ...narrow }, document })
  })

  test('is refused when it would have expired already', () => {
    key()
      .when({ ...issue, expiresAt: at })
      .refuses('time_passed')
  })
})

describe('a key', () => {
  test('that does not exist accepts nothing', () => {
    key().when({ type: 'revoke' }).refuses('key_unknown')
  })

  test('is renamed with the whole document, so that nothing of it is lost', () => {
    key(issued)
      .when({ type: 'update', at, name: 'Other' })
      .follows({ type: 'KeyUpdated', payload: {}, document: { ...document, name: 'Other' } })
  })

  test('is narrowed and widened again', () => {
    key(issued)
      .when({ type: 'update', at, endpoints: ['search'], expiresAt: later })
      .follows({
        type: 'KeyUpdated',
        payload: { endpoints: ['search'], expiresAt: later },
        document,
      })
    key(issued, { type: 'KeyUpdated', payload: { endpoints: ['search'] }, document })
      .when({ type: 'update', at, endpoints: null })
      .follows({ type: 'KeyUpdated', payload: { endpoints: null }, document })
  })

  test('cannot be made to expire in the past', () => {
    key(issued).when({ type: 'update', at, expiresAt: at }).refuses('time_passed')
  })

  test('changes only the limits that are named', () => {
    key(issued)
      .when({ type: 'change-limits', monthlyCap: 50 })
      .follows({ type: 'KeyLimitsChanged', payload: { monthlyCap: 50 } })
    key(issued, { type: 'KeyLimitsChanged', payload: { rateLimit: 5, monthlyCap: 50 } })
      .when({ type: 'change-limits', rateLimit: null, monthlyCap: 50 })
      .follows({ type: 'KeyLimitsChanged', payload: { rateLimit: null } })
  })

  test('is disabled and enabled', () => {
    key(issued).when({ type: 'disable' }).follows(disabled)
    key(issued, disabled).when({ type: 'enable' }).follows({ type: 'KeyEnabled', payload: {} })
  })

  test('does not change to what it is already', () => {
    const same: KeyCommand[] = [
      { type: 'enable' },
      { type: 'update', at, name: 'Robot', allowedIps: ['10.0.0.0/8'] },
      { type: 'change-limits', rateLimit: null },
    ]
    for (const command of same) key(issued).when(command).follows()
    key(issued, disabled).when({ type: 'disable' }).follows()
  })

  test('rotated loses its old secret at once', () => {
    key(issued)
      .when({ type: 'rotate', at, graceSeconds: 0, ...second })
      .follows({
        type: 'KeyRotated',
        payload: { ...second, previousHash: null, previousUntil: null },
      })
  })

  test('rotated with a grace keeps the secret it has now, not an older one, until then', () => {
    const third = { hash: 'c'.repeat(64), display: 'sk_live_…cccc' }
    const rotated: KeyEvent = {
      type: 'KeyRotated',
      payload: { ...second, previousHash: first.hash, previousUntil: later },
    }
    key(issued, rotated)
      .when({ type: 'rotate', at, graceSeconds: 90, ...third })
      .follows({
        type: 'KeyRotated',
        payload: {
          ...third,
          previousHash: second.hash,
          previousUntil: '2030-06-15T12:01:30.000Z',
        },
      })
  })

  test('revoked accepts nothing more', () => {
    key(issued).when({ type: 'revoke' }).follows(revoked)
    const commands: KeyCommand[] = [
      { type: 'update', at, name: 'Other' },
      { type: 'change-limits', monthlyCap: 1 },
      { type: 'enable' },
      { type: 'disable' },
      { type: 'rotate', at, graceSeconds: 0, ...second },
      { type: 'revoke' },
    ]
    for (const command of commands) key(issued, revoked).when(command).refuses('key_revoked')
  })
})

describe('several commands together', () => {
  const state = [issued].reduce(keyDecider.evolve, undefined)

  test('each see what the ones before them did', () => {
    const commands: KeyCommand[] = [{ type: 'disable' }, { type: 'enable' }]
    expect(decideAll(keyDecider, state, commands)).toEqual({
      events: [disabled, { type: 'KeyEnabled', payload: {} }],
    })
  })

  test('are refused together', () => {
    const commands: KeyCommand[] = [{ type: 'disable' }, { type: 'update', at, expiresAt: at }]
    expect(decideAll(keyDecider, state, commands)).toMatchObject({ refused: 'time_passed' })
  })
})
