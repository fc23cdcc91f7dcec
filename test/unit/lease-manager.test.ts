/** A gateway takes leases for a busy key, calls run on them, and they are released. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { LeaseRequest } from '../../src/gate/reservation/credit-lease.ts'
import { type CountedCall, LeaseManager } from '../../src/gate/reservation/lease-manager.ts'
import { minConcurrency } from '../../src/gate/reservation/lease-policy.ts'
import type { Appender } from '../../src/ledger/append/appender.ts'
import type {
  AppendResult,
  CallCommand,
  Hold,
  Verdict,
} from '../../src/ledger/append/call-commands.ts'
import type { KeyRecord } from '../../src/ledger/read/read-key-by-hash.ts'
import { until } from '../support/until.ts'

describe('a lease', () => {
  let leases: LeaseManager
  let appended: CallCommand[]
  let verdict: Verdict
  beforeEach(() => {
    appended = []
    verdict = 'ok'
    const append = async (command: CallCommand) => {
      appended.push(command)
      return { ...result, verdict }
    }
    const appendGroup = (commands: readonly CallCommand[]) => commands.map(append)
    leases = new LeaseManager(
      () => ({ append, appendGroup }) as unknown as Appender,
      1,
      () => {},
    )
  })
  afterEach(() => leases.close())

  const result: AppendResult = {
    ...{
      verdict: 'ok',
      shard: 0,
      position: 1,
      available: 10_000,
      sentAtMs: 0,
      recordedAt: new Date(0),
    },
  }
  const request = {
    key: { keyId: 'k', keyVersion: 1, accountId: 'a', mode: 'live', shard: 0 } as KeyRecord,
    ...{ maxInFlight: 1_000, credits: 2, seconds: 60 },
  } satisfies LeaseRequest
  const dedicated = (requestId: string) =>
    ({ kind: 'hold', endpoint: 'search', requestId }) as unknown as Hold
  const kinds = () => appended.map(({ kind }) => kind)
  const acquireTwo = () => [leases.acquire(request), leases.acquire(request)] as const

  /** So many calls that take dedicated holds, and are under way. */
  function callsOnDedicatedHolds(calls: number): CountedCall[] {
    const counted = Array.from({ length: calls }, () => leases.acquire(request))
    for (const call of counted) {
      leases.onDedicatedHold(call, request.key, result, performance.now())
    }
    return counted
  }

  test('is taken once for a busy key, and serves the calls that come then', async () => {
    const before = callsOnDedicatedHolds(minConcurrency)
    expect(before.every(({ lease }) => lease === undefined)).toBe(true)
    expect(appended).toMatchObject([{ kind: 'lease', slots: 15, credits: 30 }])
    await Bun.sleep(0)
    const after = Array.from({ length: 16 }, () => leases.acquire(request))
    const [first] = after as [CountedCall]
    expect(after.filter(({ lease }) => lease)).toHaveLength(15)
    // What no call uses counts as available.
    for (const call of after.slice(1)) leases.returnSlot(call)
    expect(leases.onCharged(first, result, performance.now()).available).toBe(10_030)
  })

  test('is not taken for a key that is not busy, or when the ledger refuses', async () => {
    callsOnDedicatedHolds(minConcurrency - 1)
    expect(appended).toEqual([])
    verdict = 'stale_key'
    callsOnDedicatedHolds(1)
    await Bun.sleep(0)
    expect(leases.acquire(request).lease).toBeUndefined()
  })

  test('is followed by another one as the calls in flight grow', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    callsOnDedicatedHolds(30)
    await Bun.sleep(0)
    expect(appended).toMatchObject([{ slots: 15 }, { slots: 45 }])
    const names = Array.from({ length: 40 }, () => leases.acquire(request).lease?.id)
    expect(names).toContain((appended[1] as { requestId: string }).requestId)
  })

  test('is released when the last call on it has ended', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    const [one, other] = acquireTwo()
    leases.onCharged(one, { ...result, available: 0 }, performance.now())
    leases.returnSlot(one)
    leases.returnSlot(one)
    expect(kinds()).toEqual(['lease'])
    leases.returnSlot(other)
    expect(appended.at(-1)).toMatchObject({
      ...{ kind: 'release', endpoint: null, requestId: one.lease?.id },
    })
  })

  test('is for calls of the key as it was then, and is released when that has changed', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    const before = leases.acquire(request)
    const changed = { ...request, key: { ...request.key, keyVersion: 2 } }
    const after = Array.from({ length: 2 * minConcurrency }, () => leases.acquire(changed))
    expect(before.lease).toBeDefined()
    expect(after.filter(({ lease }) => lease)).toEqual([])
    for (const call of after) {
      leases.onDedicatedHold(call, changed.key, result, performance.now())
    }
    await Bun.sleep(0)
    expect(appended.at(-1)).toMatchObject({ kind: 'lease', keyVersion: 2 })
    expect(leases.acquire(request).lease).toBeUndefined()
    expect(leases.acquire(changed).lease).toBeDefined()
    leases.returnSlot(before)
    expect(appended.at(-1)).toMatchObject({ kind: 'release', requestId: before.lease?.id })
  })

  test('is released at once when the ledger did not charge a call on it', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    const [one, other] = acquireTwo()
    leases.onRejected(one)
    leases.onRejected(other)
    expect(kinds()).toEqual(['lease', 'release'])
    expect(leases.acquire(request).lease).toBeUndefined()
    for (const call of [one, other]) leases.returnSlot(call)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is split at once where a call takes its dedicated hold out of it', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    const [one, other] = acquireTwo()
    const first = one.lease?.id
    const held = leases.splitLease(one, dedicated('own'))
    const rest = other.lease?.id
    expect(appended.slice(1)).toMatchObject([
      { kind: 'release', endpoint: null, requestId: first },
      { kind: 'hold', endpoint: 'search', requestId: 'own' },
      { kind: 'lease', requestId: rest, slots: 1, credits: 2 },
    ])
    expect(await held).toEqual(result)
    expect(leases.acquire(request).lease).toBeUndefined()
    leases.returnSlot(one)
    expect(appended).toHaveLength(4)
    await leases.splitLease(other, dedicated('last'))
    expect(appended.slice(4)).toMatchObject([
      { kind: 'release', requestId: rest },
      { kind: 'hold', requestId: 'last' },
    ])
  })

  test('cannot be named while another is taken in its place', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    const [one, other] = acquireTwo()
    const held = leases.splitLease(one, dedicated('own'))
    expect(other.lease?.renewal).toBeDefined()
    leases.onRejected(other)
    expect(kinds()).toEqual(['lease', 'release', 'hold', 'lease'])
    await held
    await Bun.sleep(0)
    expect(other.lease?.renewal).toBeUndefined()
    expect(kinds()).toEqual(['lease', 'release', 'hold', 'lease', 'release'])
    expect(appended.at(-1)).toMatchObject({ requestId: other.lease?.id })
  })

  test('is released when the account has little left', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    const call = leases.acquire(request)
    leases.onCharged(call, { ...result, available: 200 }, performance.now())
    expect(leases.acquire(request).lease).toBeUndefined()
    expect(kinds()).toEqual(['lease'])
    leases.returnSlot(call)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is released for an account that was refused credits or concurrency, and not taken again soon', async () => {
    const before = callsOnDedicatedHolds(minConcurrency)
    await Bun.sleep(0)
    leases.releaseLeases({ ...request.key, keyId: 'sibling', mode: 'test' })
    expect(kinds()).toEqual(['lease'])
    leases.releaseLeases({ ...request.key, keyId: 'sibling' })
    expect(kinds()).toEqual(['lease', 'release'])
    for (const call of before) {
      leases.onDedicatedHold(call, request.key, result, performance.now())
    }
    expect(kinds()).toEqual(['lease', 'release'])
    expect(leases.acquire(request).lease).toBeUndefined()
  })

  test('is released when it was on its way while the account was refused', async () => {
    callsOnDedicatedHolds(minConcurrency)
    leases.releaseLeases(request.key)
    await Bun.sleep(0)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is released when the key falls idle', async () => {
    for (const call of callsOnDedicatedHolds(minConcurrency)) leases.returnSlot(call)
    await until(() => appended.length === 2)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is released when the gateway ends, also one that was on its way', async () => {
    callsOnDedicatedHolds(minConcurrency)
    await leases.close()
    await Bun.sleep(0)
    expect(kinds()).toEqual(['lease', 'release'])
    callsOnDedicatedHolds(minConcurrency)
    expect(kinds()).toEqual(['lease', 'release'])
  })
})
