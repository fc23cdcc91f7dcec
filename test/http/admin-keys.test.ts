import { afterAll, describe, expect, test } from 'bun:test'
import { type Json, openTestApp } from '../support/management-test-app.ts'

const app = await openTestApp()
const { ask, ledger, get, issue, charge } = app
afterAll(() => app[Symbol.asyncDispose]())

async function patch(keyId: string, body: object) {
  return (await get('admin', 'PATCH', `/admin/api-keys/${keyId}`, body)).apiKey
}

async function keyState(keyId: string): Promise<Json> {
  const [row] = await ledger.sql`select * from key_state where key_id = ${keyId}`
  return row
}

describe('GET /admin/api-keys', () => {
  test('200: page by page, the newest first, fifty by default', async () => {
    for (let i = 0; i < 5; i++) {
      await ledger.advance(1_000)
      await issue('pages', { name: `key ${i}` })
    }
    const path = '/admin/api-keys?userId=pages'
    const names: string[] = []
    for (const page of [1, 2, 3]) {
      const { apiKeys, pagination } = await get('admin', 'GET', `${path}&page=${page}&limit=2`)
      expect(pagination).toMatchObject({ page, limit: 2, total: 5, totalPages: 3 })
      names.push(...apiKeys.map((key: Json) => key.name))
    }
    expect(names).toEqual(['key 4', 'key 3', 'key 2', 'key 1', 'key 0'])
    const exceedsAccount = await get('admin', 'GET', `${path}&page=9`)
    expect(exceedsAccount).toEqual({
      apiKeys: [],
      pagination: { page: 9, nextCursor: null, limit: 50, total: 5, totalPages: 1 },
    })
  })

  test('200: by user, plan and whether they are active, together', async () => {
    const stays = await issue('filter-1')
    const off = await issue('filter-1')
    const other = await issue('filter-2')
    await patch(off.id, { active: false })
    await patch(other.id, { tier: 'enterprise' })
    const ids = async (query: string) => {
      const { apiKeys } = await get('auditor', 'GET', `/admin/api-keys?${query}`)
      return apiKeys.map((key: Json) => key.id).sort()
    }
    expect(await ids('userId=filter-1')).toEqual([stays.id, off.id].sort())
    expect(await ids('userId=filter-1&active=true')).toEqual([stays.id])
    expect(await ids('userId=filter-1&active=false')).toEqual([off.id])
    expect(await ids('tier=enterprise')).toEqual([other.id])
    expect(await ids('tier=enterprise&userId=filter-1')).toEqual([])
    expect(await ids('tier=no-such-plan')).toEqual([])
  })

  test('200: by the plan in force, not by a planned or a former one', async () => {
    await using own = await openTestApp() // whose clock moves to another month
    const key = await own.issue('plans')
    const changeTo = (tier: string) =>
      own.get('admin', 'PATCH', `/admin/api-keys/${key.id}`, { tier })
    const listedUnder = async () => {
      const plans: string[] = []
      for (const plan of ['free', 'pro', 'enterprise']) {
        const { apiKeys } = await own.get('auditor', 'GET', `/admin/api-keys?tier=${plan}`)
        if (apiKeys.length > 0) plans.push(plan)
      }
      return plans
    }
    expect(await listedUnder()).toEqual(['free'])
    await changeTo('enterprise')
    expect(await listedUnder()).toEqual(['enterprise'])
    await changeTo('pro') // which is less, and so counts from the next month on
    expect(await listedUnder()).toEqual(['enterprise'])
    await own.ledger.travelTo('2030-07-01T00:00:00Z')
    expect(await listedUnder()).toEqual(['pro'])
  })

  test('400: a page that is not valid', async () => {
    const queries = [
      'cursor=key_none',
      'cursor=',
      'cursor=%27',
      'cursor=key_none&page=1',
      'limit=201',
      'limit=0',
      'page=0',
      'page=1e99',
      'page=-1',
      'page=x',
      'limit=',
    ]
    for (const query of [...queries, 'active=maybe', 'userId=%00', 'tier=a%00', 'userId=']) {
      const response = await ask('admin', 'GET', `/admin/api-keys?${query}`)
      expect([query, response.status]).toEqual([query, 400])
    }
  })
})

describe('GET /admin/api-keys/:id', () => {
  test("200: anyone's key", async () => {
    const key = await issue('someone')
    expect(await get('auditor', 'GET', `/admin/api-keys/${key.id}`)).toEqual({ apiKey: key })
  })

  test('404', async () => {
    expect((await ask('admin', 'GET', '/admin/api-keys/key_none')).status).toBe(404)
  })
})

describe('PATCH /admin/api-keys/:id', () => {
  test("200: monthlyCredits and rateLimit act as the key's cap and rate", async () => {
    const key = await issue('capped')
    const patched = await patch(key.id, { monthlyCredits: 5, rateLimit: 200 })
    expect(patched).toMatchObject({ monthlyCredits: 5, rateLimit: 200 })
    expect(await keyState(key.id)).toMatchObject({ monthly_cap: 5, rate_limit: 200 })
    await charge(key.id, 5)
    await expect(charge(key.id, 1)).rejects.toThrow('key_cap_reached')
    await charge((await issue('capped')).id, 1)
  })

  test("200: tier changes the plan of the key's account: a higher one at once, a lower one next month", async () => {
    const key = await issue('tiered')
    const sister = await issue('tiered')
    await charge(key.id, 1)
    expect(await patch(key.id, { tier: 'pro' })).toMatchObject({
      ...{ tier: 'pro', rateLimit: 100, monthlyCredits: 5_000 },
      allowedEndpoints: ['search', 'stt', 'tts'],
    })
    await charge(sister.id, 4_999)
    expect(await patch(sister.id, { tier: 'free' })).toMatchObject({ tier: 'pro' })
    const { account } = await get('tiered', 'GET', '/account')
    expect(account.plannedPlan).toEqual({ plan: 'free', from: '2030-07-01T00:00:00.000Z' })
    await ledger.travelTo('2030-07-01T00:00:00Z')
    expect((await get('tiered', 'GET', `/api-keys/${key.id}`)).apiKey.tier).toBe('free')
    expect((await get('tiered', 'GET', '/account')).account.plannedPlan).toBeNull()
    await charge(key.id, 100)
    await expect(charge(key.id, 1)).rejects.toThrow('insufficient_credits')
  })

  test('200: resetCredits grants again what the account used this month, until its end', async () => {
    const key = await issue('reset')
    const sister = await issue('reset')
    await charge(key.id, 60)
    await charge(sister.id, 40)
    await patch(key.id, { resetCredits: true })
    const { balance } = await get('reset', 'GET', '/account/balance')
    expect(balance.available).toBe(100)
    expect(balance.lots.at(-1)).toMatchObject({
      ...{ kind: 'promotional', granted: 100, expiresAt: balance.lots[0].expiresAt },
    })
  })

  test('200: another reset grants only what was used since', async () => {
    const key = await issue('reset-twice')
    await charge(key.id, 60)
    await Promise.all([1, 2, 3].map(() => patch(key.id, { resetCredits: true })))
    const available = async () =>
      (await get('reset-twice', 'GET', '/account/balance')).balance.available
    expect(await available()).toBe(100)
    await charge(key.id, 30)
    await patch(key.id, { resetCredits: true })
    expect(await available()).toBe(100)
  })

  test('200: active enables and disables; names and the rest change as for owners', async () => {
    const key = await issue('plain')
    const body = { active: false, name: 'By an operator', allowedIps: ['::1'] }
    expect(await patch(key.id, body)).toMatchObject(body)
    expect(await patch(key.id, { active: true })).toMatchObject({ ...body, active: true })
  })

  test('200: a reason is stored with the events and not shown with the key', async () => {
    const key = await issue('reasoned', { allowedIps: ['10.0.0.1'] })
    await patch(key.id, { active: false, reason: 'Complaint 42' })
    await patch(key.id, { name: 'Renamed', reason: 'Complaint 43' })
    const { apiKey } = await get('reasoned', 'GET', `/api-keys/${key.id}`)
    expect(apiKey).toMatchObject({ name: 'Renamed', allowedIps: ['10.0.0.1'] })
    const { events } = await get('auditor', 'GET', `/admin/events?keyId=${key.id}`)
    expect(events).toMatchObject([
      { type: 'KeyIssued', actor: 'user:reasoned' },
      { type: 'KeyDisabled', actor: 'admin:admin', reason: 'Complaint 42' },
      { type: 'KeyUpdated', actor: 'admin:admin', reason: 'Complaint 43' },
    ])
    expect(events[0]).not.toHaveProperty('reason')
  })

  test('a patch that is refused in part changes nothing', async () => {
    const key = await issue('atomic')
    await charge(key.id, 10)
    const size = await ledger.size()
    const bodies: [status: number, body: object][] = [
      [400, { tier: 'gold', monthlyCredits: 5, resetCredits: true }],
      [400, { name: 'x', allowedEndpoints: ['serach'], tier: 'pro' }],
      [400, { active: false, expiresAt: '2000-01-01T00:00:00Z', resetCredits: true }],
      [400, { tier: 'pro', creditsUsed: 0 }],
    ]
    for (const [status, body] of bodies) {
      const response = await ask('admin', 'PATCH', `/admin/api-keys/${key.id}`, body)
      expect([body, response.status]).toEqual([body, status])
    }
    expect(await ledger.size()).toBe(size)
  })

  test('400 points at the field by its name in the request', async () => {
    const key = await issue('pointed')
    const response = await ask('admin', 'PATCH', `/admin/api-keys/${key.id}`, { tier: 'gold' })
    expect(await response.json()).toMatchObject({
      errors: [{ pointer: '/tier', detail: 'no such plan: expected enterprise, free, pro' }],
    })
  })

  test('409: a revoked key accepts nothing more', async () => {
    const key = await issue('gone')
    await get('admin', 'DELETE', `/admin/api-keys/${key.id}`)
    const bodies = [
      { active: true },
      { monthlyCredits: 5 },
      { tier: 'pro' },
      { resetCredits: true },
    ]
    for (const body of bodies) {
      const response = await ask('admin', 'PATCH', `/admin/api-keys/${key.id}`, body)
      expect(response.status).toBe(409)
    }
    expect((await get('gone', 'GET', '/account')).account.plan).toBe('free')
  })

  test('404', async () => {
    const response = await ask('admin', 'PATCH', '/admin/api-keys/key_none', { name: 'x' })
    expect(response.status).toBe(404)
  })
})

describe('DELETE /admin/api-keys/:id', () => {
  test("200: revokes anyone's key, with or without a reason", async () => {
    for (const body of [undefined, { reason: 'Leaked' }]) {
      const key = await issue('someone')
      const { apiKey } = await get('admin', 'DELETE', `/admin/api-keys/${key.id}`, body)
      expect(apiKey).toMatchObject({ active: false, revokedAt: expect.any(String) })
    }
  })
})

test('the gateway warned of nothing', () => {
  expect(app.logged).toEqual([])
})
