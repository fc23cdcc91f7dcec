/** Batches: decided in order, answered once, and never in parts. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Verdict } from '../../src/ledger/append/call-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { type Book, openBook } from '../support/book.ts'
import { countItem, expireItem, holdItem, releaseItem, settleItem } from '../support/gateway.ts'
import { openLane, sendBatch } from '../support/lane.ts'

let book: Book
beforeAll(async () => {
  book = await openBook()
})
afterAll(() => book.close())

/** A key of an account that has this many credits and no allowance. */
async function keyWith(credits: number, options: { monthlyCap?: number } = {}) {
  const account = await book.account({ plan: 'none' })
  if (credits > 0) await book.grant(account, credits)
  return book.key(account, options)
}

describe('items of a batch are decided in order', () => {
  test('what a later item frees does not pay for an earlier one', async () => {
    const key = await keyWith(5)
    const { hold } = await book.hold(key, 4)
    const lane = await openLane(book.sql)
    const answer = await lane.send([holdItem(key, 5), releaseItem(hold)])
    expect(answer.verdicts).toEqual(['insufficient_credits', 'ok'])
    expect(answer.available).toEqual([1, 5])
  })

  test('what an earlier item frees pays for a later one', async () => {
    const key = await keyWith(5)
    const { hold } = await book.hold(key, 4)
    const lane = await openLane(book.sql)
    const answer = await lane.send([releaseItem(hold), holdItem(key, 5)])
    expect(answer.verdicts).toEqual(['ok', 'ok'])
    expect(answer.available).toEqual([5, 0])
  })

  test('of a settlement only the rest of the hold is free for what follows', async () => {
    const key = await keyWith(10)
    const { hold } = await book.hold(key, 10)
    const lane = await openLane(book.sql)
    const items = [settleItem(hold, 6), holdItem(key, 5), holdItem(key, 4), holdItem(key, 1)]
    expect((await lane.send(items)).verdicts).toEqual([
      'ok',
      'insufficient_credits',
      'ok',
      'insufficient_credits',
    ])
  })

  test('a hold is resolved by the first of two items that would', async () => {
    const key = await keyWith(10)
    const lane = await openLane(book.sql)
    for (const [first, second] of [
      [settleItem, settleItem],
      [settleItem, releaseItem],
      [releaseItem, settleItem],
    ] as const) {
      const { hold } = await book.hold(key, 2)
      const items = [first(hold, 1 as never), second(hold, 2 as never)]
      expect(await lane.verdicts(items)).toEqual(['ok', 'hold_not_open'])
    }
    const [row] = await book.sql`
      select sum(settled)::bigint as settled, sum(held)::bigint as held from lots where account_id = ${key.accountId}`
    expect(row).toEqual({ settled: 2, held: 0 })
  })

  test('of many resolutions of many holds the first of each counts, wherever it stands', async () => {
    const key = await keyWith(100)
    const holds = await Promise.all(Array.from({ length: 20 }, () => book.hold(key, 2)))
    const items = [1, 2, 3].flatMap((n) => holds.map(({ hold }) => settleItem(hold, n % 2)))
    const answer = await (await openLane(book.sql)).send(items)
    expect(answer.verdicts).toEqual([...Array(20).fill('ok'), ...Array(40).fill('hold_not_open')])
    const [row] = await book.sql`
      select sum(settled)::bigint as settled from lots where account_id = ${key.accountId}`
    expect(row).toEqual({ settled: 20 })
  })

  test('a refused resolution leaves the hold to the next one', async () => {
    const key = await keyWith(10)
    const { hold } = await book.hold(key, 5)
    const lane = await openLane(book.sql)
    const items = [expireItem(hold), settleItem(hold, 6), settleItem(hold, 5), releaseItem(hold)]
    expect(await lane.verdicts(items)).toEqual([
      'hold_not_due',
      'exceeds_hold',
      'ok',
      'hold_not_open',
    ])
  })

  test('the number of open holds follows the items', async () => {
    const key = await keyWith(10)
    await book.change(key.account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 2 })
    const [a, b] = [holdItem(key, 1), holdItem(key, 1)]
    const lane = await openLane(book.sql)
    expect(await lane.verdicts([a, b, holdItem(key, 1)])).toEqual(['ok', 'ok', 'too_many_open'])
    const items = [holdItem(key, 1), settleItem(a, 1), holdItem(key, 1), holdItem(key, 1)]
    expect(await lane.verdicts(items)).toEqual(['too_many_open', 'ok', 'ok', 'too_many_open'])
  })

  test('many accounts and keys in one batch do not disturb each other', async () => {
    const keys = await Promise.all([keyWith(3), keyWith(5), keyWith(0)])
    const sibling = await book.key(keys[0].account)
    const order = [keys[0], keys[1], keys[2], sibling, keys[0], keys[1], sibling, keys[1]]
    const answer = await (await openLane(book.sql)).send(order.map((key) => holdItem(key, 2)))
    const poor = 'insufficient_credits'
    expect(answer.verdicts).toEqual(['ok', 'ok', poor, poor, poor, 'ok', poor, poor])
    expect(answer.available).toEqual([1, 3, 0, 1, 1, 1, 1, 1])
  })

  test('test mode and live mode of an account are decided apart', async () => {
    const account = await book.account({ plan: 'none' })
    await book.grant(account, 3, { mode: 'test' })
    const [live, trial] = [await book.key(account), await book.key(account, { mode: 'test' })]
    const items = [live, trial, live, trial].map((key) => holdItem(key, 2))
    const poor = 'insufficient_credits'
    expect(await (await openLane(book.sql)).verdicts(items)).toEqual([poor, 'ok', poor, poor])
  })
})

describe('a key’s cap within a batch', () => {
  test('follows what the key’s own items hold, settle and free', async () => {
    const key = await keyWith(100, { monthlyCap: 10 })
    const { hold } = await book.hold(key, 8)
    const items = [
      holdItem(key, 3),
      settleItem(hold, 4),
      holdItem(key, 7),
      holdItem(key, 6),
      holdItem(key, 1),
    ]
    const cap = 'key_cap_reached'
    const answer = await (await openLane(book.sql)).send(items)
    expect(answer.verdicts).toEqual([cap, 'ok', cap, 'ok', cap])
    expect(answer.available).toEqual([2, 96, 6, 90, 0])
  })

  test('is not touched by a sibling’s items', async () => {
    const key = await keyWith(100, { monthlyCap: 10 })
    const sibling = await book.key(key.account, { monthlyCap: 5 })
    const items = [holdItem(key, 6), holdItem(sibling, 5), holdItem(key, 4), holdItem(sibling, 1)]
    const verdicts: Verdict[] = ['ok', 'ok', 'ok', 'key_cap_reached']
    expect(await (await openLane(book.sql)).verdicts(items)).toEqual(verdicts)
  })

  test('gets nothing back from a hold of the month before', async () => {
    const ahead = await openBook()
    const account = await ahead.account({ plan: 'none' })
    await ahead.grant(account, 100)
    const key = await ahead.key(account, { monthlyCap: 10 })
    const { hold } = await ahead.hold(key, 9)
    await ahead.travelTo('2030-07-01T00:00:00Z')
    const lane = await openLane(ahead.sql)
    const items = [holdItem(key, 10), releaseItem(hold), holdItem(key, 1)]
    expect(await lane.verdicts(items)).toEqual(['ok', 'ok', 'key_cap_reached'])
    await ahead.close()
  })
})

describe('a batch is answered once', () => {
  test('sent again under its number it answers the same and appends nothing', async () => {
    const key = await keyWith(10)
    const lane = await openLane(book.sql)
    const items = [holdItem(key, 4), holdItem(key, 7), countItem(key, 2), holdItem(key, 6)]
    const first = await lane.send(items)
    const size = await book.size()
    await book.advance(1_000)
    const second = await lane.send(items, { seq: lane.seq })
    expect(first.outcome).toBe('appended')
    expect(second).toEqual({ ...first, outcome: 'repeated' })
    expect(await book.size()).toBe(size)
  })

  test('sent twice at the same time it is appended once', async () => {
    const key = await keyWith(1_000)
    const lane = await openLane(book.sql)
    for (let seq = 1; seq <= 20; seq++) {
      const items = [holdItem(key, 1), countItem(key, 1)]
      const size = await book.size()
      // Two connections: the pools of two gateways.
      const other = connect({ url: book.url, as: 'serving', max: 1 })
      const answers = await Promise.all([
        lane.send(items, { seq }),
        lane.send(items, { seq, over: other }),
        lane.send(items, { seq }),
      ])
      await other.end()
      expect(answers.map((a) => a.outcome).sort()).toEqual(['appended', 'repeated', 'repeated'])
      expect(new Set(answers.map((a) => String(a.positions))).size).toBe(1)
      expect(await book.size()).toBe(size + 2)
    }
  })

  test('under a number that was passed it is superseded, in a lane that is not there unknown', async () => {
    const key = await keyWith(10)
    const lane = await openLane(book.sql)
    await lane.send([holdItem(key, 1)])
    await lane.send([holdItem(key, 1)])
    const size = await book.size()
    const late = await lane.send([holdItem(key, 1)], { seq: 1 })
    expect(late).toMatchObject({ outcome: 'superseded', verdicts: null })
    const head = { shard: 0, lane: crypto.randomUUID(), seq: 1, instance: 'lost' }
    const [lost] = await sendBatch(book.sql, head, [holdItem(key, 1)])
    expect(lost).toMatchObject({ outcome: 'unknown_lane', verdicts: null })
    expect(await book.size()).toBe(size)
  })

  test('a batch of refusals alone is remembered too', async () => {
    const key = await keyWith(0)
    const lane = await openLane(book.sql)
    const items = [holdItem(key, 1)]
    expect(await lane.verdicts(items)).toEqual(['insufficient_credits'])
    await book.grant(key.account, 10)
    const again = await lane.send(items, { seq: lane.seq })
    expect(again).toMatchObject({ outcome: 'repeated', verdicts: ['insufficient_credits'] })
  })
})

describe('a batch fails as a whole', () => {
  test('when it is not as many items in every column, since then none can be told apart', async () => {
    const key = await keyWith(10)
    const size = await book.size()
    const lane = await openLane(book.sql)
    const torn = holdItem(key, 1, { actor: 'key:a\nkey:b' })
    const batch = lane.send([torn, holdItem(key, 1)])
    await expect(batch.then(() => 'taken')).rejects.toThrow('the batch is not 2 items')
    await expect(lane.send([torn]).then(() => 'taken')).rejects.toThrow('the batch is not 1 items')
    const unheard = { ...holdItem(key, 1), kind: 'lend' as 'hold' }
    await expect(lane.send([unheard]).then(() => 'taken')).rejects.toThrow('of known kinds')
    expect(await book.size()).toBe(size)
  })

  test('when one item is bad, and the lane goes on as if it had never been sent', async () => {
    const key = await keyWith(10)
    const size = await book.size()
    const lane = await openLane(book.sql)
    for (const credits of [-1, 1.5, Number.NaN]) {
      const batch = lane.send([holdItem(key, 1), holdItem(key, credits)], { seq: 1 })
      await expect(batch.then(() => 'taken')).rejects.toThrow()
    }
    expect(await book.size()).toBe(size)
    expect((await lane.send([holdItem(key, 1)], { seq: 1 })).outcome).toBe('appended')
  })

  test('when a hold’s name is used by an open one', async () => {
    const key = await keyWith(10)
    const { hold } = await book.hold(key, 1)
    const lane = await openLane(book.sql)
    await expect(lane.send([hold]).then(() => 'taken')).rejects.toThrow('open_holds')
  })
})
