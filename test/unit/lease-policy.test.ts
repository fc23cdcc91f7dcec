/** When a gateway takes a lease, how large it is, how long it is kept, and which calls may run on it. */
import { describe, expect, test } from 'bun:test'
import {
  acceptanceMs,
  callsOftenWithinMs,
  canServe,
  exceedsBudget,
  leaseIdleMs,
  leaseSeconds,
  leaseSize,
} from '../../src/gate/reservation/lease-policy.ts'

const none = { slots: 0, credits: 0 }
const wide = { available: 1_000_000, maxInFlight: 1_000, gateways: 1, onLease: none }

describe('the size of a lease', () => {
  test('is two for a key that calls one call after another', () => {
    const one = { calls: 1, credits: 3 }
    expect(leaseSize(one, none, wide)).toEqual({ slots: 2, credits: 6 })
    expect(leaseSize(one, { slots: 2, credits: 6 }, wide)).toBeUndefined()
  })

  test('is one, or none, for an account with little', () => {
    const one = { calls: 1, credits: 3 }
    expect(leaseSize(one, none, { ...wide, available: 95 })).toEqual({ slots: 1, credits: 3 })
    expect(leaseSize(one, none, { ...wide, available: 47 })).toBeUndefined()
    expect(leaseSize(one, none, { ...wide, maxInFlight: 7 })).toEqual({ slots: 1, credits: 3 })
    expect(leaseSize(one, none, { ...wide, maxInFlight: 3 })).toBeUndefined()
  })

  test('is half as much again as is in flight, each slot for what calls cost on average', () => {
    expect(leaseSize({ calls: 20, credits: 50 }, none, wide)).toEqual({ slots: 30, credits: 75 })
  })

  test('is less by what is on lease already, and no sliver', () => {
    const inFlight = { calls: 20, credits: 20 }
    const more = leaseSize(inFlight, { slots: 15, credits: 15 }, wide)
    expect(more).toEqual({ slots: 15, credits: 15 })
    expect(leaseSize(inFlight, { slots: 23, credits: 23 }, wide)).toBeUndefined()
    expect(leaseSize(inFlight, { slots: 90, credits: 90 }, wide)).toBeUndefined()
  })

  test('is at most a quarter of the calls that the account may have in flight', () => {
    const of = (maxInFlight: number, more = {}) =>
      leaseSize({ calls: 40, credits: 40 }, none, { ...wide, maxInFlight, ...more })
    expect(of(100)).toEqual({ slots: 25, credits: 25 })
    expect(of(39)).toEqual({ slots: 9, credits: 9 })
    // Of all its keys, and by all gateways.
    expect(of(100, { onLease: { slots: 10, credits: 10 } })).toEqual({ slots: 15, credits: 15 })
    expect(of(100, { onLease: { slots: 25, credits: 25 } })).toBeUndefined()
    expect(of(100, { gateways: 2 })).toEqual({ slots: 12, credits: 12 })
  })

  test('is at most a sixteenth of what is available, and nothing of little', () => {
    const inFlight = { calls: 100, credits: 200 }
    const of = (available: number, onLease = none) =>
      leaseSize(inFlight, none, { ...wide, available, onLease })
    expect(of(640)).toEqual({ slots: 20, credits: 40 })
    expect(of(1_260, { slots: 10, credits: 20 })).toEqual({ slots: 30, credits: 60 })
    expect(of(300, { slots: 10, credits: 20 })).toBeUndefined()
    expect(of(32)).toEqual({ slots: 1, credits: 2 })
    expect(of(31)).toBeUndefined()
    expect(of(0)).toBeUndefined()
  })
})

describe('a lease is kept', () => {
  test('until its key has been idle, which is soon where it has many slots', () => {
    expect(leaseIdleMs(3, 45_000)).toBe(45_000)
    expect(leaseIdleMs(4, 45_000)).toBe(500)
    expect(leaseIdleMs(4, 100)).toBe(100)
  })

  test('for as long as a key makes four calls that made two in the time in which it got one', () => {
    expect(callsOftenWithinMs(45_000) * 2).toBe(45_000)
  })

  test('for a minute at most, and not all leases for as long', () => {
    expect(acceptanceMs(0)).toBe(45_000)
    expect(acceptanceMs(0.999)).toBeLessThan(60_000)
  })
})

describe('a call may run on a lease', () => {
  const lease = {
    ...{ slots: 20, credits: 40, availableSlots: 5, availableCredits: 10 },
    ...{ acceptsUntilMs: 30_000, expiresAtMs: 60_000, soldAtMs: 9_000 },
  }
  const call = { credits: 10, seconds: 50 }
  const never = Number.NEGATIVE_INFINITY

  test('that has a slot and credits for it', () => {
    expect(canServe(lease, call, 10_000, never)).toBe(true)
    expect(canServe({ ...lease, availableSlots: 0 }, call, 10_000, never)).toBe(false)
    expect(canServe(lease, { ...call, credits: 11 }, 10_000, never)).toBe(false)
  })

  test('that lives until the call surely has ended', () => {
    expect(canServe(lease, { ...call, seconds: 50.1 }, 10_000, never)).toBe(false)
    expect(leaseSeconds(60)).toBe(120)
    const justSold = { ...lease, soldAtMs: 30_000 }
    expect(canServe(justSold, { ...call, seconds: 1 }, 30_000, never)).toBe(true)
    expect(canServe(justSold, { ...call, seconds: 1 }, 30_001, never)).toBe(false)
  })

  test('on which something was sold within the last second, or whose key is known to be unchanged', () => {
    const soldBefore = { ...lease, soldAtMs: 8_999 }
    expect(canServe(soldBefore, call, 10_000, never)).toBe(false)
    expect(canServe(soldBefore, call, 10_000, 8_999)).toBe(false)
    expect(canServe(soldBefore, call, 10_000, 9_000)).toBe(true)
  })

  test('but not on one that is too much for an account with little left', () => {
    expect(exceedsBudget(lease, 320)).toBe(false)
    expect(exceedsBudget(lease, 319)).toBe(true)
  })
})
