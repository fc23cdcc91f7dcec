/** Leases: many calls run on one, and each of them is charged at its end, by a decision like that of a hold. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { expireHolds } from '../../src/ledger/append/expiry.ts'
import { catchUp } from '../../src/projector/catch-up.ts'
import { lookUpCharge } from '../../src/reports/charge/charge-lookup.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import {
  chargeOnLeaseCommand,
  extendCommand,
  holdCommand,
  leaseCommand,
  releaseCommand,
  settleCommand,
  voidOnLeaseCommand,
} from '../support/gateway.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(async () => {
  await catchUp(ledger.sql, [0])
  expect(breachesOf(await readLog(ledger.sql))).toEqual([])
  expect(await compareWithProjections(ledger.sql)).toEqual([])
  await ledger.close()
})

/** A new key of a new account with 100 credits, and a lease of the key with three slots. */
async function openLease(credits = 30, options: Parameters<Ledger['key']>[1] = {}) {
  const account = await ledger.account()
  const key = await ledger.key(account, options)
  const lease = leaseCommand(key, credits, 3)
  expect((await ledger.append(lease)).verdict).toBe('ok')
  return { account, key, lease }
}

const charge = (key: TestKey, lease: { requestId: string }, credits = 1, more = {}) =>
  ledger.append(chargeOnLeaseCommand(key, lease, credits, more))

/** A refusal leaves the log as it is. */
async function refused(appended: Promise<{ verdict: string; available: number }>, verdict: string) {
  const before = await ledger.size()
  const result = await appended
  expect(result.verdict).toBe(verdict)
  expect(await ledger.size()).toBe(before)
  return result
}

async function balanceOf({ accountId }: TestKey) {
  const [row] = await ledger.sql`
    select b.open_holds, sum(l.held)::bigint as held, sum(l.settled)::bigint as settled
    from balances b join lots l using (account_id, mode, shard)
    where account_id = ${accountId} group by b.open_holds`
  return row
}

describe('a call that ran on a lease', () => {
  test('is held and settled by one event, from what is free, and leaves the lease as it is', async () => {
    const { key, lease } = await openLease(30)
    expect(await balanceOf(key)).toEqual({ open_holds: 3, held: 30, settled: 0 })
    const charged = chargeOnLeaseCommand(key, lease, 4)
    expect(await ledger.append(charged)).toMatchObject({ verdict: 'ok', available: 66 })
    expect(await charge(key, lease, 30)).toMatchObject({ verdict: 'ok', available: 36 })
    expect(await balanceOf(key)).toEqual({ open_holds: 3, held: 30, settled: 34 })
    const events = await ledger.sql`
      select type, credits, held, moved, payload from events where request_id = ${charged.requestId}`
    expect([...events]).toEqual([
      {
        ...{ type: 'HoldSettled', credits: 4, held: null, moved: [4] },
        payload: { lease: lease.requestId, keyVersion: 1 },
      },
    ])
    expect(await ledger.release(lease)).toMatchObject({ verdict: 'ok', available: 66 })
    expect(await balanceOf(key)).toEqual({ open_holds: 0, held: 0, settled: 34 })
  })

  test('can be charged at the concurrency limit of the account, and 0 credits', async () => {
    const { key, lease, account } = await openLease()
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 3 })
    await refused(ledger.hold(key, 1), 'concurrency_exceeded')
    expect((await charge(key, lease)).verdict).toBe('ok')
    expect((await charge(key, lease, 0)).verdict).toBe('ok')
  })

  test('is not charged to a key that may not buy any more, as it would not be held', async () => {
    const { key, lease } = await openLease()
    await refused(charge(key, lease, 1, { keyVersion: 0 }), 'stale_key')
    await refused(charge(key, lease, 1, { accountVersion: 1 }), 'stale_key')
    await ledger.change(key, 'KeyDisabled')
    await refused(charge(key, lease), 'key_disabled')
    await ledger.change(key, 'KeyEnabled')
    await ledger.change(key.account, 'AccountFrozen')
    await refused(charge(key, lease), 'account_frozen')
    await ledger.change(key.account, 'AccountUnfrozen')
    expect((await charge(key, lease)).verdict).toBe('ok')
    await ledger.change(key, 'KeyRevoked')
    await refused(charge(key, lease), 'key_revoked')
    // The lease can be released all the same.
    expect((await ledger.release(lease)).verdict).toBe('ok')
  })

  test('is not charged to a key that expired, or by a secret whose grace is over', async () => {
    const in1s = new Date(ledger.now.getTime() + 1_000).toISOString()
    const { key, lease } = await openLease(30, { expiresAt: in1s })
    const rotated = await openLease()
    const { hash: previousHash } = rotated.key
    await ledger.change(rotated.key, 'KeyRotated', {
      ...{ hash: Bun.SHA256.hash('new', 'hex'), display: 'new' },
      ...{ previousHash, previousUntil: in1s },
    })
    const old = { previousSecret: true }
    expect((await charge(rotated.key, rotated.lease, 1, old)).verdict).toBe('ok')
    await ledger.advance(1_000)
    await refused(charge(key, lease), 'key_expired')
    await refused(charge(rotated.key, rotated.lease, 1, old), 'key_expired')
    expect((await charge(rotated.key, rotated.lease)).verdict).toBe('ok')
  })

  test('is not charged at a tariff that is not in force any more, though the lease was taken at that', async () => {
    const { key, lease } = await openLease()
    const before = key.tariff()
    await ledger.publish({ ...testTariff, prices: { search: { per: 'request', credits: 2 } } })
    await refused(charge(key, lease, 1, { tariff: before }), 'stale_tariff')
    expect((await charge(key, lease, 2)).verdict).toBe('ok')
    await ledger.publish(testTariff)
  })

  test('is charged no more than is free or on the lease, and on no lease of another key', async () => {
    const { key, lease } = await openLease(60)
    await refused(charge(key, lease, 61), 'exceeds_hold')
    expect((await charge(key, lease, 39)).available).toBe(1)
    expect((await refused(charge(key, lease, 2), 'insufficient_credits')).available).toBe(1)
    const other = await openLease()
    await refused(charge(other.key, lease), 'hold_not_open')
    await refused(charge(key, other.lease), 'hold_not_open')
    const sibling = await ledger.key(key.account)
    await refused(charge(sibling, lease), 'hold_not_open')
    const { hold: ordinary } = await ledger.hold(other.key, 5)
    await refused(charge(other.key, ordinary), 'hold_not_open')
    await ledger.release(lease)
    await refused(charge(key, lease), 'hold_not_open')
  })

  test('that is not charged ends with an event that moves nothing', async () => {
    const { key, lease } = await openLease()
    const failed = voidOnLeaseCommand(key, lease)
    expect(await ledger.append(failed)).toMatchObject({ verdict: 'ok', available: 70 })
    expect(await balanceOf(key)).toEqual({ open_holds: 3, held: 30, settled: 0 })
    expect(await lookUpCharge(ledger.sql, failed.requestId)).toMatchObject({
      ...{ status: 'released', credits: 0, reason: 'upstream_failed', onLease: true },
    })
    await ledger.release(lease)
    await refused(ledger.append(voidOnLeaseCommand(key, lease)), 'hold_not_open')
  })

  test('counts in its own month, and is paid from lots of that', async () => {
    await ledger.travelTo('2030-09-30T23:59:59Z')
    const { key, lease } = await openLease(40)
    expect((await charge(key, lease, 1)).available).toBe(59)
    await ledger.travelTo('2030-10-01T00:00:01Z')
    const charged = chargeOnLeaseCommand(key, lease, 1)
    // The month's allowance is granted when it is first needed. What the lease holds of the last one lapses.
    expect((await ledger.append(charged)).available).toBe(99)
    await catchUpAll(ledger.sql)
    const months = await ledger.sql`
      select to_char(month, 'YYYY-MM') as month, calls, settled, held from monthly_balances
      where key_id = ${key.keyId} order by 1`
    expect([...months]).toEqual([
      { month: '2030-09', calls: 1, settled: 1, held: 40 },
      { month: '2030-10', calls: 1, settled: 1, held: 0 },
    ])
    expect((await ledger.release(lease)).available).toBe(99)
  })

  test('is a request of its day, and its lease is none', async () => {
    const { key, lease } = await openLease()
    await charge(key, lease, 2)
    await ledger.append(voidOnLeaseCommand(key, lease))
    await ledger.release(lease)
    await catchUp(ledger.sql, [0])
    const days = await ledger.sql`
      select endpoint, requests, errors, credits from daily_usage where key_id = ${key.keyId}`
    expect([...days]).toEqual([{ endpoint: 'search', requests: 2, errors: 1, credits: 2 }])
  })

  test('is a charge like any other: found by its id, and refunded to the lots that it came from', async () => {
    const { key, lease } = await openLease()
    const charged = chargeOnLeaseCommand(key, lease, 5)
    const { position } = await ledger.append(charged)
    const { requestId } = charged
    expect(await lookUpCharge(ledger.sql, requestId)).toMatchObject({
      ...{ status: 'settled', credits: 5, heldCredits: 5, endpoint: 'search', onLease: true },
      positions: { held: `0-${position - 1}`, settled: `0-${position}` },
    })
    expect(await lookUpCharge(ledger.sql, lease.requestId)).toBeUndefined()
    expect((await ledger.commands.refund(0, { requestId, actor: 'test' })).verdict).toBe('ok')
    expect((await charge(key, lease, 1)).available).toBe(69)
  })
})

describe('a lease', () => {
  test('counts as so many calls in flight as it has slots, until it is released', async () => {
    const { key, account, lease } = await openLease()
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 5 })
    await refused(ledger.append(leaseCommand(key, 3, 3)), 'concurrency_exceeded')
    expect((await ledger.append(leaseCommand(key, 2, 2))).verdict).toBe('ok')
    await refused(ledger.hold(key, 1), 'concurrency_exceeded')
    await ledger.release(lease)
    expect((await ledger.append(leaseCommand(key, 3, 3))).verdict).toBe('ok')
    await refused(ledger.hold(key, 1), 'concurrency_exceeded')
  })

  test('frees its slots for what follows in the same batch, and no more', async () => {
    const { key, account, lease } = await openLease()
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 3 })
    const producer = await openProducer(ledger.sql)
    const holds = Array.from({ length: 4 }, () => holdCommand(key, 1))
    expect(await producer.verdicts([holdCommand(key, 1), releaseCommand(lease), ...holds])).toEqual(
      [...['concurrency_exceeded', 'ok', 'ok', 'ok', 'ok', 'concurrency_exceeded']] as never,
    )
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 6 })
    const more = [
      leaseCommand(key, 1, 4),
      leaseCommand(key, 1, 2),
      holdCommand(key, 1),
      holdCommand(key, 1),
    ]
    expect(await producer.verdicts(more)).toEqual([
      ...(['concurrency_exceeded', 'ok', 'ok', 'concurrency_exceeded'] as const),
    ])
  })

  test('keeps what would be spent last, so that what expires first is spent first', async () => {
    const account = await ledger.account({ plan: 'none' })
    const key = await ledger.key(account)
    const soon = new Date(ledger.now.getTime() + 60_000).toISOString()
    await ledger.grant(account, 10, { expiresAt: soon })
    await ledger.grant(account, 10)
    const lease = leaseCommand(key, 12, 4)
    await ledger.append(lease)
    const [first, second] = await ledger.sql`
      select held from lots where account_id = ${account.accountId} order by lot`
    expect([first?.held, second?.held]).toEqual([2, 10])
    expect((await charge(key, lease, 8)).available).toBe(0)
    const [spent] = await ledger.sql`
      select settled from lots where account_id = ${account.accountId} order by lot limit 1`
    expect(spent?.settled).toBe(8)
  })

  test('is neither extended nor settled: calls on it are charged', async () => {
    const { key, lease } = await openLease()
    const ofCall = { ...lease, endpoint: 'search' }
    await refused(ledger.append(extendCommand(key, ofCall, 1)), 'hold_not_open')
    await refused(ledger.append(settleCommand(ofCall, 1)), 'hold_not_open')
    expect((await ledger.release(lease)).verdict).toBe('ok')
  })

  test('of a gateway that died is expired by any other, once, and nothing is charged on it then', async () => {
    const { key, lease } = await openLease()
    expect((await charge(key, lease)).verdict).toBe('ok')
    await refused(ledger.expire(lease), 'hold_not_due')
    await ledger.advance(60_001)
    expect(await expireHolds(ledger.sql, 0, ledger.appender)).toBeGreaterThanOrEqual(1)
    const ends = await ledger.sql`
      select type, endpoint, quantity, slots, credits from events
      where request_id = ${lease.requestId} order by position desc limit 1`
    expect([...ends]).toEqual([
      { type: 'HoldExpired', endpoint: null, quantity: null, slots: 3, credits: 30 },
    ])
    expect(await balanceOf(key)).toEqual({ open_holds: 0, held: 0, settled: 1 })
    await refused(charge(key, lease), 'hold_not_open')
  })
})

test('in one batch, each call is decided after what came before it', async () => {
  const { key, lease } = await openLease(60)
  const producer = await openProducer(ledger.sql)
  const verdicts = await producer.verdicts([
    chargeOnLeaseCommand(key, lease, 30),
    // Ten are left.
    chargeOnLeaseCommand(key, lease, 11),
    holdCommand(key, 4),
    chargeOnLeaseCommand(key, lease, 7),
    chargeOnLeaseCommand(key, lease, 6),
    releaseCommand(lease),
    chargeOnLeaseCommand(key, lease, 1),
    voidOnLeaseCommand(key, lease),
    holdCommand(key, 60),
    holdCommand(key, 1),
  ])
  expect(verdicts).toEqual([
    ...(['ok', 'insufficient_credits', 'ok', 'insufficient_credits', 'ok'] as const),
    ...(['ok', 'hold_not_open', 'hold_not_open', 'ok', 'insufficient_credits'] as const),
  ])
})
