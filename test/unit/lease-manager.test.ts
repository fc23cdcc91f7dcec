/** A gateway takes leases for keys that call often, calls run on them, and they are released. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { defaults } from '../../src/config/defaults.ts'
import type { LeaseRequest } from '../../src/gate/reservation/credit-lease.ts'
import { type CountedCall, LeaseManager } from '../../src/gate/reservation/lease-manager.ts'
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
  let nowMs = 1_000
  const clock = spyOn(performance, 'now')
  beforeAll(() => void clock.mockImplementation(() => nowMs))
  afterAll(() => clock.mockRestore())
  beforeEach(() => {
    appended = []
    verdict = 'ok'
    result = atFirst
    released = undefined
    const append = async (command: CallCommand) => {
      appended.push(command)
      if (command.kind === 'release') await released
      return { ...result, verdict }
    }
    const appendGroup = (commands: readonly CallCommand[]) => commands.map(append)
    leases = new LeaseManager(
      () => ({ append, appendGroup }) as unknown as Appender,
      { gateways: 1, limits: { ...defaults.limits, leaseIdleSeconds: 1 } },
      () => {},
    )
  })
  afterEach(() => leases.close())

  const atFirst: AppendResult = {
    ...{ verdict: 'ok', shard: 0, position: 1, available: 10_000 },
    ...{ sentAtMs: 0, recordedAt: new Date(0) },
  }
  let result = atFirst
  /** When releases are appended. undefined: at once. */
  let released: Promise<void> | undefined
  const request = {
    key: { keyId: 'k', keyVersion: 1, accountId: 'a', mode: 'live', shard: 0 } as KeyRecord,
    ...{ maxInFlight: 1_000, credits: 2, seconds: 60 },
  } satisfies LeaseRequest
  const dedicated = (requestId: string) =>
    ({ kind: 'hold', endpoint: 'search', requestId, keyVersion: 2, tariff: 'now' }) as Hold
  const kinds = () => appended.map(({ kind }) => kind)
  const acquireTwo = () => [leases.acquire(request), leases.acquire(request)] as const

  /** So many calls that take dedicated holds, and are under way. */
  function callsOnDedicatedHolds(calls: number): CountedCall[] {
    const counted = Array.from({ length: calls }, () => leases.acquire(request))
    for (const call of counted) {
      leases.onDedicatedHold(call, request.key, result, nowMs)
    }
    return counted
  }

  /** Calls of which each takes a lease if it can, and a hold of its own otherwise; the next begins so long after it. */
  async function callsOneAfterAnother(calls: number, everyMs: number): Promise<void> {
    for (let n = 0; n < calls; n++) {
      const call = leases.acquire(request)
      if (!call.lease) await leases.takeLease(call)
      if (!call.lease) leases.onDedicatedHold(call, request.key, result, nowMs)
      leases.returnSlot(call)
      nowMs += everyMs
    }
  }

  /** Ten calls in flight, of which the last one takes a lease and runs on it: of 15 slots and 30 credits. */
  async function lastOfTen(): Promise<CountedCall> {
    callsOnDedicatedHolds(9)
    const call = leases.acquire(request)
    await leases.takeLease(call)
    return call
  }

  /** A lease of 15 slots on which nothing runs. */
  async function unusedLease(): Promise<void> {
    leases.returnSlot(await lastOfTen())
  }

  test('is taken by the third call of a key, and serves it and the calls that come then', async () => {
    await callsOneAfterAnother(2, 100)
    expect(appended).toEqual([])
    const third = leases.acquire(request)
    await leases.takeLease(third)
    expect(appended).toMatchObject([{ kind: 'lease', slots: 2, credits: 4 }])
    expect(third.lease).toBeDefined()
    leases.returnSlot(third)
    const fourth = leases.acquire(request)
    expect(fourth.lease).toBe(third.lease)
    // What no call uses counts as available.
    expect(leases.onCharged(fourth, result, nowMs).available).toBe(10_004)
  })

  test('is not taken for a key that makes fewer than three calls in half of the time in which it would fall idle', async () => {
    await callsOneAfterAnother(12, 260)
    expect(appended).toEqual([])
    nowMs += 700
    // Two at once are no sign of more to come.
    for (let pair = 0; pair < 6; pair++) {
      await callsOneAfterAnother(2, 1)
      nowMs += 600
    }
    expect(appended).toEqual([])
    await callsOneAfterAnother(3, 240)
    expect(kinds()).toEqual(['lease'])
  })

  test('is for half as many calls again as are in flight', async () => {
    const last = await lastOfTen()
    expect(appended).toMatchObject([{ kind: 'lease', slots: 15, credits: 30 }])
    const after = Array.from({ length: 15 }, () => leases.acquire(request))
    expect(after.filter(({ lease }) => lease === last.lease)).toHaveLength(14)
  })

  test('is not taken for the first calls of a key, nor for one that called long ago', async () => {
    const calls = [leases.acquire(request), leases.acquire(request)]
    for (const call of calls) await leases.takeLease(call)
    for (const call of calls) {
      leases.onDedicatedHold(call, request.key, result, nowMs)
      leases.returnSlot(call)
    }
    nowMs += 700
    const later = leases.acquire(request)
    await leases.takeLease(later)
    expect(appended).toEqual([])
    expect(later.lease).toBeUndefined()
  })

  test('is not taken twice at once, and not soon again where the account has less than was thought', async () => {
    callsOnDedicatedHolds(2)
    verdict = 'concurrency_exceeded'
    const [one, other] = acquireTwo()
    await Promise.all([leases.takeLease(one), leases.takeLease(other)])
    expect(kinds()).toEqual(['lease'])
    expect(one.lease).toBeUndefined()
    verdict = 'ok'
    await leases.takeLease(other)
    expect(kinds()).toEqual(['lease'])
  })

  test('is followed by another one as the calls in flight grow', async () => {
    await lastOfTen()
    callsOnDedicatedHolds(29)
    const more = leases.acquire(request)
    await leases.takeLease(more)
    expect(appended).toMatchObject([{ slots: 15 }, { slots: 45 }])
    expect(more.lease?.id).toBe((appended[1] as { requestId: string }).requestId)
  })

  test('is released when the last call on it has ended', async () => {
    await unusedLease()
    const [one, other] = acquireTwo()
    leases.onCharged(one, { ...result, available: 0 }, nowMs)
    leases.returnSlot(one)
    leases.returnSlot(one)
    expect(kinds()).toEqual(['lease'])
    leases.returnSlot(other)
    expect(appended.at(-1)).toMatchObject({
      ...{ kind: 'release', endpoint: null, requestId: one.lease?.id },
    })
  })

  test('is for calls of the key as it was then, and is released when that has changed', async () => {
    await unusedLease()
    const before = leases.acquire(request)
    const changed = { ...request, key: { ...request.key, keyVersion: 2 } }
    const after = Array.from({ length: 20 }, () => leases.acquire(changed))
    expect(before.lease).toBeDefined()
    expect(after.filter(({ lease }) => lease)).toEqual([])
    for (const call of after) {
      leases.onDedicatedHold(call, changed.key, result, nowMs)
    }
    await leases.takeLease(leases.acquire(changed))
    expect(appended.at(-1)).toMatchObject({ kind: 'lease', keyVersion: 2 })
    expect(leases.acquire(request).lease).toBeUndefined()
    expect(leases.acquire(changed).lease).toBeDefined()
    leases.returnSlot(before)
    expect(appended.at(-1)).toMatchObject({ kind: 'release', requestId: before.lease?.id })
  })

  test('serves no other call when the ledger did not charge one on it, and stands for those that run on it', async () => {
    await unusedLease()
    const [one, other] = acquireTwo()
    leases.onRejected(one, 'stale_key')
    expect(leases.acquire(request).lease).toBeUndefined()
    leases.returnSlot(one)
    expect(kinds()).toEqual(['lease'])
    leases.returnSlot(other)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is released at once when the ledger says that it is gone', async () => {
    await unusedLease()
    const [one, other] = acquireTwo()
    for (const call of [one, other]) leases.onRejected(call, 'hold_not_open')
    expect(kinds()).toEqual(['lease', 'release'])
    expect(leases.acquire(request).lease).toBeUndefined()
    for (const call of [one, other]) leases.returnSlot(call)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is split at once where a call takes its dedicated hold out of it', async () => {
    await unusedLease()
    const [one, other] = acquireTwo()
    const first = one.lease?.id
    const held = leases.splitLease(one, dedicated('own'))
    const rest = other.lease?.id
    expect(appended.slice(1)).toMatchObject([
      { kind: 'release', endpoint: null, requestId: first },
      { kind: 'hold', endpoint: 'search', requestId: 'own' },
      { kind: 'lease', requestId: rest, slots: 1, credits: 2, keyVersion: 2, tariff: 'now' },
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
    await unusedLease()
    const [one, other] = acquireTwo()
    const held = leases.splitLease(one, dedicated('own'))
    expect(other.lease?.renewal).toBeDefined()
    leases.onRejected(other, 'hold_not_open')
    expect(kinds()).toEqual(['lease', 'release', 'hold', 'lease'])
    await held
    await Bun.sleep(0)
    expect(other.lease?.renewal).toBeUndefined()
    expect(kinds()).toEqual(['lease', 'release', 'hold', 'lease', 'release'])
    expect(appended.at(-1)).toMatchObject({ requestId: other.lease?.id })
  })

  test('is released when the account has little left', async () => {
    await unusedLease()
    const call = leases.acquire(request)
    leases.onCharged(call, { ...result, available: 200 }, nowMs)
    expect(leases.acquire(request).lease).toBeUndefined()
    expect(kinds()).toEqual(['lease'])
    leases.returnSlot(call)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is released for an account that was refused credits or concurrency, and not taken again soon', async () => {
    await unusedLease()
    expect(leases.releaseLeases({ ...request.key, keyId: 'sibling', mode: 'test' })).toBe(false)
    expect(kinds()).toEqual(['lease'])
    expect(leases.releaseLeases({ ...request.key, keyId: 'sibling' })).toBe(true)
    expect(kinds()).toEqual(['lease', 'release'])
    expect(leases.releaseLeases(request.key)).toBe(false)
    const call = leases.acquire(request)
    await leases.takeLease(call)
    expect(kinds()).toEqual(['lease', 'release'])
    expect(call.lease).toBeUndefined()
  })

  test('is released when it was on its way while the account was refused', async () => {
    const asked = lastOfTen()
    leases.releaseLeases(request.key)
    expect((await asked).lease).toBeUndefined()
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is released when its account has changed, or nobody knows which accounts have', async () => {
    await unusedLease()
    leases.onChanges(new Map([['b', 2]]), nowMs)
    expect(kinds()).toEqual(['lease'])
    leases.onChanges(new Map([['a', 2]]), nowMs)
    expect(kinds()).toEqual(['lease', 'release'])
    const call = leases.acquire(request)
    await leases.takeLease(call)
    leases.onChanges('all', nowMs)
    expect(leases.acquire(request).lease).toBeUndefined()
    leases.returnSlot(call)
    expect(kinds()).toEqual(['lease', 'release', 'lease', 'release'])
  })

  test('serves but the call that asked for it when its account changed while it was on its way', async () => {
    for (const change of [new Map([['a', 2]]), 'all'] as const) {
      const asked = lastOfTen()
      leases.onChanges(change, nowMs)
      const call = await asked
      expect(call.lease).toBeDefined()
      expect(leases.acquire(request).lease).toBeUndefined()
      leases.returnSlot(call)
      expect(kinds()).toEqual(['lease', 'release'])
      appended = []
    }
    const asked = lastOfTen()
    leases.onChanges(new Map([['a', 1]]), nowMs)
    const { lease } = await asked
    expect(lease).toBeDefined()
    expect(leases.acquire(request).lease).toBe(lease)
  })

  test('is released a hundred at a time where very many have to be, but at once where a call waits for it', async () => {
    const keys = Array.from({ length: 250 }, (_, n) => ({
      ...request.key,
      ...{ keyId: `k${n}`, accountId: `a${n}` },
    }))
    for (const key of keys) {
      for (let n = 0; n < 3; n++) {
        const call = leases.acquire({ ...request, key })
        if (n < 2) leases.onDedicatedHold(call, key, result, nowMs)
        else await leases.takeLease(call)
        leases.returnSlot(call)
      }
    }
    expect(appended).toHaveLength(keys.length)
    const idOf = (command: CallCommand) => ('requestId' in command ? command.requestId : '')
    const names = appended.map(idOf)
    const releases = () => appended.slice(keys.length).map(idOf)
    const pending = Promise.withResolvers<void>()
    released = pending.promise
    leases.onChanges('all', nowMs)
    expect(releases()).toHaveLength(100)
    const waits = names.findIndex((name) => !releases().includes(name))
    leases.releaseLeases(keys[waits] as KeyRecord)
    expect(releases()).toHaveLength(101)
    pending.resolve()
    await until(async () => releases().length === keys.length)
    expect(releases().sort()).toEqual(names.sort())
  })

  test('is kept when it was granted after its account had changed', async () => {
    result = { ...result, position: 3 }
    await unusedLease()
    leases.onChanges(new Map([['a', 2]]), nowMs)
    expect(kinds()).toEqual(['lease'])
    leases.onChanges(new Map([['a', 4]]), nowMs)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('serves as long as its key calls, while it is known that nothing has changed', async () => {
    callsOnDedicatedHolds(2)
    const first = leases.acquire(request)
    await leases.takeLease(first)
    leases.returnSlot(first)
    for (let i = 0; i < 4; i++) {
      nowMs += 400
      leases.onChanges(new Map(), nowMs)
      const call = leases.acquire(request)
      expect(call.lease).toBe(first.lease)
      leases.returnSlot(call)
    }
  })

  test('serves no call when nothing has been known of its key for a second', async () => {
    callsOnDedicatedHolds(2)
    const first = leases.acquire(request)
    await leases.takeLease(first)
    nowMs += 600
    expect(leases.acquire(request).lease).toBeDefined()
    nowMs += 500
    expect(leases.acquire(request).lease).toBeUndefined()
  })

  test('is released when the key falls idle', async () => {
    for (const call of [...callsOnDedicatedHolds(9), await lastOfTen()]) leases.returnSlot(call)
    nowMs += 501
    await until(() => appended.length === 2)
    expect(kinds()).toEqual(['lease', 'release'])
  })

  test('is released when the gateway ends, also one that was on its way', async () => {
    const asked = lastOfTen()
    await leases.close()
    expect((await asked).lease).toBeUndefined()
    expect(kinds()).toEqual(['lease', 'release'])
    await leases.takeLease(leases.acquire(request))
    expect(kinds()).toEqual(['lease', 'release'])
  })
})
