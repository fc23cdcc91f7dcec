/** What pages draw: usage of all keys, credits over time, statements, charges, receipts and prices. */
import { afterAll, describe, expect, test } from 'bun:test'
import { storeRefusals } from '../../src/ledger/refusals/stored-refusals.ts'
import { newRequestId } from '../../src/lib/ids.ts'
import { openTestApp } from '../support/management-test-app.ts'

const app = await openTestApp()
const { ask, ledger, get, issue, charge, catchUp } = app
afterAll(() => app[Symbol.asyncDispose]())

const today = '2030-06-15'
const sum = (figures: readonly number[]) => figures.reduce((total, figure) => total + figure, 0)

describe('GET /account/usage', () => {
  test('200: the charges of all keys agree to the credit with balance and statement', async () => {
    const [first, second] = [await issue('u1'), await issue('u1')]
    await charge(first.id, 3)
    await charge(second.id, 4)
    await charge(second.id, 5)
    await catchUp()
    const { usage } = await get('u1', 'GET', '/account/usage?group=key')
    expect(usage.steps).toHaveLength(30)
    expect(usage.steps.at(-1)).toBe(`${today}T00:00:00.000Z`)
    expect(usage.series.map(({ name }: { name: string }) => name)).toEqual([second.id, first.id])
    expect(usage.series.map((s: { credits: number[] }) => s.credits.at(-1))).toEqual([9, 3])
    expect(usage.total).toEqual({ calls: 3, failed: 0, refused: 0, credits: 12 })
    const { balance } = await get('u1', 'GET', '/account/balance')
    const { statement } = await get('u1', 'GET', '/account/statements/2030-06')
    expect([100 - balance.available, statement.charges.credits]).toEqual([12, 12])
  })

  test('200: by hour, of one key, by route, model or outcome', async () => {
    const key = await issue('u2')
    await charge(key.id, 3)
    await issue('u2')
    await catchUp()
    for (const [group, name] of [
      ['all', ''],
      ['route', 'search'],
      ['model', ''],
      ['outcome', 'charged'],
    ]) {
      const path = `/account/usage?by=hour&from=${today}&to=${today}&keyId=${key.id}&group=${group}`
      const { usage } = await get('u2', 'GET', path)
      expect(usage.steps).toHaveLength(24)
      expect(usage.series).toHaveLength(1)
      expect(usage.series[0].name).toBe(name)
      expect(usage.series[0].credits[12]).toBe(3)
      expect(sum(usage.series[0].credits)).toBe(3)
    }
  })

  test('200: those beyond the eighth share a series, and nothing is lost', async () => {
    const keys: string[] = []
    for (let n = 1; n <= 10; n++) {
      const { id } = await issue('u3')
      await charge(id, n)
      keys.push(id)
    }
    await catchUp()
    const { usage } = await get('u3', 'GET', '/account/usage?group=key')
    expect(usage.series.map(({ name }: { name: string | null }) => name)).toEqual([
      ...keys.slice(2).reverse(),
      null,
    ])
    expect(usage.series.at(-1).credits.at(-1)).toBe(3)
    expect(usage.total.credits).toBe(55)
  })

  test('200: empty for who has no account, and never of another', async () => {
    const { usage } = await get('newcomer', 'GET', '/account/usage')
    expect(usage).toMatchObject({ series: [], total: { calls: 0, credits: 0 } })
    const key = await issue('u4')
    await charge(key.id, 3)
    await catchUp()
    const others = await get('u5', 'GET', `/account/usage?keyId=${key.id}`)
    expect(others.usage.series).toEqual([])
  })

  test.each([
    ['by=hour&from=2030-05-01&to=2030-06-15', 'query/from'],
    ['by=week', 'query/by'],
    ['days=7&from=2030-06-01', 'query/days'],
    ['days=367', 'query/days'],
    ['group=owner', 'query/group'],
    ['from=2030-02-30', 'query/from'],
  ])('400: %s', async (query, pointer) => {
    const response = await ask('u1', 'GET', `/account/usage?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ errors: [{ pointer }] })
  })
})

describe('GET /account/balance/history', () => {
  test('200: what lots of each kind had left, and no forecast of nothing', async () => {
    const key = await issue('h1')
    const grant = {
      credits: 50,
      kind: 'paid',
      externalId: 'order-1',
      expiresAt: '2030-12-31T00:00:00Z',
    }
    await get('admin', 'POST', `/admin/accounts/${key.accountId}/grants`, grant)
    await charge(key.id, 120)
    await catchUp()
    const { history } = await get('h1', 'GET', '/account/balance/history?days=3')
    expect(history).toEqual({
      days: ['2030-06-13', '2030-06-14', today],
      kinds: [
        { kind: 'allowance', credits: [0, 0, 0] },
        { kind: 'paid', credits: [0, 0, 30] },
      ],
      ...{ chargedPerDay: null, forecast: null },
    })
  })

  test('404: no key was issued yet', async () => {
    expect((await ask('newcomer', 'GET', '/account/balance/history')).status).toBe(404)
  })
})

test('GET /account/statements: every month since the account was opened', async () => {
  const key = await issue('s1')
  await charge(key.id, 7)
  await catchUp()
  expect(await get('s1', 'GET', '/account/statements')).toEqual({
    statements: [{ month: '2030-06', granted: 100, charged: 7, refunded: 0, calls: 1 }],
  })
})

test('GET /account/charges: the newest first, page by page', async () => {
  const key = await issue('c1')
  const ids = [await charge(key.id, 1), await charge(key.id, 2), await charge(key.id, 3)]
  const first = await get('c1', 'GET', '/account/charges?limit=2')
  const second = await get('c1', 'GET', `/account/charges?limit=2&cursor=${first.nextCursor}`)
  const listed = [...first.charges, ...second.charges].map(({ requestId }) => requestId)
  expect([listed, second.nextCursor]).toEqual([ids.reverse(), null])
  expect((await get('newcomer', 'GET', '/account/charges')).charges).toEqual([])
})

describe('GET /account/calls/:requestId', () => {
  test('200: a charge, and a refusal', async () => {
    const { id, accountId } = await issue('r1')
    const requestId = await charge(id, 7)
    const { call } = await get('r1', 'GET', `/account/calls/${requestId}`)
    expect(call).toMatchObject({ requestId, status: 'settled', credits: 7, endpoint: 'search' })
    const refused = newRequestId()
    await storeRefusals(ledger.sql, [
      {
        requestId: refused,
        key: { accountId, keyId: id, mode: 'live' } as never,
        ...{ endpoint: 'search', reason: 'insufficient_credits', figures: { required: 9 } },
        refusedAtMs: performance.now(),
      },
    ])
    const receipt = await get('r1', 'GET', `/account/calls/${refused}`)
    expect(receipt.call).toMatchObject({ status: 'refused', reason: 'insufficient_credits' })
    for (const path of [requestId, refused]) {
      expect((await ask('r2', 'GET', `/account/calls/${path}`)).status).toBe(404)
    }
  })
})

test('GET /account/prices: as the tariff in force', async () => {
  const { current, routes, announced } = await get('u1', 'GET', '/account/prices')
  expect(current.prices.search).toMatchObject({ per: 'request' })
  expect(routes.search).toEqual({ methods: ['POST'], path: '/v1/search' })
  expect(announced).toEqual([])
})
