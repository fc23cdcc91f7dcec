/** When is held ahead, how much, and which calls may run on it; and that what is held ahead is freed. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  type LeasedCall,
  type LeaseManager,
  openLeaseManager,
} from '../../src/gate/reservation/lease-manager.ts'
import {
  canServe,
  exceedsBudget,
  type Lease,
  leaseSeconds,
  leaseSize,
  minCallsPerSecond,
  minConcurrency,
} from '../../src/gate/reservation/lease-policy.ts'
import type { Appender } from '../../src/ledger/append/appender.ts'
import type { AppendResult, CallCommand, Verdict } from '../../src/ledger/append/call-commands.ts'
import type { KeyRecord } from '../../src/ledger/read/read-for-calls.ts'
import { until } from '../support/until.ts'

const none = { calls: 0, credits: 0 }
const wide = { available: 1_000_000, maxInFlight: 1_000, gateways: 1, ahead: none }

describe('so much is held ahead', () => {
  test('nothing for a key with few calls in flight', () => {
    expect(
      leaseSize(
        { calls: minConcurrency - 1, credits: 9, lastSecond: minCallsPerSecond - 1 },
        none,
        wide,
      ),
    ).toBeUndefined()
    const size = leaseSize({ calls: minConcurrency, credits: 10, lastSecond: 0 }, none, wide)
    expect(size).toEqual({ calls: 15, credits: 15 })
  })

  test('for a key that calls often, one call after another, two', () => {
    const one = { calls: 1, credits: 3, lastSecond: minCallsPerSecond }
    expect(leaseSize(one, none, wide)).toEqual({ calls: 2, credits: 6 })
    expect(leaseSize(one, { calls: 2, credits: 6 }, wide)).toBeUndefined()
    expect(leaseSize(one, none, { ...wide, available: 479 })).toBeUndefined()
    expect(leaseSize(one, none, { ...wide, maxInFlight: 39 })).toBeUndefined()
  })

  test('half as much again as is in flight, each call for what they cost on average', () => {
    const inFlight = { calls: 20, credits: 50, lastSecond: 0 }
    expect(leaseSize(inFlight, none, wide)).toEqual({ calls: 30, credits: 75 })
  })

  test('so much less as is held ahead already, and no sliver', () => {
    const inFlight = { calls: 20, credits: 20, lastSecond: 0 }
    const more = leaseSize(inFlight, { calls: 15, credits: 15 }, wide)
    expect(more).toEqual({ calls: 15, credits: 15 })
    expect(leaseSize(inFlight, { calls: 23, credits: 23 }, wide)).toBeUndefined()
    expect(leaseSize(inFlight, { calls: 90, credits: 90 }, wide)).toBeUndefined()
  })

  test('at most a quarter of the calls that the account may have in flight', () => {
    const of = (maxInFlight: number, more = {}) =>
      leaseSize({ calls: 40, credits: 40, lastSecond: 0 }, none, { ...wide, maxInFlight, ...more })
    expect(of(100)).toEqual({ calls: 25, credits: 25 })
    expect(of(39)).toBeUndefined()
    // Of all its keys, and by all gateways.
    expect(of(100, { ahead: { calls: 10, credits: 10 } })).toEqual({ calls: 15, credits: 15 })
    expect(of(100, { ahead: { calls: 16, credits: 16 } })).toBeUndefined()
    expect(of(100, { gateways: 2 })).toEqual({ calls: 12, credits: 12 })
  })

  test('at most a sixteenth of what is available, and nothing of little', () => {
    const inFlight = { calls: 100, credits: 200, lastSecond: 0 }
    const of = (available: number, ahead = none) =>
      leaseSize(inFlight, none, { ...wide, available, ahead })
    expect(of(640)).toEqual({ calls: 20, credits: 40 })
    expect(of(610, { calls: 10, credits: 20 })).toBeUndefined()
    expect(of(1_260, { calls: 10, credits: 20 })).toEqual({ calls: 30, credits: 60 })
    expect(of(320)).toEqual({ calls: 10, credits: 20 })
    expect(of(319)).toBeUndefined()
    expect(of(0)).toBeUndefined()
  })
})

describe('a call may run on a standing hold', () => {
  const hold: Lease = {
    ...{ id: 'h', calls: 20, credits: 40, freeCalls: 5, freeCredits: 10 },
    ...{ acceptsUntilMs: 30_000, expiresAtMs: 60_000, soldAtMs: 9_000 },
  }
  const call = { credits: 10, seconds: 50 }

  test('that has a place and credits for it', () => {
    expect(canServe(hold, call, 10_000)).toBe(true)
    expect(canServe({ ...hold, freeCalls: 0 }, call, 10_000)).toBe(false)
    expect(canServe(hold, { ...call, credits: 11 }, 10_000)).toBe(false)
  })

  test('that lives until the call surely has ended', () => {
    expect(canServe(hold, { ...call, seconds: 50.1 }, 10_000)).toBe(false)
    expect(leaseSeconds(60)).toBe(90)
    const fresh = { ...hold, soldAtMs: 30_000 }
    expect(canServe(fresh, { ...call, seconds: 1 }, 30_000)).toBe(true)
    expect(canServe(fresh, { ...call, seconds: 1 }, 30_001)).toBe(false)
  })

  test('on which something was sold within the last second', () => {
    expect(canServe({ ...hold, soldAtMs: 8_999 }, call, 10_000)).toBe(false)
  })

  test('which is too much for an account that has little left', () => {
    expect(exceedsBudget(hold, 320)).toBe(false)
    expect(exceedsBudget(hold, 319)).toBe(true)
  })
})

describe('what is held ahead', () => {
  let ahead: LeaseManager
  let items: CallCommand[]
  let verdict: Verdict
  beforeEach(() => {
    items = []
    verdict = 'ok'
    const append = async (item: CallCommand) => {
      items.push(item)
      return { ...answer, verdict }
    }
    ahead = openLeaseManager(
      () => ({ append }) as unknown as Appender,
      1,
      () => {},
    )
  })
  afterEach(() => ahead.close())

  const answer: AppendResult = {
    ...{ verdict: 'ok', shard: 0, position: 1, available: 10_000, recordedAt: new Date(0) },
  }
  const call = {
    key: { keyId: 'k', keyVersion: 1, accountId: 'a', mode: 'live', shard: 0 } as KeyRecord,
    ...{ maxInFlight: 1_000, credits: 2, seconds: 60 },
  } satisfies LeasedCall
  const kinds = () => items.map(({ kind }) => kind)

  /** So many calls that hold for themselves, and are under way. */
  function holding(calls: number) {
    const places = Array.from({ length: calls }, () => ahead.enter(call))
    for (const place of places) place.held(call.key, answer, performance.now())
    return places
  }

  test('is taken once for a busy key, and by calls that come then', async () => {
    const before = holding(minConcurrency)
    expect(before.every(({ standing }) => standing === undefined)).toBe(true)
    expect(items).toMatchObject([{ kind: 'lease', slots: 15, credits: 30 }])
    await Bun.sleep(0)
    const after = Array.from({ length: 16 }, () => ahead.enter(call))
    const [first] = after
    expect(after.filter(({ standing }) => standing)).toHaveLength(15)
    // What no call uses is said to be there.
    for (const place of after.slice(1)) place.leave()
    expect(first?.standing?.sold(answer, performance.now()).available).toBe(10_030)
  })

  test('is not taken for one that is not busy, or when the ledger refuses', async () => {
    holding(minConcurrency - 1)
    expect(items).toEqual([])
    verdict = 'stale_key'
    holding(1)
    await Bun.sleep(0)
    expect(ahead.enter(call).standing).toBeUndefined()
  })

  test('grows with the calls in flight, by holds of their own', async () => {
    holding(minConcurrency)
    await Bun.sleep(0)
    holding(30)
    await Bun.sleep(0)
    expect(items).toMatchObject([{ slots: 15 }, { slots: 45 }])
    const names = Array.from({ length: 40 }, () => ahead.enter(call).standing?.holdId)
    expect(names).toContain((items[1] as { requestId: string }).requestId)
  })

  test('is freed when the last call on it has ended', async () => {
    holding(minConcurrency)
    await Bun.sleep(0)
    const [on, other] = [ahead.enter(call), ahead.enter(call)]
    on.standing?.sold({ ...answer, available: 0 }, performance.now())
    on.leave()
    on.leave()
    expect(kinds()).toEqual(['lease'])
    other.leave()
    expect(items.at(-1)).toMatchObject({
      ...{ kind: 'release', endpoint: null, requestId: on.standing?.holdId },
    })
  })

  test('is for calls of the key as it was then, and is freed when that has changed', async () => {
    holding(minConcurrency)
    await Bun.sleep(0)
    const before = ahead.enter(call)
    const changed = { ...call, key: { ...call.key, keyVersion: 2 } }
    const after = Array.from({ length: 2 * minConcurrency }, () => ahead.enter(changed))
    expect(before.standing).toBeDefined()
    expect(after.filter(({ standing }) => standing)).toEqual([])
    for (const place of after) place.held(changed.key, answer, performance.now())
    await Bun.sleep(0)
    expect(items.at(-1)).toMatchObject({ kind: 'lease', keyVersion: 2 })
    expect(ahead.enter(call).standing).toBeUndefined()
    expect(ahead.enter(changed).standing).toBeDefined()
    before.leave()
    expect(items.at(-1)).toMatchObject({ kind: 'release', requestId: before.standing?.holdId })
  })

  test('is freed at once when the ledger did not sell on it', async () => {
    holding(minConcurrency)
    await Bun.sleep(0)
    const places = [ahead.enter(call), ahead.enter(call)]
    places[0]?.standing?.refused()
    places[1]?.standing?.refused()
    expect(kinds()).toEqual(['lease', 'release'])
    expect(ahead.enter(call).standing).toBeUndefined()
    for (const place of places) place.leave()
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is parted at once where a call has to hold for itself out of it', async () => {
    holding(minConcurrency)
    await Bun.sleep(0)
    const [one, other] = [ahead.enter(call), ahead.enter(call)]
    const first = one.standing?.holdId
    const own = one.standing?.splitLease(async () => {
      items.push({ kind: 'hold', endpoint: 'search', requestId: 'own' } as CallCommand)
      return 'held'
    })
    const rest = other.standing?.holdId
    expect(items.slice(1)).toMatchObject([
      { kind: 'release', endpoint: null, requestId: first },
      { kind: 'hold', endpoint: 'search', requestId: 'own' },
      { kind: 'lease', requestId: rest, slots: 1, credits: 2 },
    ])
    expect(await own).toBe('held')
    expect(ahead.enter(call).standing).toBeUndefined()
    one.leave()
    expect(items).toHaveLength(4)
    const last = await other.standing?.splitLease(async () => kinds())
    expect([last, items.at(-1)]).toMatchObject([kinds(), { kind: 'release', requestId: rest }])
  })

  test('is named by nothing while another is taken in its place', async () => {
    holding(minConcurrency)
    await Bun.sleep(0)
    const [one, other] = [ahead.enter(call), ahead.enter(call)]
    const own = one.standing?.splitLease(async () => 'held')
    expect(other.standing?.renewing).toBeDefined()
    other.standing?.refused()
    expect(kinds()).toEqual(['lease', 'release', 'lease'])
    await own
    await Bun.sleep(0)
    expect(other.standing?.renewing).toBeUndefined()
    expect(kinds()).toEqual(['lease', 'release', 'lease', 'release'])
    expect(items.at(-1)).toMatchObject({ requestId: other.standing?.holdId })
  })

  test('is freed when the account has little left', async () => {
    holding(minConcurrency)
    await Bun.sleep(0)
    const place = ahead.enter(call)
    place.standing?.sold({ ...answer, available: 200 }, performance.now())
    expect(ahead.enter(call).standing).toBeUndefined()
    expect(kinds()).toEqual(['lease'])
    place.leave()
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is freed for an account that was refused credits or places, and not taken again soon', async () => {
    const before = holding(minConcurrency)
    await Bun.sleep(0)
    ahead.releaseLeases({ ...call.key, keyId: 'sibling', mode: 'test' })
    expect(kinds()).toEqual(['lease'])
    ahead.releaseLeases({ ...call.key, keyId: 'sibling' })
    expect(kinds()).toEqual(['lease', 'release'])
    for (const place of before) place.held(call.key, answer, performance.now())
    expect(kinds()).toEqual(['lease', 'release'])
    expect(ahead.enter(call).standing).toBeUndefined()
  })

  test('is freed when it was on its way while the account was refused', async () => {
    holding(minConcurrency)
    ahead.releaseLeases(call.key)
    await Bun.sleep(0)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is freed when the key falls quiet', async () => {
    for (const place of holding(minConcurrency)) place.leave()
    await until(() => items.length === 2)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is freed when the gateway ends, also what was under way', async () => {
    holding(minConcurrency)
    await ahead.close()
    await Bun.sleep(0)
    expect(kinds()).toEqual(['lease', 'release'])
    holding(minConcurrency)
    expect(kinds()).toEqual(['lease', 'release'])
  })
})
