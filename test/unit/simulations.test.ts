/** Simulations over HTTP share a gateway with its calls and its reports. */
import { expect, test } from 'bun:test'
import { tariffOf } from '../../src/config/tariff.ts'
import { openReportQueue } from '../../src/http/report-queue.ts'
import { readFrom } from '../../src/http/report-source.ts'
import { openSimulations } from '../../src/http/simulations.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { openPauses } from '../../src/reports/simulate/pauses.ts'
import { readPlanFees } from '../../src/reports/simulate/plan-fees.ts'
import { testConfig } from '../support/test-config.ts'

const tariff = tariffOf(testConfig())
const others = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a simulation waits for its turn as one of the reports', async () => {
  const asked: string[] = []
  const sql = ((parts: TemplateStringsArray) => {
    asked.push(parts.join())
    return Promise.reject(new Error('away'))
  }) as unknown as Sql
  const queue = openReportQueue(60, async () => {})
  const logged: string[] = []
  const simulations = openSimulations(readFrom(sql), queue, (message) => logged.push(message))
  const first = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const reports = [first, second].map(({ promise }, index) =>
    queue.over(readFrom(sql)).compute({ subject: `u${index}`, role: 'owner' }, () => promise),
  )
  const month = { from: '2030-06', to: '2030-06' }
  const lines = new Response(simulations.stream({ tariff, ...month })).text()
  await others()
  expect(asked).toEqual([])
  first.resolve()
  expect(await lines).toContain('"problem"')
  expect(asked.length).toBeGreaterThan(0)
  expect(logged).toEqual(['a simulation failed'])
  second.resolve()
  await Promise.all(reports)
})

/** A ledger in which so many accounts have begun a plan. */
function ledgerOf(accounts: number): Sql {
  const rows = Array.from({ length: accounts }, (_, position) => ({
    ...{ accountId: `acc_${position}`, type: 'PlanStarted', position, at: 0, startsAt: 0 },
    payload: { plan: 'pro', fee: { minorUnits: 100, currency: 'EUR' } },
  }))
  return (async (parts: TemplateStringsArray) =>
    parts.join().includes('PlanStarted') ? rows : []) as unknown as Sql
}

const query = {
  ...{ shard: 0, from: '2030-01', to: '2030-12', tariff },
  end: { position: 1, now: Date.UTC(2031, 0, 1) * 1_000 } as never,
}

test('while it adds up the fees of many accounts, others have their turn', async () => {
  let [turns, isDone] = [0, false]
  const count = () => {
    turns++
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  const fees = await readPlanFees(ledgerOf(1_000), { ...query, pause: openPauses(() => {}) })
  isDone = true
  expect(fees.size).toBe(1_000)
  expect(turns).toBeGreaterThanOrEqual(5)
})

test('and it ends there when nobody waits for it any more', async () => {
  const pause = openPauses(() => {
    throw new Error('left')
  })
  await expect(readPlanFees(ledgerOf(1_000), { ...query, pause })).rejects.toThrow('left')
})
