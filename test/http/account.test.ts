import { afterAll, describe, expect, test } from 'bun:test'
import { openTestApp } from '../support/management.ts'

const app = await openTestApp()
const { ask, book, get, issue, charge } = app
afterAll(() => app[Symbol.asyncDispose]())

describe('GET /account', () => {
  test('200: the plan, and what it allows', async () => {
    const { accountId } = await issue('u1')
    expect(await get('u1', 'GET', '/account')).toEqual({
      account: {
        ...{ accountId, owner: { kind: 'user', id: 'u1' }, version: 2 },
        ...{ plan: 'free', plannedPlan: null, frozen: false, erased: false },
        openedAt: book.now.toISOString(),
        ownLimits: { rateLimit: null, maxInFlight: null },
        ...{ rateLimit: 10, windowMs: 60_000, maxInFlight: 10, monthlyCredits: 100 },
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

describe('GET /account/balance', () => {
  test('200: before the first call the allowance is due and counts as available', async () => {
    await issue('u2')
    expect(await get('u2', 'GET', '/account/balance')).toEqual({
      balance: {
        ...{ available: 100, held: 0, debt: 0, lots: [] },
        allowance: { month: '2030-06', granted: 0, due: 100 },
        month: { settled: 0, refunded: 0, calls: 0 },
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

  test('400: a mode that is none', async () => {
    expect((await ask('u3', 'GET', '/account/balance?mode=both')).status).toBe(400)
  })
})

describe('GET /account/statements/:month', () => {
  test("200: the month's charges; of one key, when asked", async () => {
    const [first, second] = [await issue('u4'), await issue('u4')]
    await charge(first.id, 3)
    await charge(second.id, 4)
    const { statement } = await get('u4', 'GET', '/account/statements/2030-06')
    expect(statement).toMatchObject({ keyId: null, charges: { calls: 2, credits: 7 } })
    const path = `/account/statements/2030-06?keyId=${first.id}&lines=true`
    const ofKey = (await get('u4', 'GET', path)).statement
    expect(ofKey.charges).toMatchObject({ calls: 1, credits: 3, lines: [{ keyId: first.id }] })
  })

  test("404: another owner's key", async () => {
    const { id } = await issue('u5')
    await issue('u6')
    expect((await ask('u6', 'GET', `/account/statements/2030-06?keyId=${id}`)).status).toBe(404)
  })

  test('400: a month that is none, or has not begun', async () => {
    await issue('u7')
    for (const month of ['2030-13', '2030-6', 'June', '2030-07', '2030-06%00']) {
      const response = await ask('u7', 'GET', `/account/statements/${month}`)
      expect([month, response.status]).toEqual([month, 400])
      expect(await response.json()).toMatchObject({ errors: [{ pointer: '/month' }] })
    }
  })
})

test('nothing went wrong unseen', () => {
  expect(app.logged).toEqual([])
})
