/**
 * A month in which one key is charged more than 2^53 credits, by calls of 10^12. Every figure of it is exact to the digit, and
 * what is computed from the log agrees with the log.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readAccountPage } from '../../src/reports/account/account-page.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { statementCsv } from '../../src/reports/statement/statement-csv.ts'
import { statementPage } from '../../src/reports/statement/statement-page.ts'
import { readKeyReport } from '../../src/reports/usage/key-report.ts'
import { readTopUsers } from '../../src/reports/usage/top-users.ts'
import { readUsageBy } from '../../src/reports/usage/usage-by.ts'
import { readUsageByDay } from '../../src/reports/usage/usage-by-day.ts'
import { readUsageOverview } from '../../src/reports/usage/usage-overview.ts'
import { readUsageSummary } from '../../src/reports/usage/usage-summary.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { runCli } from '../support/cli.ts'
import { holdCommand, settleCommand } from '../support/gateway.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'

const maxAmount = 1_000_000_000_000
/** So many calls of 10^12 are more than 2^53. The last one costs 1, which a rounded sum loses. */
const calls = 10_000
const charged = '10000000000000001'
const days = { from: '2030-06-01', to: '2030-06-30' }

let ledger: Ledger
let key: TestKey

/** As many lots of 10^12, in one insert: an append for each would take minutes. They are spent before they expire. */
async function grantAtOnce(lots: number): Promise<void> {
  const payload = JSON.stringify({
    expiresAt: new Date(ledger.now.getTime() + 1_000).toISOString(),
    kind: 'promotional',
    startsAt: ledger.now.toISOString(),
  })
  await ledger.owner.unsafe(`do $$
    declare
      last bigint;
      at timestamptz;
    begin
      select e.last_position, e.now_at into last, at from enter_shard(0::smallint) e;
      insert into events (shard, position, recorded_at, occurred_at, type, account_id, mode, credits, actor, instance, payload,
        event_hash)
      select 0, last + n, at, at, 'CreditsGranted', '${key.accountId}', 'live', ${maxAmount}, 'test', 'test', '${payload}',
        hash_event(0::smallint, last + n, at, at, 'CreditsGranted', null::integer, '${key.accountId}', null::text, 'live',
          null::text, null::text, null::text, ${maxAmount}, null::bigint, null::integer, null::smallint, null::integer,
          null::bigint[], null::bigint[], null::bigint[], 'test', 'test', '${payload}', null::bytea)
      from generate_series(1, ${lots}) n;
      perform leave_shard(0::smallint, last + ${lots}, at);
    end $$`)
}

beforeAll(async () => {
  ledger = await openLedger()
  await ledger.publish({
    plans: testTariff.plans,
    prices: { ...testTariff.prices, search: { per: 'request', credits: maxAmount } },
  })
  const account = await ledger.account({ plan: 'none' })
  key = await ledger.key(account)
  const { send } = await openProducer(ledger.sql)
  const chargeEach = async (credits: number[]) => {
    const holds = credits.map((each) => holdCommand(key, each, { quantity: 1 }))
    for (const commands of [
      holds,
      holds.map((hold, i) => ({ ...settleCommand(hold, credits[i] ?? 0), quantity: 1 })),
    ]) {
      const { verdicts } = await send(commands)
      expect(new Set(verdicts)).toEqual(new Set(['ok']))
    }
  }
  for (let done = 0; done < calls; done += 500) {
    await grantAtOnce(500)
    await chargeEach(Array.from({ length: 500 }, () => maxAmount))
    await ledger.advance(1_000)
  }
  await ledger.grant(account, 5)
  await chargeEach([1])
  await catchUpAll(ledger.sql)
})
afterAll(() => ledger.close())

test('the statement', async () => {
  const { accountId, keyId } = key
  const found = await readStatement(ledger.sql, { accountId, month: '2030-06' })
  expect(found?.charges).toMatchObject({ calls: 10_001, credits: charged })
  expect(found?.charges.byEndpoint).toMatchObject([{ credits: charged, quantity: 10_001 }])
  expect(found?.account?.totals).toMatchObject({
    ...{ opening: 0, granted: '10000000000000005', settled: charged, closing: 4 },
  })
  if (!found) throw new Error('no statement')
  expect(statementCsv(found).includes('-10000000000000001')).toBe(true)
  expect(statementPage(found).includes('10,000,000,000,000,001')).toBe(true)
  const ofKey = await readStatement(ledger.sql, { keyId, day: '2030-06-15', lines: true })
  expect(ofKey?.charges.credits).toBe(charged)
  const next = await readStatement(ledger.sql, { accountId, month: '2030-05' })
  expect(next?.charges.credits).toBe(0)
})

test('usage, from the projection and from the log', async () => {
  const { accountId, keyId } = key
  const { sql } = ledger
  expect(await readUsageSummary(sql, { keyId, month: '2030-06' })).toMatchObject({
    ...{ requests: 10_001, credits: charged },
    byEndpoint: [{ credits: charged }],
  })
  expect(await readUsageByDay(sql, { accountId, ...days })).toMatchObject([{ credits: charged }])
  expect(await readUsageOverview(sql, days)).toMatchObject({
    ...{ total: { credits: charged }, byPlan: [{ credits: charged }] },
    ...{ byDay: [{ credits: charged }], byEndpoint: [{ credits: charged }] },
  })
  expect(await readTopUsers(sql, { ...days, limit: 1 })).toMatchObject([{ credits: charged }])
  for (const over of ['log', 'projection'] as const) {
    for (const by of ['key', 'owner', 'plan', 'endpoint', 'day'] as const) {
      expect(await readUsageBy(sql, { by, over, ...days })).toMatchObject([{ credits: charged }])
    }
  }
  const report = await readKeyReport(sql, keyId, new Date('2030-06-01T00:00:00Z'))
  expect(report.endpoints).toMatchObject([{ charged: 10_001, credits: charged }])
})

test('the account, and a call of it explained', async () => {
  const { accountId } = key
  const balance = await readBalance(ledger.sql, accountId, 'live')
  expect(balance).toMatchObject({ available: 4, month: { settled: charged, calls: 10_001 } })
  const page = await readAccountPage(ledger.sql, {}, { limit: 1 })
  expect(page?.accounts).toMatchObject([{ accountId, creditsUsed: charged }])
  const [last] = await ledger.sql`
    select request_id from events where type = 'HoldSettled' order by position desc limit 1`
  const explained = await runCli(['explain', last?.request_id], { database: ledger.url })
  expect(explained.stderr).toBe('')
  expect(explained.stdout).toContain('was charged 1 credit for a quantity of 1')
})

test('a key with a cap buys nothing when it has used more than any cap, and the others go on', async () => {
  await ledger.change(key, 'KeyLimitsChanged', { monthlyCap: 1_000_000_000_000 })
  expect((await ledger.hold(key, 1)).verdict).toBe('key_cap_reached')
  const other = await ledger.key(key.account)
  const { hold, verdict } = await ledger.hold(other, 1)
  expect(verdict).toBe('ok')
  await ledger.release(hold)
})

test('the same month under another tariff', async () => {
  const { plans, prices } = testTariff
  const tariff = {
    plans,
    prices: { ...prices, search: { per: 'request', credits: maxAmount - 1 } },
  }
  const found = await simulateTariff(ledger.sql, {
    ...{ from: '2030-06', to: '2030-06' },
    tariff: tariff as Parameters<typeof simulateTariff>[1]['tariff'],
  })
  // The call that was charged 1 would cost what all cost.
  const simulated = String(BigInt(10_001) * BigInt(maxAmount - 1))
  expect(found.totals.credits).toEqual({ actual: charged, simulated })
})

test('exports, verify and rebuild', async () => {
  const database = { database: ledger.url }
  const file = `/tmp/large-sums-${process.pid}.csv`
  const exported = await runCli(['export', 'statements', file, '--month', '2030-06'], database)
  expect(exported.stderr).not.toContain('tollbook:')
  expect(exported.status).toBe(0)
  expect((await Bun.file(file).text()).includes('-10000000000000001')).toBe(true)
  await Bun.file(file).delete()
  const { stdout } = await runCli(['verify', '--json', '--most', '20000'], database)
  const { log, projections, tables } = JSON.parse(stdout)
  expect(projections.every(({ differing }: { differing: number }) => differing === 0)).toBe(true)
  // The last calls cost less than their price, and the lots were granted by no command.
  expect(log[0].faults.map(({ fault }: { fault: string }) => fault)).toEqual(
    Array(3).fill(`1 of search cost ${maxAmount}`),
  )
  expect(tables.faulty).toBe(calls)
  await catchUpAll(ledger.sql)
  const before =
    await ledger.owner`select * from monthly_balances order by account_id, key_id, month`
  const rebuilt = await runCli(['replay', 'monthly_balances,daily_usage'], database)
  expect(rebuilt.status).toBe(0)
  expect(
    await ledger.owner`select * from monthly_balances order by account_id, key_id, month`,
  ).toEqual(before)
})
