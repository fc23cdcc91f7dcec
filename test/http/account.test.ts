import { afterAll, describe, expect, test } from 'bun:test'
import { openTestApp } from '../support/management-test-app.ts'

const app = await openTestApp()
const { ask, ledger, get, issue, charge } = app
afterAll(() => app[Symbol.asyncDispose]())

describe('GET /account', () => {
  test('200: the plan and its limits', async () => {
    const { accountId } = await issue('u1')
    expect(await get('u1', 'GET', '/account')).toEqual({
      account: {
        ...{ accountId, owner: { kind: 'user', id: 'u1' }, version: 2 },
        ...{ plan: 'free', plannedPlan: null, frozen: false, erased: false },
        openedAt: ledger.now.toISOString(),
        profile: { name: null, contact: null, billingAddress: [], taxId: null },
        ownLimits: { rateLimit: null, maxInFlight: null },
        budgets: [],
        ...{ rateLimit: 10, windowMs: 60_000, maxInFlight: 10, monthlyCredits: 100 },
        rateLimits: [{ counts: 'calls', limit: 10, windowMs: 60_000 }],
        ...{ endpoints: ['search'], fee: { minorUnits: 0, currency: 'EUR' } },
      },
    })
  })

  test('404: no key was issued yet', async () => {
    for (const path of ['/account', '/account/balance', '/account/statements/2030-06']) {
      const response = await ask('newcomer', 'GET', path)
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ code: 'not_found' })
    }
  })
})

describe('PATCH /account', () => {
  const daily = { credits: 20, per: 'day', timeZone: 'Europe/Berlin' }

  test('200: budgets, in place of those before, which calls count in', async () => {
    const key = await issue('budgeted')
    const { account } = await get('budgeted', 'PATCH', '/account', { budgets: [daily] })
    expect(account.budgets).toEqual([daily])
    await charge(key.id, 15)
    await expect(charge(key.id, 6)).rejects.toThrow('budget_exceeded')
    const { balance } = await get('budgeted', 'GET', '/account/balance')
    expect(balance.budgets).toEqual([
      {
        ...{ ...daily, name: 'account day Europe/Berlin', used: 15, left: 5 },
        ...{ startsAt: '2030-06-14T22:00:00.000Z', endsAt: '2030-06-15T22:00:00.000Z' },
      },
    ])
    await get('budgeted', 'PATCH', '/account', { budgets: [] })
    await charge(key.id, 6)
  })

  test.each([
    [
      'a time zone that there is not',
      '/budgets/0/timeZone',
      [{ ...daily, timeZone: 'Mars/Olympus' }],
    ],
    ['another span', '/budgets/0/per', [{ ...daily, per: 'hour' }]],
    ['a negative amount', '/budgets/0/credits', [{ ...daily, credits: -1 }]],
    ['the same budget twice', '/budgets/1', [daily, { ...daily, credits: 7 }]],
    ['an unknown field', '/budgets/0/warn', [{ ...daily, warn: true }]],
  ])('400: %s', async (_, pointer, budgets) => {
    await issue('mistaken')
    const response = await ask('mistaken', 'PATCH', '/account', { budgets })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] })
  })

  test('404: no key was issued yet', async () => {
    expect((await ask('newcomer', 'PATCH', '/account', { budgets: [] })).status).toBe(404)
  })
})

describe('GET /account/balance', () => {
  test('200: before the first call the allowance is due and counts as available', async () => {
    await issue('u2')
    expect(await get('u2', 'GET', '/account/balance')).toEqual({
      balance: {
        ...{ available: 100, held: 0, debt: 0, lots: [] },
        allowance: { month: '2030-06', granted: 0, due: 100 },
        month: { settled: 0, refunded: 0, calls: 0 },
        overageDue: 0,
        budgets: [],
      },
    })
  })

  test('200: lot by lot', async () => {
    const key = await issue('u3')
    const grant = { credits: 50, kind: 'paid', expiresAt: '2030-12-31T00:00:00Z' }
    await get('admin', 'POST', `/admin/accounts/${key.accountId}/grants`, grant)
    await charge(key.id, 120)
    const { balance } = await get('u3', 'GET', '/account/balance')
    expect(balance).toMatchObject({
      available: 30,
      lots: [
        { kind: 'allowance', granted: 100, settled: 100, available: 0 },
        { kind: 'paid', granted: 50, settled: 20, available: 30 },
      ],
    })
  })

  test('400: a mode that does not exist', async () => {
    expect((await ask('u3', 'GET', '/account/balance?mode=both')).status).toBe(400)
  })
})

describe('GET /account/statements/:month', () => {
  test("200: the month's charges, of all keys or of one", async () => {
    const [first, second] = [await issue('u4'), await issue('u4')]
    await charge(first.id, 3)
    await charge(second.id, 4)
    const { statement } = await get('u4', 'GET', '/account/statements/2030-06')
    expect(statement).toMatchObject({ keyId: null, charges: { calls: 2, credits: 7 } })
    const path = `/account/statements/2030-06?keyId=${first.id}&lines=true`
    const ofKey = (await get('u4', 'GET', path)).statement
    expect(ofKey.charges).toMatchObject({ calls: 1, credits: 3, lines: [{ keyId: first.id }] })
  })

  test('200: in any time zone, and as of an earlier position or time', async () => {
    const key = await issue('u8')
    await charge(key.id, 3)
    const { through, ...before } = (await get('u8', 'GET', '/account/statements/2030-06')).statement
    await charge(key.id, 4)
    const then = `/account/statements/2030-06?asOf=${through}&tz=Asia/Kathmandu`
    expect((await get('u8', 'GET', then)).statement).toMatchObject({
      ...{ timeZone: 'Asia/Kathmandu', from: '2030-05-31T18:15:00.000Z', through },
      ...{ asOf: { position: through }, charges: before.charges },
    })
    const now = `/account/statements/2030-06?asOf=${ledger.now.toISOString()}`
    expect((await get('u8', 'GET', now)).statement.charges).toMatchObject({ credits: 7 })
  })

  test('200: as CSV, and as a page that loads nothing and runs nothing', async () => {
    const key = await issue('u9')
    await charge(key.id, 3)
    const csv = await ask('u9', 'GET', '/account/statements/2030-06?format=csv')
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(csv.headers.get('content-disposition')).toMatch(
      /filename="statement-acc_\w+-2030-06.csv"/,
    )
    const [heads, ...rows] = (await csv.text()).trim().split('\r\n')
    expect(heads).toStartWith('accountId,keyId,mode,month,entry,')
    expect(rows.filter((row) => row.includes(',charge,'))).toHaveLength(1)
    const page = await ask('u9', 'GET', '/account/statements/2030-06?format=html')
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toStartWith("default-src 'none'")
    expect(await page.text()).toContain('<h1>Statement of acc_')
  })

  test.each([
    ['query/tz', 'tz=Europe/Atlantis'],
    ['query/asOf', 'asOf=0-999999999'],
    ['query/asOf', 'asOf=1-1'],
    ['query/asOf', 'asOf=2031-01-01T00:00:00Z'],
    ['query/asOf', 'asOf=yesterday'],
    ['query/format', 'format=pdf'],
  ])('400: %s, when it is %s', async (pointer, query) => {
    await issue('u7')
    const response = await ask('u7', 'GET', `/account/statements/2030-06?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ pointer }] })
  })

  test("404: another owner's key", async () => {
    const { id } = await issue('u5')
    await issue('u6')
    expect((await ask('u6', 'GET', `/account/statements/2030-06?keyId=${id}`)).status).toBe(404)
  })

  test('400: a month that does not exist or has not begun', async () => {
    await issue('u7')
    for (const month of ['2030-13', '2030-6', 'June', '2030-07', '2030-06%00']) {
      const response = await ask('u7', 'GET', `/account/statements/${month}`)
      expect([month, response.status]).toEqual([month, 400])
      expect(await response.json()).toMatchObject({ errors: [{ pointer: 'path/month' }] })
    }
  })
})

test('the gateway warned of nothing', () => {
  expect(app.logged).toEqual([])
})
