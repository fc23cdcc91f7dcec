/** Every verdict by name, with what its result says about position and credits. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  countCommand,
  expireCommand,
  holdCommand,
  releaseCommand,
  settleCommand,
} from '../support/gateway.ts'
import { type Ledger, openLedger, testTariff } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

/** A refusal leaves the log as it is, and names the position that it was decided at. */
async function refused(appended: Promise<{ verdict: string; position: number }>, verdict: string) {
  const before = await ledger.size()
  const result = await appended
  expect(result.verdict).toBe(verdict)
  expect(result.position).toBe(before)
  expect(await ledger.size()).toBe(before)
  return result
}

describe('a hold', () => {
  test('is ok, and says what is available after it', async () => {
    const key = await ledger.key(await ledger.account())
    const before = await ledger.size()
    const result = await ledger.hold(key, 30)
    expect(result.verdict).toBe('ok')
    expect(result.available).toBe(70)
    // The month's allowance came first.
    expect(result.position).toBe(before + 2)
    expect(result.recordedAt).toEqual(ledger.now)
    expect((await ledger.hold(key, 30)).available).toBe(40)
  })

  test('is stale_key when the key has changed, is unknown, or is of another account or mode', async () => {
    const key = await ledger.key(await ledger.account())
    const other = await ledger.account()
    const { version } = key
    await ledger.change(key, 'KeyUpdated', { endpoints: ['search'] })
    await refused(ledger.hold(key, 1, { keyVersion: version }), 'stale_key')
    await refused(ledger.hold(key, 1, { keyId: 'key_unknown' }), 'stale_key')
    await refused(ledger.hold(key, 1, { accountId: 'acc_unknown' }), 'stale_key')
    await refused(ledger.hold(key, 1, { accountId: other.accountId }), 'stale_key')
    await refused(ledger.hold(key, 1, { mode: 'test' }), 'stale_key')
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
  })

  test('is stale_key when the account has changed', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    const accountVersion = account.version
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: 5, maxInFlight: null })
    await refused(ledger.hold(key, 1, { accountVersion }), 'stale_key')
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
  })

  test('is key_revoked after the revocation, whatever else changes later', async () => {
    const key = await ledger.key(await ledger.account())
    await ledger.change(key, 'KeyRevoked')
    await refused(ledger.hold(key, 1), 'key_revoked')
    await ledger.change(key, 'KeyEnabled')
    await refused(ledger.hold(key, 1), 'key_revoked')
  })

  test('is key_disabled until the key is enabled again', async () => {
    const key = await ledger.key(await ledger.account())
    await ledger.change(key, 'KeyDisabled')
    await refused(ledger.hold(key, 1), 'key_disabled')
    await ledger.change(key, 'KeyEnabled')
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
  })

  test('is key_expired from the very time of expiry', async () => {
    const expiresAt = new Date(ledger.now.getTime() + 1_000)
    const key = await ledger.key(await ledger.account(), { expiresAt: expiresAt.toISOString() })
    await ledger.advance(999)
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
    await ledger.advance(1)
    await refused(ledger.hold(key, 1), 'key_expired')
  })

  test('is key_expired for the secret from before a rotation, once its grace is over', async () => {
    const key = await ledger.key(await ledger.account())
    const previousUntil = new Date(ledger.now.getTime() + 1_000).toISOString()
    const rotated = { hash: 'c'.repeat(64), display: 'sk_live_…cccc' }
    await ledger.change(key, 'KeyRotated', { ...rotated, previousHash: key.hash, previousUntil })
    expect((await ledger.hold(key, 1, { previousSecret: true })).verdict).toBe('ok')
    await ledger.advance(1_000)
    await refused(ledger.hold(key, 1, { previousSecret: true }), 'key_expired')
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
  })

  test('is key_expired for the secret from before a rotation that gave no grace', async () => {
    const key = await ledger.key(await ledger.account())
    const rotated = { hash: 'd'.repeat(64), display: 'sk_live_…dddd' }
    await ledger.change(key, 'KeyRotated', {
      ...{ ...rotated, previousHash: key.hash, previousUntil: null },
    })
    await refused(ledger.hold(key, 1, { previousSecret: true }), 'key_expired')
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
  })

  test('is account_frozen until the account is unfrozen, and for ever when it is erased', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.change(account, 'AccountFrozen')
    await refused(ledger.hold(key, 1), 'account_frozen')
    await ledger.change(account, 'AccountUnfrozen')
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
    await ledger.change(account, 'AccountErased')
    await refused(ledger.hold(key, 1), 'account_frozen')
  })

  test('is concurrency_exceeded at the limit of the plan, or of the account where it has one', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 2 })
    const { hold } = await ledger.hold(key, 1)
    await ledger.hold(key, 1)
    await refused(ledger.hold(key, 1), 'concurrency_exceeded')
    await ledger.release(hold)
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
    await refused(ledger.hold(key, 1), 'concurrency_exceeded')
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: null })
    expect((await ledger.hold(key, 1)).verdict).toBe('ok')
  })

  test('is concurrency_exceeded on a plan that the tariff does not know', async () => {
    const account = await ledger.account({ plan: 'forgotten' })
    await ledger.grant(account, 10)
    const key = await ledger.key(account)
    expect((await refused(ledger.hold(key, 1), 'concurrency_exceeded')).verdict).toBe(
      'concurrency_exceeded',
    )
  })

  test('is key_cap_reached with what the cap still allows', async () => {
    const key = await ledger.key(await ledger.account(), { monthlyCap: 10 })
    const { hold } = await ledger.hold(key, 8)
    const result = await ledger.hold(key, 3)
    expect(result).toMatchObject({ verdict: 'key_cap_reached', available: 2 })
    await ledger.settle(hold, 5)
    expect((await ledger.hold(key, 6)).verdict).toBe('key_cap_reached')
    expect((await ledger.hold(key, 5)).verdict).toBe('ok')
    expect(await ledger.hold(key, 1)).toMatchObject({ verdict: 'key_cap_reached', available: 0 })
  })

  test('is key_cap_reached for any call of a key that may spend nothing', async () => {
    const key = await ledger.key(await ledger.account(), { monthlyCap: 0 })
    expect(await ledger.hold(key, 1)).toMatchObject({ verdict: 'key_cap_reached', available: 0 })
  })

  test('is insufficient_credits with what is available', async () => {
    const key = await ledger.key(await ledger.account())
    expect((await ledger.hold(key, 98)).available).toBe(2)
    const before = await ledger.size()
    const result = await ledger.hold(key, 3)
    expect(result).toMatchObject({ verdict: 'insufficient_credits', available: 2 })
    expect(result.position).toBe(before)
    expect((await ledger.hold(key, 2)).verdict).toBe('ok')
    expect(await ledger.hold(key, 1)).toMatchObject({
      verdict: 'insufficient_credits',
      available: 0,
    })
  })

  test('that is refused appends nothing, nor does the allowance that it would have drawn on', async () => {
    const key = await ledger.key(await ledger.account(), { monthlyCap: 50 })
    expect(await refused(ledger.hold(key, 101), 'key_cap_reached')).toMatchObject({ available: 50 })
    const uncapped = await ledger.key(key.account)
    const result = await refused(ledger.hold(uncapped, 101), 'insufficient_credits')
    expect(result).toMatchObject({ available: 100 })
    expect(await ledger.hold(uncapped, 100)).toMatchObject({ verdict: 'ok', available: 0 })
  })
})

describe('what resolves a hold', () => {
  test('frees what was not used', async () => {
    const key = await ledger.key(await ledger.account())
    const held = await ledger.hold(key, 30)
    expect(await ledger.settle(held.hold, 10)).toMatchObject({ verdict: 'ok', available: 90 })
    const { hold } = await ledger.hold(key, 30)
    expect(await ledger.release(hold)).toMatchObject({ verdict: 'ok', available: 90 })
  })

  test('is hold_not_open when the hold was resolved, never was, or is of another key or account', async () => {
    const key = await ledger.key(await ledger.account())
    const sibling = await ledger.key(key.account)
    const stranger = await ledger.key(await ledger.account())
    const { hold } = await ledger.hold(key, 10)
    await refused(ledger.settle({ ...hold, keyId: sibling.keyId }, 1), 'hold_not_open')
    await refused(ledger.settle({ ...hold, accountId: stranger.accountId }, 1), 'hold_not_open')
    await refused(ledger.settle({ ...hold, mode: 'test' }, 1), 'hold_not_open')
    await refused(ledger.settle({ ...hold, requestId: 'unknown' }, 1), 'hold_not_open')
    await ledger.settle(hold, 1)
    await refused(ledger.settle(hold, 1), 'hold_not_open')
    await refused(ledger.release(hold), 'hold_not_open')
    await refused(ledger.expire(hold), 'hold_not_open')
  })

  test('is exceeds_hold when more was used than held, and the hold stays open', async () => {
    const key = await ledger.key(await ledger.account())
    const { hold } = await ledger.hold(key, 10)
    await refused(ledger.settle(hold, 11), 'exceeds_hold')
    expect((await ledger.settle(hold, 10)).verdict).toBe('ok')
  })

  test('is hold_not_due before the hold has expired, and ok from then on', async () => {
    const key = await ledger.key(await ledger.account())
    const { hold } = await ledger.hold(key, 10, { holdSeconds: 5 })
    await ledger.advance(4_999)
    await refused(ledger.expire(hold), 'hold_not_due')
    await ledger.advance(1)
    expect(await ledger.expire(hold)).toMatchObject({ verdict: 'ok', available: 100 })
  })

  test('may be a revoked key’s: what was held before the revocation still settles', async () => {
    const key = await ledger.key(await ledger.account())
    const { hold } = await ledger.hold(key, 10)
    await ledger.change(key, 'KeyRevoked')
    expect((await ledger.settle(hold, 10)).verdict).toBe('ok')
  })
})

describe('calls of price 0', () => {
  test('are counted for a key of the account, even one that was revoked meanwhile', async () => {
    const key = await ledger.key(await ledger.account())
    await ledger.change(key, 'KeyRevoked')
    expect((await ledger.count(key, 3)).verdict).toBe('ok')
  })

  test('are stale_key for a key that the account does not have', async () => {
    const key = await ledger.key(await ledger.account())
    const stranger = await ledger.account()
    await refused(ledger.count(key, 3, { accountId: stranger.accountId }), 'stale_key')
    await refused(ledger.count(key, 3, { keyId: 'key_unknown' }), 'stale_key')
    await refused(ledger.count(key, 3, { mode: 'test' }), 'stale_key')
  })
})

describe('a tariff', () => {
  test('makes stale what was priced by another, from the time it is in force', async () => {
    const later = await openLedger()
    const key = await later.key(await later.account())
    const old = key.tariff()
    const plans = { ...testTariff.plans, extra: testTariff.plans.free }
    const from = new Date(later.now.getTime() + 60_000)
    const hash = await later.publish({ ...testTariff, plans } as typeof testTariff, from)
    expect((await later.hold(key, 1, { tariff: hash })).verdict).toBe('stale_tariff')
    expect((await later.hold(key, 1, { tariff: old })).verdict).toBe('ok')
    await later.travelTo(from)
    expect((await later.hold(key, 1, { tariff: old })).verdict).toBe('stale_tariff')
    expect((await later.hold(key, 1, { tariff: hash })).verdict).toBe('ok')
    await later.close()
  })
})

test('an empty ledger holds nothing: no tariff is in force', async () => {
  const empty = await openLedger({ tariff: null })
  const key = await empty.key(await empty.account())
  const result = await empty.hold(key, 1, { tariff: 'f'.repeat(64) })
  expect(result).toMatchObject({ verdict: 'stale_tariff', available: 0 })
  await empty.close()
})

describe('refusals have an order: who, then how much', () => {
  test('a revoked key of a frozen account without credits is refused because it is revoked', async () => {
    const account = await ledger.account({ plan: 'none' })
    const key = await ledger.key(account, { monthlyCap: 0 })
    await ledger.change(account, 'AccountFrozen')
    await ledger.change(key, 'KeyDisabled')
    await refused(ledger.hold(key, 1), 'key_disabled')
    await ledger.change(key, 'KeyRevoked')
    await refused(ledger.hold(key, 1), 'key_revoked')
  })
})

test('every kind of command reaches the ledger through one appender at once', async () => {
  const key = await ledger.key(await ledger.account())
  const [a, b, c] = await Promise.all([
    ledger.hold(key, 5),
    ledger.hold(key, 5),
    ledger.hold(key, 5),
  ])
  await ledger.advance(60_000)
  const results = await Promise.all(
    [
      settleCommand(a.hold, 5, { shortfall: 2, terminatedBy: 'client' }),
      releaseCommand(b.hold, { status: 502, reason: 'upstream said "no"' }),
      expireCommand(c.hold),
      countCommand(key, 4, { errors: 1 }),
      holdCommand(key, 1),
    ].map(ledger.append),
  )
  expect(results.map((result) => result.verdict)).toEqual(Array(5).fill('ok'))
  const positions = results.map((result) => result.position)
  expect(positions).toEqual([0, 1, 2, 3, 4].map((i) => (positions[0] as number) + i))
})
