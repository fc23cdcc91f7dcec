/** What operators read of everyone's calls, of an account over time, and of the ledger itself. */
import { afterAll, describe, expect, test } from 'bun:test'
import { quantileOf } from '../../src/reports/usage/latency-quantile.ts'
import { countRefusedCommand } from '../support/gateway.ts'
import { openTestApp } from '../support/management-test-app.ts'

const app = await openTestApp()
const { ask, ledger, get, issue, charge, catchUp } = app
afterAll(() => app[Symbol.asyncDispose]())

const key = await ledger.key(await ledger.account({ plan: 'pro' }))
const { hold } = await ledger.hold(key, 9)
await ledger.settle(hold, 7)
const { hold: failed } = await ledger.hold(key, 5)
await ledger.release(failed)
await ledger.count(key, 12, { errors: 2 })
await ledger.append(countRefusedCommand(key, 4, 'insufficient_credits'))
await catchUp()

describe('GET /admin/usage/hourly', () => {
  test('200: calls by what became of them, and what was charged', async () => {
    const { usage } = await get('admin', 'GET', '/admin/usage/hourly?by=hour&days=1')
    expect(usage.steps).toHaveLength(24)
    const at = (figures: number[]) => figures[12]
    const byName = usage.series.map((s: { outcome: string; reason: string; calls: number[] }) => [
      `${s.outcome} ${s.reason}`.trim(),
      at(s.calls),
    ])
    expect(Object.fromEntries(byName)).toEqual({
      ...{ charged: 1, free: 10, failed: 2 },
      [`failed ${byName.find(([name]: [string]) => name.startsWith('failed '))?.[0].slice(7)}`]: 1,
      'refused insufficient_credits': 4,
    })
    expect(at(usage.credits)).toBe(7)
  })

  test('400: more hours than a chart has', async () => {
    const response = await ask('admin', 'GET', '/admin/usage/hourly?by=hour&days=32')
    expect(await response.json()).toMatchObject({ errors: [{ pointer: 'query/days' }] })
  })
})

test.each([
  ['nothing', 0.5, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, null],
  ['half within the first bound', 0.5, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2], 4, 25],
  ['evenly between two bounds', 0.5, [0, 4, 4, 4, 4, 4, 4, 4, 4, 4], 4, 38],
  ['beyond the last bound', 0.99, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 4, 30_000],
] as const)('a quantile of %s', (_, part, within, calls, expected) => {
  expect(quantileOf(part, within, calls)).toBe(expected)
})

test('GET /admin/refusals: whose calls were refused most, and why', async () => {
  const { refusals } = await get('auditor', 'GET', '/admin/refusals')
  const expected = { accountId: key.accountId, keyId: key.keyId, reason: 'insufficient_credits' }
  expect(refusals).toMatchObject([{ ...expected, calls: 4 }])
  const none = await get('auditor', 'GET', '/admin/refusals?accountId=acc_other')
  expect(none.refusals).toEqual([])
})

test('GET /admin/calls/:requestId: any call', async () => {
  const { call } = await get('admin', 'GET', `/admin/calls/${hold.requestId}`)
  expect(call).toMatchObject({ status: 'settled', credits: 7, accountId: key.accountId })
  expect((await ask('admin', 'GET', '/admin/calls/unknown')).status).toBe(404)
})

test('an account over time, as its owner reads it', async () => {
  const { id, accountId } = await issue('o1')
  await charge(id, 7)
  await catchUp()
  for (const path of ['usage?group=key', 'balance/history', 'statements', 'charges']) {
    const own = await get('o1', 'GET', `/account/${path}`)
    expect(await get('auditor', 'GET', `/admin/accounts/${accountId}/${path}`)).toEqual(own)
    expect((await ask('o1', 'GET', `/admin/accounts/${accountId}/${path}`)).status).toBe(403)
  }
})

test('GET /admin/health: where the log ends, who appends, and what is behind', async () => {
  const [head] = await ledger.sql<[{ position: number }]>`select position from heads`
  const { health } = await get('admin', 'GET', '/admin/health')
  expect(health.shards).toMatchObject([{ shard: 0, position: head.position, divergence: null }])
  expect(health.gateways[0]).toMatchObject({ shard: 0, fencedAt: null })
  const lags = health.projections.map(({ events }: { events: number }) => events)
  expect(lags.length).toBeGreaterThan(5)
  expect(Math.max(...lags)).toBe(0)
})
