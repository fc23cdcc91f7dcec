/** Every answer of the book by name, with what it says about position and credits. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Book, openBook, testTariff } from '../support/book.ts'
import { countItem, expireItem, holdItem, releaseItem, settleItem } from '../support/gateway.ts'

let book: Book
beforeAll(async () => {
  book = await openBook()
})
afterAll(() => book.close())

/** What a refusal must leave as it was: the log, and the answer names the position it was decided at. */
async function refused(answer: Promise<{ verdict: string; position: number }>, verdict: string) {
  const before = await book.size()
  const given = await answer
  expect(given.verdict).toBe(verdict)
  expect(given.position).toBe(before)
  expect(await book.size()).toBe(before)
  return given
}

describe('a hold', () => {
  test('is ok, and answers what is available after it', async () => {
    const key = await book.key(await book.account())
    const before = await book.size()
    const answer = await book.hold(key, 30)
    expect(answer.verdict).toBe('ok')
    expect(answer.available).toBe(70)
    // The month's allowance came first.
    expect(answer.position).toBe(before + 2)
    expect(answer.recordedAt).toEqual(book.now)
    expect((await book.hold(key, 30)).available).toBe(40)
  })

  test('is stale_key when the key has changed, is unknown, or is of another account or mode', async () => {
    const key = await book.key(await book.account())
    const other = await book.account()
    const { version } = key
    await book.change(key, 'KeyUpdated', { endpoints: ['search'] })
    await refused(book.hold(key, 1, { keyVersion: version }), 'stale_key')
    await refused(book.hold(key, 1, { keyId: 'key_unknown' }), 'stale_key')
    await refused(book.hold(key, 1, { accountId: 'acc_unknown' }), 'stale_key')
    await refused(book.hold(key, 1, { accountId: other.accountId }), 'stale_key')
    await refused(book.hold(key, 1, { mode: 'test' }), 'stale_key')
    expect((await book.hold(key, 1)).verdict).toBe('ok')
  })

  test('is stale_key when the account has changed', async () => {
    const account = await book.account()
    const key = await book.key(account)
    const accountVersion = account.version
    await book.change(account, 'AccountLimitsChanged', { rateLimit: 5, maxInFlight: null })
    await refused(book.hold(key, 1, { accountVersion }), 'stale_key')
    expect((await book.hold(key, 1)).verdict).toBe('ok')
  })

  test('is key_revoked after the revocation, whatever else changes later', async () => {
    const key = await book.key(await book.account())
    await book.change(key, 'KeyRevoked')
    await refused(book.hold(key, 1), 'key_revoked')
    await book.change(key, 'KeyEnabled')
    await refused(book.hold(key, 1), 'key_revoked')
  })

  test('is key_disabled until the key is enabled again', async () => {
    const key = await book.key(await book.account())
    await book.change(key, 'KeyDisabled')
    await refused(book.hold(key, 1), 'key_disabled')
    await book.change(key, 'KeyEnabled')
    expect((await book.hold(key, 1)).verdict).toBe('ok')
  })

  test('is key_expired from the very time of expiry', async () => {
    const expiresAt = new Date(book.now.getTime() + 1_000)
    const key = await book.key(await book.account(), { expiresAt: expiresAt.toISOString() })
    await book.advance(999)
    expect((await book.hold(key, 1)).verdict).toBe('ok')
    await book.advance(1)
    await refused(book.hold(key, 1), 'key_expired')
  })

  test('is key_expired for the secret from before a rotation, once its grace is over', async () => {
    const key = await book.key(await book.account())
    const previousUntil = new Date(book.now.getTime() + 1_000).toISOString()
    const rotated = { hash: 'c'.repeat(64), display: 'sk_live_…cccc' }
    await book.change(key, 'KeyRotated', { ...rotated, previousHash: key.hash, previousUntil })
    expect((await book.hold(key, 1, { previousSecret: true })).verdict).toBe('ok')
    await book.advance(1_000)
    await refused(book.hold(key, 1, { previousSecret: true }), 'key_expired')
    expect((await book.hold(key, 1)).verdict).toBe('ok')
  })

  test('is key_expired for the secret from before a rotation that gave no grace', async () => {
    const key = await book.key(await book.account())
    const rotated = { hash: 'd'.repeat(64), display: 'sk_live_…dddd' }
    await book.change(key, 'KeyRotated', {
      ...{ ...rotated, previousHash: key.hash, previousUntil: null },
    })
    await refused(book.hold(key, 1, { previousSecret: true }), 'key_expired')
    expect((await book.hold(key, 1)).verdict).toBe('ok')
  })

  test('is account_frozen until the account is unfrozen, and for ever when it is erased', async () => {
    const account = await book.account()
    const key = await book.key(account)
    await book.change(account, 'AccountFrozen')
    await refused(book.hold(key, 1), 'account_frozen')
    await book.change(account, 'AccountUnfrozen')
    expect((await book.hold(key, 1)).verdict).toBe('ok')
    await book.change(account, 'AccountErased')
    await refused(book.hold(key, 1), 'account_frozen')
  })

  test('is too_many_open at the limit of the plan, or of the account where it has one', async () => {
    const account = await book.account()
    const key = await book.key(account)
    await book.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 2 })
    const { hold } = await book.hold(key, 1)
    await book.hold(key, 1)
    await refused(book.hold(key, 1), 'too_many_open')
    await book.release(hold)
    expect((await book.hold(key, 1)).verdict).toBe('ok')
    await refused(book.hold(key, 1), 'too_many_open')
    await book.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: null })
    expect((await book.hold(key, 1)).verdict).toBe('ok')
  })

  test('is too_many_open on a plan that the tariff does not know', async () => {
    const account = await book.account({ plan: 'forgotten' })
    await book.grant(account, 10)
    const key = await book.key(account)
    expect((await refused(book.hold(key, 1), 'too_many_open')).verdict).toBe('too_many_open')
  })

  test('is key_cap_reached with what the cap still allows', async () => {
    const key = await book.key(await book.account(), { monthlyCap: 10 })
    const { hold } = await book.hold(key, 8)
    const answer = await book.hold(key, 3)
    expect(answer).toMatchObject({ verdict: 'key_cap_reached', available: 2 })
    await book.settle(hold, 5)
    expect((await book.hold(key, 6)).verdict).toBe('key_cap_reached')
    expect((await book.hold(key, 5)).verdict).toBe('ok')
    expect(await book.hold(key, 1)).toMatchObject({ verdict: 'key_cap_reached', available: 0 })
  })

  test('is key_cap_reached for any call of a key that may spend nothing', async () => {
    const key = await book.key(await book.account(), { monthlyCap: 0 })
    expect(await book.hold(key, 1)).toMatchObject({ verdict: 'key_cap_reached', available: 0 })
  })

  test('is insufficient_credits with what is available', async () => {
    const key = await book.key(await book.account())
    expect((await book.hold(key, 98)).available).toBe(2)
    const before = await book.size()
    const answer = await book.hold(key, 3)
    expect(answer).toMatchObject({ verdict: 'insufficient_credits', available: 2 })
    expect(answer.position).toBe(before)
    expect((await book.hold(key, 2)).verdict).toBe('ok')
    expect(await book.hold(key, 1)).toMatchObject({ verdict: 'insufficient_credits', available: 0 })
  })

  test('that is refused appends nothing, the allowance that it would have drawn on neither', async () => {
    const key = await book.key(await book.account(), { monthlyCap: 50 })
    expect(await refused(book.hold(key, 101), 'key_cap_reached')).toMatchObject({ available: 50 })
    const uncapped = await book.key(key.account)
    const answer = await refused(book.hold(uncapped, 101), 'insufficient_credits')
    expect(answer).toMatchObject({ available: 100 })
    expect(await book.hold(uncapped, 100)).toMatchObject({ verdict: 'ok', available: 0 })
  })
})

describe('what resolves a hold', () => {
  test('frees what was not used', async () => {
    const key = await book.key(await book.account())
    const held = await book.hold(key, 30)
    expect(await book.settle(held.hold, 10)).toMatchObject({ verdict: 'ok', available: 90 })
    const { hold } = await book.hold(key, 30)
    expect(await book.release(hold)).toMatchObject({ verdict: 'ok', available: 90 })
  })

  test('is hold_not_open when the hold was resolved, never was, or is of another key or account', async () => {
    const key = await book.key(await book.account())
    const sibling = await book.key(key.account)
    const stranger = await book.key(await book.account())
    const { hold } = await book.hold(key, 10)
    await refused(book.settle({ ...hold, keyId: sibling.keyId }, 1), 'hold_not_open')
    await refused(book.settle({ ...hold, accountId: stranger.accountId }, 1), 'hold_not_open')
    await refused(book.settle({ ...hold, mode: 'test' }, 1), 'hold_not_open')
    await refused(book.settle({ ...hold, requestId: 'unknown' }, 1), 'hold_not_open')
    await book.settle(hold, 1)
    await refused(book.settle(hold, 1), 'hold_not_open')
    await refused(book.release(hold), 'hold_not_open')
    await refused(book.expire(hold), 'hold_not_open')
  })

  test('is exceeds_hold when more was used than held, and the hold stays open', async () => {
    const key = await book.key(await book.account())
    const { hold } = await book.hold(key, 10)
    await refused(book.settle(hold, 11), 'exceeds_hold')
    expect((await book.settle(hold, 10)).verdict).toBe('ok')
  })

  test('is hold_not_due before the hold has expired, and ok from then on', async () => {
    const key = await book.key(await book.account())
    const { hold } = await book.hold(key, 10, { holdSeconds: 5 })
    await book.advance(4_999)
    await refused(book.expire(hold), 'hold_not_due')
    await book.advance(1)
    expect(await book.expire(hold)).toMatchObject({ verdict: 'ok', available: 100 })
  })

  test('may be a revoked key’s: what was held before the revocation still settles', async () => {
    const key = await book.key(await book.account())
    const { hold } = await book.hold(key, 10)
    await book.change(key, 'KeyRevoked')
    expect((await book.settle(hold, 10)).verdict).toBe('ok')
  })
})

describe('calls of price 0', () => {
  test('are counted for a key of the account, even one that was revoked meanwhile', async () => {
    const key = await book.key(await book.account())
    await book.change(key, 'KeyRevoked')
    expect((await book.count(key, 3)).verdict).toBe('ok')
  })

  test('are stale_key for a key that the account does not have', async () => {
    const key = await book.key(await book.account())
    const stranger = await book.account()
    await refused(book.count(key, 3, { accountId: stranger.accountId }), 'stale_key')
    await refused(book.count(key, 3, { keyId: 'key_unknown' }), 'stale_key')
    await refused(book.count(key, 3, { mode: 'test' }), 'stale_key')
  })
})

describe('a tariff', () => {
  test('makes stale what was priced by another, from the time it is in force', async () => {
    const ahead = await openBook()
    const key = await ahead.key(await ahead.account())
    const old = key.tariff()
    const plans = { ...testTariff.plans, extra: testTariff.plans.free }
    const from = new Date(ahead.now.getTime() + 60_000)
    const hash = await ahead.publish({ ...testTariff, plans } as typeof testTariff, from)
    expect((await ahead.hold(key, 1, { tariff: hash })).verdict).toBe('stale_tariff')
    expect((await ahead.hold(key, 1, { tariff: old })).verdict).toBe('ok')
    await ahead.travelTo(from)
    expect((await ahead.hold(key, 1, { tariff: old })).verdict).toBe('stale_tariff')
    expect((await ahead.hold(key, 1, { tariff: hash })).verdict).toBe('ok')
    await ahead.close()
  })
})

test('an empty book holds nothing: no tariff is in force', async () => {
  const empty = await openBook({ tariff: null })
  const key = await empty.key(await empty.account())
  const answer = await empty.hold(key, 1, { tariff: 'f'.repeat(64) })
  expect(answer).toMatchObject({ verdict: 'stale_tariff', available: 0 })
  await empty.close()
})

describe('refusals have an order: who, then how much', () => {
  test('a revoked key of a frozen account without credits is told that it is revoked', async () => {
    const account = await book.account({ plan: 'none' })
    const key = await book.key(account, { monthlyCap: 0 })
    await book.change(account, 'AccountFrozen')
    await book.change(key, 'KeyDisabled')
    await refused(book.hold(key, 1), 'key_disabled')
    await book.change(key, 'KeyRevoked')
    await refused(book.hold(key, 1), 'key_revoked')
  })
})

test('every kind of item reaches the book through one appender at once', async () => {
  const key = await book.key(await book.account())
  const [a, b, c] = await Promise.all([book.hold(key, 5), book.hold(key, 5), book.hold(key, 5)])
  await book.advance(60_000)
  const answers = await Promise.all(
    [
      settleItem(a.hold, 5, { shortfall: 2, cutBy: 'client' }),
      releaseItem(b.hold, { status: 502, reason: 'upstream said "no"' }),
      expireItem(c.hold),
      countItem(key, 4, { errors: 1 }),
      holdItem(key, 1),
    ].map(book.append),
  )
  expect(answers.map((answer) => answer.verdict)).toEqual(Array(5).fill('ok'))
  const positions = answers.map((answer) => answer.position)
  expect(positions).toEqual([0, 1, 2, 3, 4].map((i) => (positions[0] as number) + i))
})
