import { expect, test } from 'bun:test'
import { parsePosition } from '../../events/event.ts'
import { readEventFeed } from '../../src/reports/log-reader/event-feed.ts'
import { positionAt } from '../../src/reports/log-reader/position-at.ts'
import { buildLedger } from '../support/ledger-builder.ts'
import { openLedger } from '../support/test-ledger.ts'

test('the feed has every event in the order of the log, page by page', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('free')
  for (let i = 0; i < 4; i++) await ledger.charge(key, { credits: 1 })

  const whole = await readEventFeed(ledger.sql, {}, { limit: 1_000 })
  expect(whole.next).toBeUndefined()
  expect(whole.events.map((event) => event.position)).toEqual(whole.events.map((_, i) => i + 1))
  expect(whole.events.at(-1)).toMatchObject({
    type: 'HoldSettled',
    stream: `credits-${key.accountId}`,
    credits: 1,
    moved: [1],
    recordedAt: new Date('2031-10-05T00:00:00Z'),
  })

  const paged = []
  let after: { shard: number; position: number } | undefined
  do {
    const page = await readEventFeed(ledger.sql, {}, { limit: 5, ...(after ? { after } : {}) })
    paged.push(...page.events)
    after = page.next
  } while (after)
  expect(paged).toEqual([...whole.events])
})

test("a key's history has its own events and no other's", async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('free')
  const other = await ledger.issueKey(key.account)
  await ledger.charge(other, { credits: 1 })
  await ledger.charge(key, { credits: 1 })
  await ledger.ledger.change(key, 'KeyRevoked')

  const types = async (filter: Parameters<typeof readEventFeed>[1]) =>
    (await readEventFeed(ledger.sql, filter, { limit: 100 })).events.map((event) => event.type)
  const { keyId } = key
  expect(await types({ keyId })).toEqual(['KeyIssued', 'CreditsHeld', 'HoldSettled', 'KeyRevoked'])
  expect(await types({ keyId, types: ['KeyIssued', 'KeyRevoked'] })).toEqual([
    'KeyIssued',
    'KeyRevoked',
  ])
  expect(await types({ keyId, accountId: 'acc_other' })).toEqual([])
  expect(await types({ keyId: 'key_x' })).toEqual([])
  expect(await types({ accountId: 'acc_x' })).toEqual([])
  expect(await types({ types: ['TariffPublished'] })).toEqual(['TariffPublished'])
})

test('a range of positions or of times is exact', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('free')
  await ledger.at('2031-10-06T00:00:00.000001Z')
  const call = await ledger.hold(key, { credits: 1 })
  await ledger.at('2031-10-07T00:00:00Z')
  const { position } = await ledger.settle(call, 1)

  const read = async (filter: Parameters<typeof readEventFeed>[1]) =>
    (await readEventFeed(ledger.sql, filter, { limit: 100 })).events.map((event) => event.type)
  const from = new Date('2031-10-06T00:00:00Z')
  const to = new Date('2031-10-07T00:00:00Z')
  expect(await read({ from, to })).toEqual(['CreditsGranted', 'CreditsHeld'])
  expect(await read({ from: to })).toEqual(['HoldSettled'])
  expect(await read({ from: new Date('2031-10-08T00:00:00Z') })).toEqual([])
  expect(await read({ fromPosition: position - 1, toPosition: position - 1 })).toEqual([
    'CreditsHeld',
  ])
  expect(await positionAt(ledger.sql, 0, to)).toBe(position)
  expect(await positionAt(ledger.sql, 0, new Date('2000-01-01'))).toBe(1)
  expect(await positionAt(ledger.sql, 0, new Date('2100-01-01'))).toBe(position + 1)
})

test('several shards are read one after the other, or one oneShard', async () => {
  const ledger = await openLedger({ shards: 2 })
  const first = await ledger.account({ shard: 0 })
  const second = await ledger.account({ shard: 1 })
  const both = await readEventFeed(ledger.sql, { types: ['AccountOpened'] }, { limit: 10 })
  expect(both.events.map(({ shard, accountId }) => [shard, accountId])).toEqual([
    [0, first.accountId],
    [1, second.accountId],
  ])
  const one = await readEventFeed(ledger.sql, { types: ['AccountOpened'] }, { limit: 1 })
  expect(one.events).toHaveLength(1)
  const rest = await readEventFeed(
    ledger.sql,
    { types: ['AccountOpened'] },
    { limit: 1, ...(one.next ? { after: one.next } : {}) },
  )
  expect(rest.events).toMatchObject([{ accountId: second.accountId }])
  const oneShard = await readEventFeed(ledger.sql, { shard: 1 }, { limit: 10 })
  expect(oneShard.events.map((event) => event.shard)).toEqual([1, 1, 1])
  const after = parsePosition('1-1')
  const later = await readEventFeed(ledger.sql, {}, { limit: 10, ...(after ? { after } : {}) })
  expect(later.events.map(({ shard, position }) => `${shard}-${position}`)).toEqual(['1-2', '1-3'])
  await ledger.close()
})

test('a limit beyond a thousand is refused', async () => {
  await using ledger = await buildLedger()
  for (const limit of [0, 1_001, 1.5]) {
    expect(readEventFeed(ledger.sql, {}, { limit })).rejects.toThrow(RangeError)
  }
})
