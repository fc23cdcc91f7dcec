import { expect, test } from 'bun:test'
import { catalogue } from '../../events/catalogue.ts'
import { describeEvent } from '../../events/describe-event.ts'

const plain = {
  ...{ credits: null, quantity: null, slots: null, endpoint: null },
  payload: {},
}

test('every type of event has a description of its own', () => {
  const types = Object.keys(catalogue)
  const described = types.map((type) => describeEvent({ ...plain, type }))
  expect(new Set(described).size).toBe(types.length)
  expect(described).not.toContain('')
})

test('descriptions say how much, of what and why', () => {
  const say = (type: string, more: object) => describeEvent({ ...plain, type, ...more })
  expect(say('HoldSettled', { credits: 1, endpoint: 'search' })).toBe(
    '1 credit charged for a call of search',
  )
  expect(
    say('HoldReleased', { credits: 1_200, endpoint: 'stt', payload: { reason: 'timeout' } }),
  ).toBe('1,200 credits freed: a call of stt was not charged (timeout)')
  expect(
    say('CreditsGranted', {
      credits: 50,
      payload: { kind: 'promotional', expiresAt: '2031-01-31T12:00:00Z' },
    }),
  ).toBe('50 credits granted (promotional), good until 2031-01-31 12:00 UTC')
  expect(say('KeyLimitsChanged', { payload: { rateLimit: 10, monthlyCap: null } })).toBe(
    'Key limits changed: rateLimit 10, monthlyCap none',
  )
  const extended = { endpoint: 'chat', credits: 0 }
  const ofLease = { credits: 30, slots: 15 }
  expect(say('CreditsHeld', ofLease)).toBe('30 credits reserved by a lease, for 15 calls at once')
  expect(say('HoldReleased', { ...ofLease, payload: { reason: 'lease_released' } })).toBe(
    '30 credits freed that a lease had reserved',
  )
  expect(say('HoldExpired', ofLease)).toBe(
    '30 credits freed that a lease had reserved until its gateway ended',
  )
  const voided = { credits: 0, endpoint: 'search', payload: { lease: 'l', reason: 'timeout' } }
  expect(say('HoldReleased', voided)).toBe('A call of search was not charged (timeout)')
  expect(say('HoldExtended', extended)).toBe('The hold of a call of chat lasts longer')
  expect(
    say('HoldSettled', { credits: 2, endpoint: 'chat', payload: { terminatedBy: 'hold' } }),
  ).toBe('2 credits charged for a call of chat, terminated because its hold could not be extended')
  expect(
    say('CallsRefused', { quantity: 2, endpoint: 'voices', payload: { reason: 'rate_limited' } }),
  ).toBe('2 calls of voices refused (rate_limited)')
  expect(say('CallsCounted', { quantity: 1, endpoint: 'voices' })).toBe('1 free call of voices')
})
