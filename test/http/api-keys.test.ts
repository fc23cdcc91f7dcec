import { afterAll, describe, expect, test } from 'bun:test'
import { hashKey } from '../../src/gate/authenticate/key-format.ts'
import { readKeyByHash } from '../../src/ledger/read/read-key-by-hash.ts'
import { type Json, openTestApp } from '../support/management-test-app.ts'
import frozenKey from './fixtures/api-key.json' with { type: 'json' }

const app = await openTestApp()
const { ask, ledger, get, issue, charge } = app
afterAll(() => app[Symbol.asyncDispose]())

describe('POST /api-keys', () => {
  test('201: the key works, is shown once, and its object has the fields of the replaced service', async () => {
    const { allowedEndpoints, allowedIps, description, expiresAt, monthlyCredits, rateLimit } =
      frozenKey
    const response = await ask('user-1', 'POST', '/api-keys', {
      ...{ name: 'Robot', tier: 'free', environment: 'live', description, rateLimit },
      ...{ monthlyCredits, allowedEndpoints, allowedIps, expiresAt },
    })
    expect(response.status).toBe(201)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { message, key, apiKey } = (await response.json()) as Json
    expect(message).toBeString()
    expect(apiKey).toEqual({
      ...frozenKey,
      id: expect.stringMatching(/^key_/),
      keyPrefix: `sk_live_…${key.slice(-4)}`,
      accountId: expect.stringMatching(/^acc_/),
      // What the replaced service did not have.
      ...{ budgets: [], group: null },
    })

    const record = await readKeyByHash(ledger.sql, hashKey(key))
    expect(record).toMatchObject({ keyId: apiKey.id, monthlyCap: 50, keyRateLimit: 5 })
    const listed = await (await ask('user-1', 'GET', '/api-keys')).text()
    expect(listed).not.toContain(key)
  })

  test('201: a key without limits of its own has those of its account', async () => {
    expect(await issue('plain')).toMatchObject({
      ...{ description: null, tier: 'free', rateLimit: 10, monthlyCredits: 100 },
      ...{ allowedEndpoints: ['search'], allowedIps: [], expiresAt: null, mode: 'live' },
    })
  })

  test('201: ten keys of a free owner have one account and its one allowance', async () => {
    const keys = await Promise.all(Array.from({ length: 10 }, () => issue('ten')))
    expect(new Set(keys.map((key) => key.accountId)).size).toBe(1)
    expect(new Set(keys.map((key) => key.id)).size).toBe(10)
    for (const key of keys) await charge(key.id, 10)
    const { balance } = await get('ten', 'GET', '/account/balance')
    expect(balance).toMatchObject({ available: 0, month: { settled: 100 } })
    await expect(charge(keys[0].id, 1)).rejects.toThrow('insufficient_credits')
  })

  test('201: a test key has a balance of its own', async () => {
    const live = await issue('modes')
    const key = await issue('modes', { mode: 'test' })
    expect(key).toMatchObject({ mode: 'test', keyPrefix: expect.stringMatching(/^sk_test_/) })
    await charge(key.id, 60)
    await charge(live.id, 10)
    const { balance } = await get('modes', 'GET', '/account/balance?mode=test')
    expect(balance.available).toBe(40)
  })

  test('201: an organisation owns the key, whichever member issued it', async () => {
    const made = await issue('user-2@org-1')
    expect(made).toMatchObject({ userId: 'user-2', organizationId: 'org-1' })
    const { apiKey } = await get('user-3@org-1', 'GET', `/api-keys/${made.id}`)
    expect(apiKey.id).toBe(made.id)
    expect((await ask('user-2', 'GET', `/api-keys/${made.id}`)).status).toBe(404)
  })

  test('403: the owner asks for another plan', async () => {
    for (const tier of ['enterprise', 'pro', 'no-such-plan']) {
      const response = await ask('climber', 'POST', '/api-keys', { name: 'x', tier })
      expect(response.status).toBe(403)
      expect(await response.json()).toMatchObject({ code: 'plan_not_grantable', statusCode: 403 })
    }
    expect((await get('climber', 'GET', '/api-keys')).apiKeys).toEqual([])
  })

  test('201: the owner names the plan the account is on', async () => {
    const { accountId } = await issue('promoted')
    await get('admin', 'PATCH', `/admin/accounts/${accountId}`, { plan: 'pro' })
    expect(await issue('promoted', { tier: 'pro' })).toMatchObject({ tier: 'pro', rateLimit: 100 })
    expect(await issue('promoted', { tier: 'free' })).toMatchObject({ tier: 'pro' })
  })

  test('403: the account is frozen', async () => {
    const { accountId } = await issue('frozen')
    await get('admin', 'PATCH', `/admin/accounts/${accountId}`, { frozen: true })
    const response = await ask('frozen', 'POST', '/api-keys', { name: 'x' })
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ code: 'account_frozen' })
  })

  const invalid: [pointer: string, body: object][] = [
    ['/name', {}],
    ['/name', { name: '' }],
    ['/name', { name: 'x'.repeat(201) }],
    ['/name', { name: 'half a \ud83d pair' }],
    ['/name', { name: 'nul \0' }],
    ['/description', { name: 'x', description: 'nul \0' }],
    ['/tier', { name: 'x', tier: 1 }],
    ['/nmae', { name: 'x', nmae: 'y' }],
    ['/rateLimit', { name: 'x', rateLimit: 0 }],
    ['/rateLimit', { name: 'x', rateLimit: 11 }],
    ['/monthlyCredits', { name: 'x', monthlyCredits: -1 }],
    ['/monthlyCredits', { name: 'x', monthlyCredits: 1.5 }],
    ['/monthlyCredits', { name: 'x', monthlyCredits: 1e21 }],
    ['/allowedEndpoints', { name: 'x', allowedEndpoints: ['serach'] }],
    ['/allowedEndpoints', { name: 'x', allowedEndpoints: [] }],
    ['/allowedEndpoints', { name: 'x', allowedEndpoints: 'search' }],
    ['/allowedIps/1', { name: 'x', allowedIps: ['10.0.0.1', '10.0.0.0/33'] }],
    ['/expiresAt', { name: 'x', expiresAt: 'tomorrow' }],
    ['/expiresAt', { name: 'x', expiresAt: '2031-02-30T00:00:00Z' }],
    ['/expiresAt', { name: 'x', expiresAt: '2030-06-15T12:00:00Z' }],
    ['/mode', { name: 'x', mode: 'sandbox' }],
    ['/environment', { name: 'x', mode: 'test', environment: 'live' }],
  ]
  for (const [pointer, body] of invalid) {
    test(`400 at ${pointer}: ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const response = await ask('careless', 'POST', '/api-keys', body)
      expect(response.status).toBe(400)
      const problem = (await response.json()) as Json
      expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
      expect(problem.errors).toHaveLength(1)
    })
  }

  test('400 says everything that is wrong', async () => {
    const body = { nmae: 'x', rateLimit: 'fast', allowedIps: 1 }
    const problem = (await (await ask('careless', 'POST', '/api-keys', body)).json()) as Json
    expect(problem.errors).toEqual([
      { pointer: '/name', detail: 'missing' },
      { pointer: '/nmae', detail: 'unknown field' },
      { pointer: '/rateLimit', detail: 'expected an integer from 1 to 1000000, or null' },
      {
        pointer: '/allowedIps',
        detail: 'expected a list of at most 100 IP addresses and CIDR ranges',
      },
    ])
  })
})

describe('GET /api-keys', () => {
  test('200: an owner sees their own keys only, the newest first, revoked ones too', async () => {
    const first = await issue('lister', { name: 'first' })
    await ledger.advance(1_000)
    await issue('lister', { name: 'second' })
    await issue('stranger')
    await get('lister', 'DELETE', `/api-keys/${first.id}`)
    const { apiKeys } = await get('lister', 'GET', '/api-keys')
    expect(apiKeys).toMatchObject([
      { name: 'second', active: true, revokedAt: null },
      { name: 'first', active: false, revokedAt: expect.any(String) },
    ])
  })

  test('200: an owner without an account has no keys', async () => {
    expect(await get('nobody', 'GET', '/api-keys')).toEqual({ apiKeys: [] })
  })
})

describe('GET /api-keys/:id', () => {
  test('200: shows what the key used this month, and when it was used last', async () => {
    const key = await issue('reader')
    await charge(key.id, 7)
    await app.catchUp()
    const { apiKey } = await get('reader', 'GET', `/api-keys/${key.id}`)
    const lastUsedAt = ledger.now.toISOString()
    expect(apiKey).toMatchObject({ creditsUsed: 7, lastUsedAt })
  })

  test("404: another owner's key looks like one that does not exist", async () => {
    const key = await issue('owner')
    const bodies = await Promise.all(
      [key.id, 'key_0000000000000000000000'].map(async (id) => {
        const response = await ask('thief', 'GET', `/api-keys/${id}`)
        expect(response.status).toBe(404)
        const { requestId, ...body } = (await response.json()) as Json
        return body
      }),
    )
    expect(bodies[0]).toEqual(bodies[1])
  })

  test("404: another owner's key cannot be changed, revoked, rotated or looked into", async () => {
    const key = await issue('owner')
    const attempts: [method: string, path: string, body?: object][] = [
      ['PATCH', '', { name: 'mine' }],
      ['DELETE', ''],
      ['POST', '/regenerate'],
      ['GET', '/usage'],
      ['GET', '/usage/summary'],
      ['GET', '/events'],
    ]
    for (const [method, path, body] of attempts) {
      const response = await ask('thief', method, `/api-keys/${key.id}${path}`, body)
      expect(response.status).toBe(404)
    }
    expect((await get('owner', 'GET', `/api-keys/${key.id}`)).apiKey).toEqual(key)
  })

  test('404: an admin is an owner like any other here', async () => {
    const key = await issue('owner')
    expect((await ask('admin', 'GET', `/api-keys/${key.id}`)).status).toBe(404)
  })

  test('400: an id that no key can have', async () => {
    for (const id of ['a%00b', 'a%20b', '%ff', 'x'.repeat(65)]) {
      expect((await ask('owner', 'GET', `/api-keys/${id}`)).status).toBe(400)
    }
  })
})

describe('PATCH /api-keys/:id', () => {
  test('200: a group and budgets of its own, which its calls count in', async () => {
    const key = await issue('grouper')
    const budgets = [{ credits: 20, per: 'day', timeZone: 'Europe/Berlin' }]
    const path = `/api-keys/${key.id}`
    const { apiKey } = await get('grouper', 'PATCH', path, { budgets, group: 'team-a' })
    expect(apiKey).toEqual({ ...key, budgets, group: 'team-a', version: 3 })
    const ofGroup = [{ credits: 15, per: 'day', timeZone: 'Europe/Berlin', group: 'team-a' }]
    await get('grouper', 'PATCH', '/account', { budgets: ofGroup })
    await expect(charge(key.id, 16)).rejects.toThrow('budget_exceeded')
    await get('grouper', 'PATCH', path, { group: null })
    await charge(key.id, 16)
    await expect(charge(key.id, 5)).rejects.toThrow('budget_exceeded')
    const wrong = { budgets: [{ ...budgets[0], timeZone: 'Berlin' }], group: 'team a' }
    for (const field of ['budgets', 'group'] as const) {
      const refused = await ask('grouper', 'PATCH', path, { [field]: wrong[field] })
      expect(refused.status).toBe(400)
    }
  })

  test('200: changes the given fields and nothing else, in one event', async () => {
    const key = await issue('patcher', { description: 'as it was', allowedIps: ['10.0.0.1'] })
    const { apiKey } = await get('patcher', 'PATCH', `/api-keys/${key.id}`, {
      ...{ name: 'New name', active: false, monthlyCredits: 5, rateLimit: 3 },
      ...{ allowedEndpoints: ['search'], expiresAt: '2032-01-01T01:00:00+01:00' },
    })
    expect(apiKey).toEqual({
      ...key,
      ...{ name: 'New name', active: false, monthlyCredits: 5, rateLimit: 3 },
      ...{ allowedEndpoints: ['search'], expiresAt: '2032-01-01T00:00:00.000Z', version: 4 },
    })
  })

  test('200: null removes a limit', async () => {
    const key = await issue('patcher', { rateLimit: 3, monthlyCredits: 5, description: 'x' })
    const nothing = { rateLimit: null, monthlyCredits: null, description: null, expiresAt: null }
    const { apiKey } = await get('patcher', 'PATCH', `/api-keys/${key.id}`, nothing)
    expect(apiKey).toMatchObject({ rateLimit: 10, monthlyCredits: 100, description: null })
  })

  test('200: a patch that changes nothing appends no event', async () => {
    const key = await issue('patcher')
    const before = await ledger.size()
    for (const body of [{}, { name: 'A key', active: true, allowedIps: [] }]) {
      const { apiKey } = await get('patcher', 'PATCH', `/api-keys/${key.id}`, body)
      expect(apiKey.version).toBe(1)
    }
    expect(await ledger.size()).toBe(before)
  })

  test('200: a disabled key buys nothing until it is enabled', async () => {
    const key = await issue('switch')
    await get('switch', 'PATCH', `/api-keys/${key.id}`, { active: false })
    await expect(charge(key.id, 1)).rejects.toThrow('key_disabled')
    await get('switch', 'PATCH', `/api-keys/${key.id}`, { active: true })
    await charge(key.id, 1)
  })

  test('400: a key can only narrow, and its plan is not among its fields', async () => {
    const key = await issue('patcher')
    for (const body of [{ rateLimit: 11 }, { tier: 'pro' }, { resetCredits: true }, []]) {
      const response = await ask('patcher', 'PATCH', `/api-keys/${key.id}`, body)
      expect(response.status).toBe(400)
    }
  })

  test('409: a revoked key accepts nothing more', async () => {
    const key = await issue('patcher')
    await get('patcher', 'DELETE', `/api-keys/${key.id}`)
    const attempts: [method: string, path: string, body?: object][] = [
      ['PATCH', '', { name: 'risen' }],
      ['PATCH', '', { active: true }],
      ['POST', '/regenerate'],
    ]
    for (const [method, path, body] of attempts) {
      const response = await ask('patcher', method, `/api-keys/${key.id}${path}`, body)
      expect(response.status).toBe(409)
    }
  })
})

describe('DELETE /api-keys/:id', () => {
  test('200: the key buys nothing more; a second request gives the same', async () => {
    const key = await issue('revoker')
    const { apiKey } = await get('revoker', 'DELETE', `/api-keys/${key.id}`)
    expect(apiKey).toMatchObject({ active: false, revokedAt: expect.any(String), version: 2 })
    await expect(charge(key.id, 1)).rejects.toThrow('key_revoked')
    const again = await get('revoker', 'DELETE', `/api-keys/${key.id}`)
    expect(again.apiKey).toEqual(apiKey)
  })
})

test('the length of a name counts characters, not the units of their encoding', async () => {
  const longest = '🦄'.repeat(200)
  const apiKey = await issue('unicorn', { name: longest, description: '🦄'.repeat(2_000) })
  expect(apiKey.name).toBe(longest)
  for (const body of [
    { name: `${longest}a` },
    { name: 'a'.repeat(201) },
    { name: '' },
    { name: 'x', description: '🦄'.repeat(2_001) },
  ]) {
    const response = await ask('unicorn', 'POST', '/api-keys', body)
    expect(response.status).toBe(400)
    expect((await response.json()).errors[0].detail).toMatch(/^expected a text of /)
  }
})

describe('POST /api-keys/:id/regenerate', () => {
  test('200: a new secret; the old one is unknown at once', async () => {
    const { key: old, apiKey } = await get('rotator', 'POST', '/api-keys', { name: 'x' })
    const rotated = await get('rotator', 'POST', `/api-keys/${apiKey.id}/regenerate`)
    expect(rotated.key).not.toBe(old)
    expect(rotated.apiKey).toMatchObject({ id: apiKey.id, version: 2 })
    expect(await readKeyByHash(ledger.sql, hashKey(old))).toBeUndefined()
    expect(await readKeyByHash(ledger.sql, hashKey(rotated.key))).toMatchObject({
      keyId: apiKey.id,
      previousUntil: null,
    })
  })

  test('200: with a grace period, the old secret is valid until its end', async () => {
    const { key: old, apiKey } = await get('rotator', 'POST', '/api-keys', { name: 'x' })
    await get('rotator', 'POST', `/api-keys/${apiKey.id}/regenerate`, { graceSeconds: 60 })
    const previousUntil = new Date(ledger.now.getTime() + 60_000)
    expect(await readKeyByHash(ledger.sql, hashKey(old))).toMatchObject({ previousUntil })
  })

  test('400: a grace period that is not valid', async () => {
    const { id } = await issue('rotator')
    for (const body of [{ graceSeconds: -1 }, { graceSeconds: '60' }, { grace: 60 }, 60, 'x']) {
      const response = await ask('rotator', 'POST', `/api-keys/${id}/regenerate`, body)
      expect(response.status).toBe(400)
    }
  })
})

describe('GET /api-keys/:id/usage', () => {
  test('200: by day and endpoint, for the given days', async () => {
    const key = await issue('user')
    await charge(key.id, 3)
    await charge(key.id, 4)
    await app.catchUp()
    const { usage } = await get('user', 'GET', `/api-keys/${key.id}/usage`)
    expect(usage).toEqual([
      {
        ...{ date: '2030-06-15', endpoint: 'search', requests: 2, errors: 0 },
        ...{ credits: 7, quantity: 7, avgLatencyMs: 5 },
      },
    ])
    const path = `/api-keys/${key.id}/usage?from=2030-06-01&to=2030-06-14`
    expect(await get('user', 'GET', path)).toEqual({ usage: [] })
  })

  test('200: the sum of a month, or of all time', async () => {
    const key = await issue('user')
    await charge(key.id, 3)
    await app.catchUp()
    const path = `/api-keys/${key.id}/usage/summary`
    const { summary } = await get('user', 'GET', path)
    expect(summary).toMatchObject({ requests: 1, credits: 3, errorRate: 0 })
    expect((await get('user', 'GET', `${path}?month=2030-05`)).summary.requests).toBe(0)
  })

  test('400: days and months that no calendar has', async () => {
    const { id } = await issue('user')
    const queries = [
      ...['usage?from=2030-02-30', 'usage?to=yesterday', 'usage?from=', 'usage?from=%00'],
      ...['usage/summary?month=2030-13', 'usage/summary?month=June'],
    ]
    for (const query of queries) {
      const response = await ask('user', 'GET', `/api-keys/${id}/${query}`)
      expect([query, response.status]).toEqual([query, 400])
    }
  })
})

describe('GET /api-keys/:id/events', () => {
  test('200: a revoked key keeps its history: its life and its calls', async () => {
    const key = await issue('historian')
    await charge(key.id, 2)
    await get('historian', 'PATCH', `/api-keys/${key.id}`, { name: 'Secret name' })
    await get('historian', 'DELETE', `/api-keys/${key.id}`)
    const response = await ask('historian', 'GET', `/api-keys/${key.id}/events`)
    const text = await response.text()
    const { events, nextCursor } = JSON.parse(text)
    expect(events.map((event: Json) => event.type)).toEqual([
      ...['KeyIssued', 'CreditsHeld', 'HoldSettled', 'KeyUpdated', 'KeyRevoked'],
    ])
    expect(events.at(-1)).toMatchObject({ actor: 'user:historian', summary: 'Key revoked' })
    expect(nextCursor).toBeNull()
    expect(text).not.toContain('Secret name')
  })

  test('200: page by page, and by type', async () => {
    const key = await issue('historian')
    await charge(key.id, 2)
    await get('historian', 'DELETE', `/api-keys/${key.id}`)
    const path = `/api-keys/${key.id}/events`
    const types: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query: string = cursor && `&cursor=${cursor}`
      const page = await get('historian', 'GET', `${path}?limit=1${query}`)
      types.push(...page.events.map((event: Json) => event.type))
      cursor = page.nextCursor
    }
    expect(types).toEqual(['KeyIssued', 'CreditsHeld', 'HoldSettled', 'KeyRevoked'])
    const { events } = await get('historian', 'GET', `${path}?type=KeyRevoked`)
    expect(events).toHaveLength(1)
  })

  test('200: which operator acted is not shown to the owner', async () => {
    const key = await issue('historian')
    await get('admin', 'DELETE', `/admin/api-keys/${key.id}`, { reason: 'Leaked on a forum' })
    const text = await (await ask('historian', 'GET', `/api-keys/${key.id}/events`)).text()
    expect(JSON.parse(text).events.at(-1)).toMatchObject({ type: 'KeyRevoked', actor: 'operator' })
    expect(text).not.toContain('forum')
  })

  test('400: a type, cursor or limit that is not valid', async () => {
    const { id } = await issue('historian')
    for (const query of ['type=KeyStolen', 'cursor=12', 'limit=0', 'limit=201', 'limit=all']) {
      const response = await ask('historian', 'GET', `/api-keys/${id}/events?${query}`)
      expect([query, response.status]).toEqual([query, 400])
    }
  })
})

test('the gateway warned of nothing', () => {
  expect(app.logged).toEqual([])
})
