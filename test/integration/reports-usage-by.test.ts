// Usage by each dimension: the log and the projection give the same figures, and they are the overview's.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { addSums, ratioOfSums, type Sum } from '../../src/lib/sums.ts'
import { readTopUsers } from '../../src/reports/usage/top-users.ts'
import { readUsageBy } from '../../src/reports/usage/usage-by.ts'
import { usageDimensions } from '../../src/reports/usage/usage-dimensions.ts'
import { readUsageOverview } from '../../src/reports/usage/usage-overview.ts'
import { runCli, runJson } from '../support/cli.ts'
import { buildLedger, type LedgerBuilder, type TestKey } from '../support/ledger-builder.ts'

const days = { from: '2031-10-01', to: '2031-10-31' }
let ledger: LedgerBuilder
let keys: TestKey[]

beforeAll(async () => {
  ledger = await buildLedger()
  await ledger.at('2031-09-30T23:30:00Z')
  const first = await ledger.openAccount('free')
  const big = await ledger.openAccount('big')
  keys = [
    first,
    await ledger.issueKey(first.account),
    big,
    await ledger.issueKey(big.account, 'test'),
  ]
  for (const [i, key] of keys.entries()) {
    for (const [j, time] of ['2031-09-30T23:30:00Z', '2031-10-01T00:10:00Z'].entries()) {
      await ledger.at(i === 0 ? time : `2031-10-${10 + i}T1${j}:59:59.999999Z`)
      await ledger.charge(key, { credits: 2 + i, quantity: 7 + j })
      await ledger.count(key, 5 + i)
      await ledger.release(await ledger.hold(key, { credits: 3, endpoint: 'speech' }))
    }
  }
  // Held in October and settled in November: October's.
  await ledger.at('2031-10-31T23:59:59Z')
  const late = await ledger.hold(big, { credits: 50 })
  await ledger.at('2031-11-01T00:00:10Z')
  await ledger.settle(late, 41)
  await ledger.charge(big, { credits: 9 })
  await ledger.startPlan(first.account, 'pro', '2031-11-01T00:00:10Z')
  await ledger.ledger.commands.importUsage(0, {
    ...{
      id: 'an-import',
      accountId: first.accountId,
      keyId: first.keyId,
      mode: 'live',
      actor: 'test',
    },
    usage: [
      {
        ...{ time: '2031-10-03T00:00:00Z', endpoint: 'search', calls: 4, errors: 1 },
        ...{ credits: 6, latencyMsSum: 80 },
      },
    ],
  })
  await ledger.catchUp()
})

afterAll(() => ledger[Symbol.asyncDispose]())

test('over the log and over the projection the figures are the same', async () => {
  for (const by of usageDimensions) {
    for (const of of [
      {},
      { accountId: keys[0]?.accountId ?? '' },
      { keyId: keys[3]?.keyId ?? '' },
    ]) {
      const overLog = await readUsageBy(ledger.sql, { by, ...of, ...days, over: 'log' })
      const overProjection = await readUsageBy(ledger.sql, {
        by,
        ...of,
        ...days,
        over: 'projection',
      })
      expect(overLog).toEqual(overProjection)
      expect(overLog.length).toBeGreaterThan(0)
    }
  }
})

test('by plan, endpoint, day and owner it is the overview and the top', async () => {
  const { byPlan, byEndpoint, byDay, total } = await readUsageOverview(ledger.sql, days)
  const by = (by: (typeof usageDimensions)[number]) =>
    readUsageBy(ledger.sql, { by, ...days, over: 'log' })
  const plans = await by('plan')
  expect(plans.map(({ name, credits }) => [name, credits])).toEqual(
    byPlan.map(({ plan, credits }) => [plan, credits]),
  )
  expect(
    (await by('day')).map(({ name, requests, avgLatencyMs }) => [name, requests, avgLatencyMs]),
  ).toEqual(byDay.map(({ date, requests, avgLatencyMs }) => [date, requests, avgLatencyMs]))
  const endpoints = await by('endpoint')
  for (const { endpoint, requests, errors, credits, quantity, avgLatencyMs } of byEndpoint) {
    expect(endpoints.find(({ name }) => name === endpoint)).toEqual({
      ...{ name: endpoint, requests, errors, credits, quantity, avgLatencyMs },
      errorRate: ratioOfSums(errors, requests),
    })
  }
  const top = await readTopUsers(ledger.sql, { ...days, limit: 10 })
  expect((await by('owner')).map(({ name, credits }) => [name, credits])).toEqual(
    top.map(({ owner, credits }) => [`${owner.kind} ${owner.id}`, credits]),
  )
  expect(total.credits).toBe(addSums(...plans.map(({ credits }) => credits)))
})

test('hours add up to days', async () => {
  const hours = await readUsageBy(ledger.sql, { by: 'hour', ...days, over: 'log' })
  expect(hours.map(({ name }) => name)).toContain('2031-10-31 23:00')
  const summed = new Map<string, Sum>()
  for (const { name, requests } of hours) {
    const day = name.slice(0, 10)
    summed.set(day, addSums(summed.get(day) ?? 0, requests))
  }
  const daily = await readUsageBy(ledger.sql, { by: 'day', ...days, over: 'projection' })
  expect([...summed]).toEqual(daily.map(({ name, requests }) => [name, requests]))
})

test('the command line prints it, and says what it was made from', async () => {
  const database = ledger.url
  const ask = ['report', 'usage', '--month', '2031-10', '--by']
  const { stdout } = await runCli([...ask, 'endpoint', '--from-log'], { database })
  expect(stdout).toContain('Usage in 2031-10 by endpoint, from the log')
  expect(stdout).toMatch(/^speech +0 +5 +5 +100.0 % +0 +5$/m)
  const { rows, over } = await runJson([...ask, 'owner', '--limit', '1'], { database })
  expect({ over, rows }).toMatchObject({ over: 'projection', rows: [{ credits: 49 }] })
  const wrong = await runCli([...ask, 'colour'], { database })
  expect(wrong.stderr).toContain('--by takes one of key, owner, plan, endpoint, day, hour')
  const withoutBy = await runCli(['report', 'usage', '--from-log'], { database })
  expect(withoutBy.stderr).toContain('--from-log and --limit need --by')
})
