import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Json, openTestApp } from '../support/management-test-app.ts'

const app = await openTestApp({ shards: 3 })
const { ask, ledger, get, issue, charge } = app
afterAll(() => app[Symbol.asyncDispose]())

const users = ['ann', 'bob', 'eve', 'kim']
const keys: Json[] = []

beforeAll(async () => {
  for (const user of users) keys.push(await issue(user))
})

describe('GET /admin/events', () => {
  async function all(query: string): Promise<Json[]> {
    const events: Json[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Json = await get('auditor', 'GET', `/admin/events?${query}${cursor}`)
      events.push(...page.events)
      cursor = page.nextCursor && `&cursor=${page.nextCursor}`
    }
    return events
  }

  test('200: the whole log of all shards, page by page, each event once', async () => {
    const events = await all('limit=4')
    expect(events).toHaveLength(await ledger.size())
    expect(new Set(events.map((event) => event.position)).size).toBe(events.length)
    const shards = events.map((event) => Number(event.position.split('-')[0]))
    expect(shards).toEqual(shards.toSorted())
    expect(new Set(shards).size).toBeGreaterThan(1)
  })

  test('200: of an account, a key, a type', async () => {
    const { accountId, id } = keys[0]
    const types = (events: Json[]) => events.map((event) => event.type)
    const ofAccount = await all(`accountId=${accountId}&limit=1`)
    expect(types(ofAccount)).toEqual(['AccountOpened', 'PlanStarted', 'KeyIssued'])
    expect(types(await all(`keyId=${id}`))).toEqual(['KeyIssued'])
    expect(await all('type=AccountOpened')).toHaveLength(users.length)
    expect(await all(`type=AccountFrozen&accountId=${accountId}`)).toEqual([])
    expect(await all('accountId=acc_none')).toEqual([])
    expect(await all(`keyId=${id}&accountId=${keys[1].accountId}`)).toEqual([])
  })

  test('200: between two positions', async () => {
    const positions = async (query: string) => (await all(query)).map((event) => event.position)
    expect(await positions('from=0-1&to=0-1')).toEqual(['0-1'])
    expect(await positions('to=0-1')).toEqual(['0-1'])
    expect(await positions('from=0-1000000')).toEqual([])
  })

  test('400', async () => {
    const queries = ['from=1', 'to=0-x', 'from=0-1&to=1-5', 'type=Nothing', 'limit=500']
    for (const query of [
      ...queries,
      'cursor=%00',
      'accountId=%00',
      'from=99999-999999999999999999',
    ]) {
      const response = await ask('admin', 'GET', `/admin/events?${query}`)
      expect([query, response.status]).toEqual([query, 400])
    }
  })
})

describe('GET /admin/usage/summary and /top-users', () => {
  test('200: the sum of what everyone used, and who used most', async () => {
    for (const [i, key] of keys.entries()) await charge(key.id, 4 - i)
    await app.catchUp()
    const { summary } = await get('auditor', 'GET', '/admin/usage/summary')
    expect(summary).toMatchObject({
      total: { requests: 4, credits: 10, accounts: 4, keys: 4 },
      byPlan: [{ plan: 'free', credits: 10 }],
      byDay: [{ date: '2030-06-15', credits: 10 }],
      byEndpoint: [{ endpoint: 'search', credits: 10 }],
    })
    const { topUsers } = await get('auditor', 'GET', '/admin/usage/top-users?limit=2')
    expect(topUsers).toMatchObject([
      {
        accountId: keys[0].accountId,
        owner: { kind: 'user', id: 'ann' },
        plan: 'free',
        credits: 4,
      },
      {
        accountId: keys[1].accountId,
        owner: { kind: 'user', id: 'bob' },
        plan: 'free',
        credits: 3,
      },
    ])
    const before = '/admin/usage/top-users?to=2030-06-14'
    expect(await get('auditor', 'GET', before)).toEqual({ topUsers: [] })
  })

  test('400', async () => {
    for (const query of ['from=2030-02-30', 'to=now', 'from=%00']) {
      for (const report of ['summary', 'top-users']) {
        const response = await ask('admin', 'GET', `/admin/usage/${report}?${query}`)
        expect(response.status).toBe(400)
      }
    }
    expect((await ask('admin', 'GET', '/admin/usage/top-users?limit=0')).status).toBe(400)
  })
})

test('the gateway warned of nothing', () => {
  expect(app.logged).toEqual([])
})
