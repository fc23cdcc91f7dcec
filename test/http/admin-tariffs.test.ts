/** Operators try other prices and publish them: what they would change, what months would have cost, and from when on they hold. */
import { afterAll, describe, expect, test } from 'bun:test'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { type Json, openTestApp } from '../support/management-test-app.ts'
import { until } from '../support/until.ts'

const app = await openTestApp()
const { ask, get, ledger, config } = app
afterAll(() => app[Symbol.asyncDispose]())

const served = tariffOf(config)
const dearer = { ...served, prices: { ...served.prices, search: { per: 'request', credits: 9 } } }
const { enterprise: _, ...fewer } = served.plans
const key = await ledger.key(await ledger.account({ plan: 'pro' }))
for (let i = 0; i < 3; i++) {
  const { hold } = await ledger.hold(key, 1)
  await ledger.settle(hold, 1)
}

async function refusal(path: string, body: object): Promise<Json> {
  const response = await ask('admin', 'POST', path, body)
  return { status: response.status, ...((await response.json()) as object) }
}

async function published(): Promise<number> {
  const [row] = await ledger.sql<[{ count: bigint }]>`
    select count(*) from events where type = 'TariffPublished'`
  return Number(row.count)
}

describe('GET /admin/prices/diff', () => {
  test('200: what the configuration would change, with both tariffs, also for auditors', async () => {
    const { diff, configured, inForce } = await get('auditor', 'GET', '/admin/prices/diff')
    const hash = tariffHash(served)
    expect(diff).toEqual({
      ...{ hash, inForce: hash, changes: [], dropped: [], announcedFrom: null },
    })
    expect(tariffHash(configured)).toBe(hash)
    expect(tariffHash(inForce)).toBe(hash)
  })
})

describe('POST /admin/prices/diff', () => {
  test('200: what a tariff would change, field by field, and what would disappear', async () => {
    const tariff = { ...dearer, plans: fewer }
    const { diff } = await get('admin', 'POST', '/admin/prices/diff', { tariff })
    expect(diff).toMatchObject({ hash: tariffHash(tariff as typeof served) })
    expect(diff.dropped).toEqual(['plans: enterprise'])
    expect(diff.changes).toEqual([
      { path: 'plans.enterprise', before: expect.any(Object), after: null },
      {
        path: 'prices.search',
        before: served.prices.search,
        after: { per: 'request', credits: 9 },
      },
    ])
  })

  test('400: every fault, where it stands', async () => {
    const before = await published()
    const tariff = {
      ...dearer,
      plans: { ...served.plans, pro: { ...served.plans.pro, fee: 19 } },
      prices: { ...dearer.prices, search: { per: 'request', credits: 0 }, other: { per: 'free' } },
    }
    for (const path of ['/admin/prices/diff', '/admin/prices']) {
      const { status, errors } = await refusal(path, { tariff })
      expect(status).toBe(400)
      expect(errors.map(({ pointer }: Json) => pointer).sort()).toEqual([
        '/tariff/plans/pro/fee',
        '/tariff/prices/other',
        '/tariff/prices/search/credits',
      ])
    }
    expect(await published()).toBe(before)
  })

  test('400: a tariff that would leave new accounts without their plan', async () => {
    const { free: _, ...plans } = served.plans
    const { errors } = await refusal('/admin/prices/diff', { tariff: { ...served, plans } })
    expect(errors).toMatchObject([{ pointer: '/tariff' }])
    expect(errors[0].detail).toContain('defaultPlan')
  })
})

describe('POST /admin/prices', () => {
  const from = '2030-07-01T00:00:00Z'
  const announcement = {
    ...{ tariff: dearer, from, notice: 'Searches cost 9 from July.', reason: 'Costs rose' },
  }

  test('201: announced for a time, once, with a notice and a reason', async () => {
    const before = await published()
    const first = await get('admin', 'POST', '/admin/prices', announcement)
    expect(first.published).toMatchObject({
      ...{ hash: tariffHash(dearer as typeof served), from: '2030-07-01T00:00:00.000Z' },
      positions: [expect.any(String)],
    })
    expect(await get('admin', 'POST', '/admin/prices', announcement)).toEqual(first)
    expect(await published()).toBe(before + 1)

    const { announced } = await get('auditor', 'GET', '/admin/prices')
    expect(announced).toMatchObject([{ hash: first.published.hash, notice: announcement.notice }])
    const { diff } = await get('admin', 'POST', '/admin/prices/diff', { tariff: dearer })
    expect(diff.announcedFrom).toBe('2030-07-01T00:00:00.000Z')
    const { events } = await get('auditor', 'GET', '/admin/events?order=newest&limit=1')
    expect(events).toMatchObject([
      { type: 'TariffPublished', actor: 'admin:admin', reason: 'Costs rose' },
    ])
    // Customers read the notice, and nothing of why.
    const prices = await (await ask('u1', 'GET', '/account/prices')).text()
    expect(prices).toContain(announcement.notice)
    expect(prices).not.toContain('Costs rose')
  })

  test('409: the same for the same time with other words', async () => {
    const other = { ...announcement, notice: 'Other words' }
    expect(await refusal('/admin/prices', other)).toMatchObject({ status: 409, code: 'conflict' })
  })

  test('201: what is in force is not published again', async () => {
    const before = await published()
    const { published: found } = await get('admin', 'POST', '/admin/prices', { tariff: served })
    expect(found).toMatchObject({ hash: tariffHash(served), positions: [] })
    expect(await published()).toBe(before)
  })

  test('400: a time that has passed', async () => {
    const past = { tariff: dearer, from: '2030-06-01T00:00:00Z' }
    expect(await refusal('/admin/prices', past)).toMatchObject({
      ...{ status: 400, errors: [{ pointer: '/from', detail: 'must lie ahead' }] },
    })
  })

  test('400: what would disappear, until that is confirmed', async () => {
    const drop = { tariff: { ...served, plans: fewer }, from: '2030-08-01T00:00:00Z' }
    const { status, errors } = await refusal('/admin/prices', drop)
    expect(status).toBe(400)
    expect(errors).toEqual([
      {
        pointer: '/tariff',
        detail: 'plans: enterprise: would disappear, which `mayDrop` confirms',
      },
    ])
    const { published: found } = await get('admin', 'POST', '/admin/prices', {
      ...drop,
      mayDrop: true,
    })
    expect(found.positions).toHaveLength(1)
  })
})

describe('POST /admin/simulations', () => {
  const wanted = { tariff: dearer, from: '2030-06' }
  const linesOf = (text: string): Json[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  test('200: how far it is, and at last what the months would have cost', async () => {
    const response = await ask('admin', 'POST', '/admin/simulations', wanted)
    expect(response.headers.get('content-type')).toBe('application/jsonl')
    const lines = linesOf(await response.text())
    const { simulation } = lines.pop()
    expect(lines.length).toBeGreaterThan(0)
    const progress = lines.map((line) => line.progress)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress.at(-1)).toBe(1)
    const tariff = dearer as typeof served
    const found = await simulateTariff(ledger.sql, { tariff, from: '2030-06', to: '2030-06' })
    expect(simulation).toMatchObject({
      ...{ tariff: tariffHash(tariff), from: '2030-06', to: '2030-06', final: false },
      totals: found.totals,
      ownerCount: 1,
      owners: [{ accountId: key.accountId, credits: { actual: 3, simulated: 27 } }],
    })
  })

  test('400: months that are none, or the wrong way round', async () => {
    expect(await refusal('/admin/simulations', { ...wanted, from: '2030-13' })).toMatchObject({
      ...{ status: 400, errors: [{ pointer: '/from' }] },
    })
    expect(await refusal('/admin/simulations', { ...wanted, to: '2030-05' })).toMatchObject({
      ...{ status: 400, errors: [{ pointer: '/to' }] },
    })
  })

  test('400: more than twelve months', async () => {
    expect(await refusal('/admin/simulations', { ...wanted, to: '2031-06' })).toMatchObject({
      ...{ status: 400, errors: [{ pointer: '/to', detail: 'at most 12 months' }] },
    })
    const year = await ask('admin', 'POST', '/admin/simulations', { ...wanted, to: '2031-05' })
    expect(linesOf(await year.text()).at(-1)).toHaveProperty('simulation')
  })

  test('409: one runs at a time, and ends with the connection of whoever asked for it', async () => {
    const lock = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    // Nothing of the log can be read while this lasts.
    const holding = ledger.sql.begin(async (sql) => {
      await sql`lock table events in access exclusive mode`
      locked.resolve()
      await lock.promise
    })
    await locked.promise
    const first = await ask('admin', 'POST', '/admin/simulations', wanted)
    expect(await refusal('/admin/simulations', wanted)).toMatchObject({
      ...{ status: 409, code: 'conflict' },
    })
    await first.body?.cancel()
    lock.resolve()
    await holding
    let next: Response | undefined
    await until(async () => {
      next = await ask('admin', 'POST', '/admin/simulations', wanted)
      return next.status === 200
    })
    expect(linesOf((await next?.text()) ?? '').at(-1)).toHaveProperty('simulation')
  })
})

test('the app warned of nothing', () => {
  expect(app.logged).toEqual([])
})
