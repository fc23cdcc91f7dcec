/** Lists are read page by page, and what is made meanwhile repeats and hides nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { type Json, openTestApp, type TestApp } from '../support/management-test-app.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'

let app: TestApp
let shop: Shop
beforeAll(async () => {
  app = await openTestApp()
  shop = await openShop()
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await shop.close()
})

/** The ids on all pages. Between two pages something is made that would be on the first. */
async function walk(
  path: string,
  read: (path: string) => Promise<{ ids: string[]; next: string | null }>,
  makeAnother: () => Promise<unknown>,
): Promise<string[]> {
  const ids: string[] = []
  const mark = path.includes('?') ? '&' : '?'
  for (let cursor = ''; ; ) {
    const page = await read(`${path}${mark}limit=2${cursor}`)
    expect(page.ids.length).toBeLessThanOrEqual(2)
    ids.push(...page.ids)
    if (page.next === null) return ids
    cursor = `&cursor=${page.next}`
    await makeAnother()
  }
}

const idsOf = (list: Json[], name = 'id') => list.map((each) => each[name])

describe('a walk from cursor to cursor has every entry once, the newest first', () => {
  test("an owner's keys, many of one instant", async () => {
    const made: string[] = []
    for (let i = 0; i < 5; i++) {
      if (i === 3) await app.ledger.advance(1)
      made.push((await app.issue('walker')).id)
    }
    const read = async (path: string) => {
      const { apiKeys, nextCursor } = await app.get('walker', 'GET', path)
      return { ids: idsOf(apiKeys), next: nextCursor ?? null }
    }
    const another = async () => {
      await app.ledger.advance(1)
      await app.issue('walker')
    }
    const ids = await walk('/api-keys', read, another)
    expect(ids.slice(0, 2).sort()).toEqual(made.slice(3).sort())
    expect(ids.slice(2)).toEqual(made.slice(0, 3).sort())
    const { apiKeys, nextCursor } = await app.get('walker', 'GET', '/api-keys')
    expect(apiKeys).toHaveLength(7)
    expect(nextCursor).toBeUndefined()
  })

  test("everyone's keys, of one user", async () => {
    const made = [await app.issue('one'), await app.issue('one'), await app.issue('one')]
    const read = async (path: string) => {
      const { apiKeys, pagination } = await app.get('admin', 'GET', path)
      expect(pagination.limit).toBe(2)
      return { ids: idsOf(apiKeys), next: pagination.nextCursor }
    }
    const ids = await walk('/admin/api-keys?userId=one', read, async () => {
      await app.ledger.advance(1)
      await app.issue('one')
    })
    expect(ids).toEqual(idsOf(made).sort())
  })

  test('accounts', async () => {
    for (const owner of ['a', 'b', 'c']) await app.issue(owner)
    const read = async (path: string) => {
      const { accounts, nextCursor } = await app.get('auditor', 'GET', path)
      return { ids: idsOf(accounts, 'accountId'), next: nextCursor }
    }
    const all = await app.get('auditor', 'GET', '/admin/accounts')
    expect(all.total).toBe(all.accounts.length)
    let others = 0
    const ids = await walk('/admin/accounts', read, async () => {
      await app.ledger.advance(1)
      await app.issue(`other-${++others}`)
    })
    expect(others).toBeGreaterThan(0)
    expect(ids).toEqual(idsOf(all.accounts, 'accountId'))
    expect(await app.get('auditor', 'GET', '/admin/accounts?state=frozen')).toEqual({
      ...{ accounts: [], total: 0, nextCursor: null },
    })
  })

  test('events of a key, in the order of the log', async () => {
    const key = await app.issue('events')
    for (let i = 0; i < 4; i++) {
      await app.get('events', 'PATCH', `/api-keys/${key.id}`, { name: `name ${i}` })
    }
    const read = async (path: string) => {
      const { events, nextCursor } = await app.get('events', 'GET', path)
      return { ids: idsOf(events, 'position'), next: nextCursor }
    }
    const ids = await walk(`/api-keys/${key.id}/events`, read, async () => {})
    expect(ids).toHaveLength(5)
    expect(new Set(ids).size).toBe(5)
  })

  test('the charges of an account', async () => {
    const sell = async () => {
      const response = await shop.post('/v1/search', { query: 'toll' })
      return response.headers.get('x-request-id') ?? ''
    }
    const made: string[] = []
    for (let i = 0; i < 5; i++) made.push(await sell())
    const elsewhere = await shop.newKey()
    await shop.post('/v1/search', { query: 'toll' }, { key: elsewhere.text })
    await shop.fetch('/v1/search/engines')
    const read = async (path: string) => {
      const response = await shop.fetch(path)
      expect(response.status).toBe(200)
      const { charges, nextCursor } = (await response.json()) as Json
      return { ids: idsOf(charges, 'requestId'), next: nextCursor }
    }
    expect(await walk('/v1/charges', read, sell)).toEqual(made.toReversed())
  })
})

test('a list of charges says of each what a look at the one says', async () => {
  const { gateway } = shop
  const key = await shop.newKey()
  const sold = await shop.post('/v1/search', { query: 'toll' }, { key: key.text })
  const requestId = sold.headers.get('x-request-id') ?? ''
  const token = await signToken({
    ...{ secret: jwtSecret, subject: 'ada', role: 'admin', expiresInSeconds: 60 },
  })
  const refund = await fetch(`${gateway.url}/admin/charges/${requestId}/refund`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  expect(refund.status).toBe(201)
  const get = async (path: string) =>
    (await (await fetch(gateway.url + path, { headers: { 'x-api-key': key.text } })).json()) as Json
  const { charges, nextCursor } = await get('/v1/charges')
  const one = await get(`/v1/charges/${requestId}`)
  expect(nextCursor).toBeNull()
  const { keyId, mode, endpoint, credits, refunded, quantity, tariff, settledAt, positions } = one
  expect(refunded).toBe(1)
  expect(charges).toEqual([
    {
      ...{ requestId, keyId, mode, endpoint, credits, refunded, quantity, tariff, settledAt },
      position: positions.settled,
    },
  ])
})

test('an account of more events than one page looks through has all its charges on the pages', async () => {
  const { ledger, gateway } = shop
  const key = await shop.newKey()
  const sold = await shop.post('/v1/search', { query: 'toll' }, { key: key.text })
  const count = ledger.newGateway('counting')
  for (let i = 0; i < 21; i++) {
    await Promise.all(Array.from({ length: 100 }, () => count.count(key, 1)))
  }
  const get = async (path: string) =>
    (await (await fetch(gateway.url + path, { headers: { 'x-api-key': key.text } })).json()) as Json
  const first = await get('/v1/charges')
  expect(first.charges).toEqual([])
  const second = await get(`/v1/charges?cursor=${first.nextCursor}`)
  expect(idsOf(second.charges, 'requestId')).toEqual([sold.headers.get('x-request-id')])
  expect(second.nextCursor).toBeNull()
})

test('a cursor that leads nowhere is refused, and so is one into what is somebody else’s', async () => {
  const theirs = await app.issue('somebody-else')
  await app.issue('myself')
  for (const [who, path] of [
    ['myself', `/api-keys?cursor=${theirs.id}`],
    ['myself', '/api-keys?cursor=key_none'],
    ['admin', '/admin/api-keys?cursor=acc_none'],
    ['admin', '/admin/accounts?cursor=acc_none'],
    ['admin', `/admin/api-keys?cursor=${theirs.id}&page=2`],
  ] as const) {
    const response = await app.ask(who, 'GET', path)
    expect([path, response.status]).toEqual([path, 400])
  }
})
