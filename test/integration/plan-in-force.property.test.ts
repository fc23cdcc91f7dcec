/** Whatever plans were decided, and in whichever order they start, a purchase finds the one that is in force. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { compareWithProjections } from '../support/compare.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'

const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

const hour = 3_600_000
const starts = fc.array(fc.integer({ min: -3, max: 6 }), { minLength: 1, maxLength: 8 })

test('the last decided plan that had started is in force at each time', async () => {
  await fc.assert(
    fc.asyncProperty(starts, async (hours) => {
      const account = await ledger.account({})
      const [{ now }] = await ledger.sql<[{ now: Date }]>`select ledger_now() as now`
      for (const [n, start] of hours.entries()) {
        const from = new Date(now.getTime() + start * hour).toISOString()
        await ledger.change(account, 'PlanStarted', {
          plan: `plan ${n}`,
          from,
          fee: { minorUnits: 0, currency: 'EUR' },
        })
      }
      const differing = await ledger.sql`
        select b.mode, t.time, b.plans[width_bucket(t.time, b.plan_starts)], plan_at(b.shard, b.account_id, t.time)
        from balances b, generate_series(${now}::timestamptz - interval '4 hours', ${now}::timestamptz + interval '7 hours', interval '30 minutes') t (time)
        where b.account_id = ${account.accountId}
          and b.plans[width_bucket(t.time, b.plan_starts)] is distinct from plan_at(b.shard, b.account_id, t.time)`
      expect([...differing]).toEqual([])
    }),
    { numRuns: 25, seed },
  )
  expect(await compareWithProjections(ledger.sql)).toEqual([])
})
