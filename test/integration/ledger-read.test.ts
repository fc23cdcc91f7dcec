/** What the gate reads from the ledger. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readKeyByHash } from '../../src/ledger/read/read-key-by-hash.ts'
import { readOverdueHolds } from '../../src/ledger/read/read-overdue-holds.ts'
import { readTariffInForce } from '../../src/ledger/read/read-tariffs.ts'
import { type Ledger, openLedger, testTariff } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

describe('a key is found by the hash of its secret', () => {
  test('with the versions, plan and tariff that a hold will be decided by', async () => {
    const account = await ledger.account({ plan: 'pro' })
    const key = await ledger.key(account, { monthlyCap: 7, endpoints: ['search'], rateLimit: 3 })
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: 5, maxInFlight: 9 })
    expect(await readKeyByHash(ledger.sql, key.hash)).toMatchObject({
      ...{ keyId: key.keyId, accountId: account.accountId, mode: 'live', plan: 'pro' },
      ...{ keyVersion: 1, accountVersion: 3, enabled: true, revokedAt: null, frozen: false },
      ...{ monthlyCap: 7, endpoints: ['search'], keyRateLimit: 3, previousUntil: null },
      ...{ accountRateLimit: 5, maxInFlight: 9, tariff: key.tariff(), readAt: ledger.now },
    })
    expect(await readKeyByHash(ledger.sql, '0'.repeat(64))).toBeUndefined()
  })

  test('also when it was revoked, and by an account that is frozen or erased', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.change(account, 'AccountFrozen')
    expect(await readKeyByHash(ledger.sql, key.hash)).toMatchObject({
      frozen: true,
      revokedAt: null,
    })
    await ledger.change(account, 'AccountUnfrozen')
    await ledger.change(account, 'AccountErased')
    await ledger.change(key, 'KeyRevoked')
    const erased = { frozen: true, revokedAt: ledger.now, accountSecret: null }
    expect(await readKeyByHash(ledger.sql, key.hash)).toMatchObject(erased)
  })

  test('by the secret from before a rotation as long as it has a grace, and not without one', async () => {
    const key = await ledger.key(await ledger.account())
    const previousUntil = new Date(ledger.now.getTime() + 60_000)
    const rotated = { hash: 'a'.repeat(64), display: 'sk_live_…aaaa', previousHash: key.hash }
    await ledger.change(key, 'KeyRotated', {
      ...rotated,
      previousUntil: previousUntil.toISOString(),
    })
    expect(await readKeyByHash(ledger.sql, key.hash)).toMatchObject({
      keyVersion: 2,
      previousUntil,
    })
    const fresh = { keyVersion: 2, previousUntil: null }
    expect(await readKeyByHash(ledger.sql, rotated.hash)).toMatchObject(fresh)
    await ledger.change(key, 'KeyRotated', {
      ...{ hash: 'b'.repeat(64), display: 'sk_live_…bbbb' },
      ...{ previousHash: rotated.hash, previousUntil: null },
    })
    expect(await readKeyByHash(ledger.sql, rotated.hash)).toBeUndefined()
    expect(await readKeyByHash(ledger.sql, key.hash)).toBeUndefined()
  })
})

test('overdue holds are those whose time is over, the longest overdue first', async () => {
  const key = await ledger.key(await ledger.account())
  const { hold: later } = await ledger.hold(key, 1, { holdSeconds: 20 })
  const { hold: sooner } = await ledger.hold(key, 1, { holdSeconds: 10 })
  await ledger.hold(key, 1, { holdSeconds: 3_600 })
  const overdue = async (most: number) =>
    (await readOverdueHolds(ledger.sql, 0, most)).map((hold) => hold.requestId)
  expect(await overdue(10)).toEqual([])
  await ledger.advance(21_000)
  expect(await overdue(10)).toEqual([sooner.requestId, later.requestId])
  expect(await overdue(1)).toEqual([sooner.requestId])
  for (const hold of await readOverdueHolds(ledger.sql, 0, 10)) {
    expect((await ledger.append({ kind: 'expire', actor: 'gateway', ...hold })).verdict).toBe('ok')
  }
  expect(await overdue(10)).toEqual([])
})

test('the tariff in force is the latest that has begun, the last published of several', async () => {
  const later = await openLedger({ tariff: null })
  const inForce = () => readTariffInForce(later.sql)
  const withPlan = (name: string) => {
    const plans = { ...testTariff.plans, [name]: testTariff.plans.free }
    return { ...testTariff, plans } as typeof testTariff
  }
  expect(await inForce()).toBeNull()
  const first = await later.publish(testTariff)
  const from = new Date(later.now.getTime() + 60_000)
  const second = await later.publish(withPlan('b'), from)
  const third = await later.publish(withPlan('c'), from)
  expect(await inForce()).toBe(first)
  await later.travelTo(from)
  expect(await inForce()).toBe(third)
  expect(second).not.toBe(third)
  await later.close()
})
