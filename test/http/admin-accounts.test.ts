import { afterAll, describe, expect, test } from 'bun:test'
import { type Json, openTestApp } from '../support/management-test-app.ts'

const app = await openTestApp()
const { ask, ledger, get, issue, charge } = app
afterAll(() => app[Symbol.asyncDispose]())

const grant = (accountId: string, body: object) =>
  ask('admin', 'POST', `/admin/accounts/${accountId}/grants`, body)

async function available(accountId: string): Promise<number> {
  return (await get('admin', 'GET', `/admin/accounts/${accountId}`)).balance.available
}

describe('GET /admin/accounts/:id', () => {
  test('200: the account and its credits', async () => {
    const { accountId } = await issue('u1')
    const { account, balance } = await get('auditor', 'GET', `/admin/accounts/${accountId}`)
    expect(account).toMatchObject({ accountId, plan: 'free', owner: { kind: 'user', id: 'u1' } })
    expect(balance).toMatchObject({ available: 100 })
  })

  test('404', async () => {
    expect((await ask('admin', 'GET', '/admin/accounts/acc_none')).status).toBe(404)
  })
})

describe('PATCH /admin/accounts/:id', () => {
  test('200: plan, limits and freeze, in one step', async () => {
    const key = await issue('u2')
    const path = `/admin/accounts/${key.accountId}`
    const limits = { rateLimit: 7, maxInFlight: 2 }
    const { account } = await get('admin', 'PATCH', path, { plan: 'pro', limits, frozen: true })
    expect(account).toMatchObject({ plan: 'pro', ownLimits: limits, ...limits, frozen: true })
    await expect(charge(key.id, 1)).rejects.toThrow('account_frozen')

    const back = { limits: { rateLimit: null }, frozen: false }
    expect((await get('admin', 'PATCH', path, back)).account).toMatchObject({
      ...{ rateLimit: 100, maxInFlight: 2, frozen: false },
      ownLimits: { rateLimit: null, maxInFlight: 2 },
    })
    await charge(key.id, 1)
  })

  test('200: an upgrade grants the difference to the new allowance at once', async () => {
    const key = await issue('u3')
    await charge(key.id, 100)
    await get('admin', 'PATCH', `/admin/accounts/${key.accountId}`, { plan: 'pro' })
    expect(await available(key.accountId)).toBe(4_900)
  })

  test('200: a downgrade counts from the next month on, and can be undone', async () => {
    const { accountId } = await issue('u4')
    const path = `/admin/accounts/${accountId}`
    await get('admin', 'PATCH', path, { plan: 'pro' })
    const down = (await get('admin', 'PATCH', path, { plan: 'free' })).account
    expect(down).toMatchObject({ plan: 'pro', plannedPlan: { plan: 'free' } })
    expect(await available(accountId)).toBe(5_000)
    const back = (await get('admin', 'PATCH', path, { plan: 'pro' })).account
    expect(back).toMatchObject({ plan: 'pro', plannedPlan: null })
  })

  test('400: nothing is done when part of it is wrong', async () => {
    const { accountId } = await issue('u5')
    const size = await ledger.size()
    const bodies = [
      ...[{ plan: 'gold', frozen: true }, { plan: '' }, { frozen: 'yes' }, { freeze: true }],
      ...[{ limits: { rateLimit: 0 } }, { limits: { rate: 1 } }, { limits: 5 }],
    ]
    for (const body of bodies) {
      const response = await ask('admin', 'PATCH', `/admin/accounts/${accountId}`, body)
      expect([body, response.status]).toEqual([body, 400])
    }
    expect(await ledger.size()).toBe(size)
  })

  test('404', async () => {
    const response = await ask('admin', 'PATCH', '/admin/accounts/acc_none', { frozen: true })
    expect(response.status).toBe(404)
  })
})

describe('POST /admin/accounts/:id/grants', () => {
  test('201: a lot of its own', async () => {
    const { accountId } = await issue('u6')
    const paid = { minorUnits: 1_000, currency: 'EUR' }
    const response = await grant(accountId, { credits: 500, kind: 'paid', paid })
    expect(response.status).toBe(201)
    const { position, credits } = ((await response.json()) as Json).grant
    expect(credits).toBe(500)
    const { balance } = await get('admin', 'GET', `/admin/accounts/${accountId}`)
    expect(balance.lots).toMatchObject([
      { lot: position, kind: 'paid', granted: 500, expiresAt: null },
    ])
  })

  test('201: the same externalId again gives the same response; 409 for another body', async () => {
    const { accountId } = await issue('u7')
    const body = { credits: 5, kind: 'promotional', externalId: 'order-1' }
    const first = await (await grant(accountId, body)).json()
    await ledger.advance(5_000)
    expect(await (await grant(accountId, body)).json()).toEqual(first)
    const other = await grant(accountId, { ...body, credits: 6 })
    expect(other.status).toBe(409)
    expect(await other.json()).toMatchObject({ code: 'conflict' })
    expect(await available(accountId)).toBe(105)
  })

  test('201: an externalId is unique per account, so another account may have it too', async () => {
    for (const user of ['u8', 'u9']) {
      const { accountId } = await issue(user)
      await grant(accountId, { credits: 5, kind: 'promotional', externalId: 'welcome' })
      expect(await available(accountId)).toBe(105)
    }
  })

  test('201: credits for later are not available before', async () => {
    const { accountId } = await issue('u10')
    const startsAt = '2030-06-20T00:00:00+02:00'
    await grant(accountId, { credits: 5, kind: 'promotional', startsAt })
    expect(await available(accountId)).toBe(100)
  })

  const invalid: [pointer: string, body: object][] = [
    ['/credits', { kind: 'paid' }],
    ['/credits', { kind: 'paid', credits: 0 }],
    ['/credits', { kind: 'paid', credits: '5' }],
    ['/credits', { kind: 'paid', credits: 1e15 }],
    ['/kind', { kind: 'allowance', credits: 5 }],
    ['/expiresAt', { kind: 'paid', credits: 5, expiresAt: '2030-06-15T12:00:00Z' }],
    [
      '/expiresAt',
      {
        ...{ kind: 'paid', credits: 5 },
        ...{ startsAt: '2031-01-01T00:00:00Z', expiresAt: '2030-12-01T00:00:00Z' },
      },
    ],
    ['/startsAt', { kind: 'paid', credits: 5, startsAt: '0001-01-01T00:00:00Z' }],
    ['/externalId', { kind: 'paid', credits: 5, externalId: 'reset:live:2030-06:1' }],
    ['/externalId', { kind: 'paid', credits: 5, externalId: 'a b' }],
    ['/paid/currency', { kind: 'paid', credits: 5, paid: { minorUnits: 1, currency: 'euro' } }],
    ['/paid', { kind: 'promotional', credits: 5, paid: { minorUnits: 1, currency: 'EUR' } }],
    ['/amount', { kind: 'paid', credits: 5, amount: 5 }],
  ]
  for (const [pointer, body] of invalid) {
    test(`400 at ${pointer}: ${JSON.stringify(body)}`, async () => {
      const { accountId } = await issue('u11')
      const response = await grant(accountId, body)
      expect(response.status).toBe(400)
      expect(((await response.json()) as Json).errors).toMatchObject([{ pointer }])
    })
  }

  test('404', async () => {
    expect((await grant('acc_none', { credits: 5, kind: 'paid' })).status).toBe(404)
  })
})

describe('POST /admin/accounts/:id/adjustments', () => {
  test('201: takes the credits that there are; the rest is a debt that the next lot repays', async () => {
    const { accountId } = await issue('u12')
    await grant(accountId, { credits: 50, kind: 'promotional' })
    const path = `/admin/accounts/${accountId}/adjustments`
    const { adjustment } = await get('admin', 'POST', path, { credits: 30, reason: 'Mistake' })
    expect(adjustment).toMatchObject({ taken: 30, debt: 0, positions: [expect.any(String)] })
    const rest = (await get('admin', 'POST', path, { credits: 1_000 })).adjustment
    expect(rest.taken + rest.debt).toBe(1_000)
    const before = await available(accountId)
    await grant(accountId, { credits: rest.debt + 1, kind: 'paid' })
    expect(await available(accountId)).toBe(before + 1)
  })

  test('400: an amount that is not valid', async () => {
    const { accountId } = await issue('u12')
    for (const body of [{}, { credits: -1 }, { credits: 1.5 }, { credits: null }]) {
      const path = `/admin/accounts/${accountId}/adjustments`
      expect((await ask('admin', 'POST', path, body)).status).toBe(400)
    }
  })
})

describe('POST /admin/charges/:id/refund', () => {
  const refund = (requestId: string, body?: object) =>
    ask('admin', 'POST', `/admin/charges/${requestId}/refund`, body)

  test('201: the whole charge without a body, and only once', async () => {
    const key = await issue('u13')
    const call = await charge(key.id, 10)
    const response = await refund(call)
    expect(response.status).toBe(201)
    expect(await response.json()).toMatchObject({ refund: { credits: 10 } })
    expect(await available(key.accountId)).toBe(100)
    const again = await refund(call)
    expect(again.status).toBe(409)
    expect(await again.json()).toMatchObject({ available: 0 })
  })

  test('201: in parts, never more than was charged', async () => {
    const key = await issue('u14')
    const call = await charge(key.id, 10)
    expect((await refund(call, { credits: 7, reason: 'Slow' })).status).toBe(201)
    const tooMuch = await refund(call, { credits: 4 })
    expect(tooMuch.status).toBe(409)
    expect(await tooMuch.json()).toMatchObject({ available: 3 })
    expect((await refund(call, { credits: 3 })).status).toBe(201)
    expect(await available(key.accountId)).toBe(100)
  })

  test('201: the same externalId again gives the same response', async () => {
    const key = await issue('u15')
    const call = await charge(key.id, 10)
    const body = { credits: 4, externalId: 'ticket-9' }
    const first = await (await refund(call, body)).json()
    expect(await (await refund(call, body)).json()).toEqual(first)
    expect(await available(key.accountId)).toBe(94)
  })

  test('404: no such call', async () => {
    expect((await refund('01a20000-0000-7000-8000-000000000000')).status).toBe(404)
  })

  test('400', async () => {
    for (const body of [{ credits: 0 }, { credits: '1' }, { amount: 1 }]) {
      expect((await refund('anything', body)).status).toBe(400)
    }
    expect((await refund('a%00b')).status).toBe(400)
  })
})

test('the gateway warned of nothing', () => {
  expect(app.logged).toEqual([])
})
