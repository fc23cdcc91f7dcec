/** A small book in which every table of every projection has rows, with something in every column. */
import type { Book, TestKey } from './book.ts'
import { testTariff } from './book.ts'
import { buyItem, failItem, standingItem } from './gateway.ts'

/** Fills it; answers a key that can buy. Days of usage are caught up. */
export async function fillVariedBook(book: Book): Promise<TestKey> {
  const day = 86_400_000
  const pro = await book.account({ plan: 'pro' })
  const free = await book.account({ plan: 'free' })
  const key = await book.key(pro)
  const narrow = await book.key(free, {
    ...{ endpoints: ['search'], rateLimit: 5, monthlyCap: 50 },
    expiresAt: new Date(book.now.getTime() + 300 * day).toISOString(),
  })
  const gone = await book.key(free, { mode: 'test' })
  await book.change(pro, 'AccountLimitsChanged', { rateLimit: 10, maxInFlight: 20 })
  await book.change(free, 'AccountFrozen')
  await book.change(free, 'AccountUnfrozen')
  await book.change(narrow, 'KeyRotated', {
    ...{ hash: Bun.SHA256.hash('rotated', 'hex'), display: 'sk_live_…new1' },
    previousHash: narrow.hash,
    previousUntil: new Date(book.now.getTime() + day).toISOString(),
  })
  await book.change(gone, 'KeyRevoked')
  const expiresAt = new Date(book.now.getTime() + 40 * day).toISOString()
  await book.grant(pro, 500, { kind: 'paid', expiresAt })
  for (const credits of [3, 8, 1, 20]) {
    const { hold } = await book.hold(key, credits)
    await book.settle(hold, credits - 1)
    if (credits === 8) await book.commands.refund(0, { requestId: hold.requestId, actor: 'test' })
  }
  const { hold: released } = await book.hold(key, 5)
  await book.release(released)
  const { hold: forgotten } = await book.hold(narrow, 4, { holdSeconds: 1 })
  await book.advance(5_000)
  await book.expire(forgotten)
  await book.hold(narrow, 7, { claim: { key: 'claimed', requestHash: 'request' } })
  const { hold: growing } = await book.hold(key, 9)
  await book.extend(key, growing, 3)
  await book.count(key, 12, { errors: 2 })
  const ended = standingItem(key, 6, 2)
  const standing = standingItem(key, 8, 4)
  for (const item of [ended, standing, buyItem(key, ended, 2), failItem(key, ended)]) {
    await book.append(item)
  }
  await book.release(ended, { reason: 'held_ahead' })
  for (const credits of [3, 1]) await book.append(buyItem(key, standing, credits))
  const owes = { accountId: free.accountId, mode: 'live', credits: 120, actor: 'test' } as const
  await book.commands.adjust(0, owes)
  await book.grant(free, 5)
  await book.publish({ ...testTariff, prices: {} }, new Date(book.now.getTime() + day))
  for (let behind = 1; behind > 0; ) {
    const [row] = await book.sql`select catch_up_daily_usage(0::smallint, 1000) as behind`
    behind = row?.behind ?? 0
  }
  return key
}
