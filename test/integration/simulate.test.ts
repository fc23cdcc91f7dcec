// Months under other prices: the present ones change nothing, and what others change is written once.

import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { credits as price } from '../../src/pricing/price-arithmetic.ts'
import type { PriceRule } from '../../src/pricing/price-rule.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { runCli, runJson } from '../support/cli.ts'
import {
  billedTariff,
  buildLedger,
  type LedgerBuilder,
  type TestKey,
} from '../support/ledger-builder.ts'

const text = (unit: number, credits: number): PriceRule => ({
  ...{ per: 'character', unit, credits, hold: { text: '/text' } },
})
const prices: Record<string, PriceRule> = {
  search: { per: 'request', credits: 2 },
  speech: text(1_000, 3),
  voices: { per: 'free' },
}
const present = { ...billedTariff, prices }
const folder = mkdtempSync(join(tmpdir(), 'tollbook-simulate-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each([21, 22])('the prices that were charged change nothing (seed %d)', async (seed) => {
  await using ledger = await buildLedger()
  const random = randomOf(seed)
  await ledger.at('2031-09-01T00:00:00Z')
  await ledger.ledger.publish(present)
  const keys = [await ledger.openAccount('big'), await ledger.openAccount('pro')]
  for (let i = 0; i < 60; i++) {
    await ledger.at(new Date(Date.UTC(2031, 8, 1 + i, i % 24)).toISOString())
    await oneCall(ledger, keys[i % 2] as TestKey, random)
  }
  await ledger.at('2031-11-02T00:00:00Z')
  const found = await simulated(ledger, { from: '2031-09', to: '2031-10' })
  expect(found.owners.length).toBe(2)
  for (const { credits, fees } of [...found.owners, found.totals]) {
    expect(credits.simulated).toBe(credits.actual)
    for (const fee of fees) expect(fee.simulated).toBe(fee.actual)
  }
  expect(found.totals.fees).toMatchObject([{ currency: 'EUR', actual: 2 * (19_900 + 4_900) }])
  expect(found).toMatchObject({ final: true, unpriced: [] })
  const [log] = await ledger.sql`
    select sum(case type when 'HoldSettled' then credits else -credits end)::bigint as actual
    from events where type in ('HoldSettled', 'ChargeRefunded')
      and coalesce((payload ->> 'chargedAt')::timestamptz, occurred_at) < '2031-11-01'`
  expect({ actual: found.totals.credits.actual }).toEqual({ ...log } as never)
})

describe('under other prices', () => {
  test('every call is priced again by its quantity; refunds, failures and what is free stay as they were', async () => {
    await using ledger = await buildLedger()
    const key = await history(ledger)
    const other = {
      ...{
        prices: {
          search: { per: 'request', credits: 5 },
          speech: text(100, 1),
          voices: prices.voices,
        },
      },
      plans: { ...billedTariff.plans, pro: planWithFee(1_000) },
    } as never
    const { owners, totals } = await simulated(ledger, { tariff: other })
    // 2 searches (one of them refunded in part, one whole) and 2,500 characters of speech.
    const credits = { actual: 2 + (2 - 1) + 9, simulated: 5 + (5 - 1) + 25 }
    expect(owners).toMatchObject([{ accountId: key.accountId, credits }])
    expect(totals.fees).toEqual([{ currency: 'EUR', actual: 4_900, simulated: 1_000 }])
  })

  test('what was counted in other units, or has no price, is left as it was and named', async () => {
    await using ledger = await buildLedger()
    await history(ledger)
    const other = {
      ...billedTariff,
      prices: { search: text(1, 1), voices: { per: 'request', credits: 1 } },
    }
    const { unpriced, totals } = await simulated(ledger, { tariff: other as never })
    expect(unpriced).toEqual(
      expect.arrayContaining([
        { endpoint: 'search', calls: 3 },
        { endpoint: 'speech', calls: 1 },
      ]),
    )
    expect(totals.credits).toEqual({ actual: 12, simulated: 12 + 7 })
  })

  test('test mode and other months are left out, and months that are not final are not written', async () => {
    await using ledger = await buildLedger()
    const key = await history(ledger)
    const testKey = await ledger.issueKey(key.account, 'test')
    await ledger.charge(testKey, { credits: 2 })
    const late = await ledger.hold(key, { credits: 2 })
    expect((await simulated(ledger, {})).totals.credits).toEqual({ actual: 12, simulated: 12 })
    expect(await simulated(ledger, { from: '2031-11', to: '2031-11' })).toMatchObject({
      final: false,
    })
    const file = shipped('free.yaml', { search: 1 })
    const ask = ['simulate', '--prices', file, '--from', '2031-11', '--commit', '--reason', 'x']
    const { status, stderr } = await runCli(ask, { database: ledger.url })
    expect(status).toBe(1)
    expect(stderr).toContain('is not final')
    await ledger.release(late)
  })
})

describe('--commit', () => {
  test.each([
    ['cheaper', 1, 2],
    ['dearer', 5, -6],
  ])('%s prices are made up for, once', async (_, search, difference) => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    await ledger.ledger.publish({ ...billedTariff, prices })
    const key = await ledger.openAccount('big')
    for (let i = 0; i < 2; i++) await ledger.charge(key, { credits: 2 })
    await ledger.at('2031-11-02T00:00:00Z')
    const file = shipped(`${search}.yaml`, { search })
    const ask = ['simulate', '--prices', file, '--from', '2031-10']
    const database = ledger.url
    const size = await ledger.ledger.size()
    await runJson(ask, { database })
    expect(await ledger.ledger.size()).toBe(size)

    const before = await readBalance(ledger.sql, key.accountId, 'live')
    const commit = [...ask, '--commit', '--reason', 'the price was a mistake']
    const { written, externalId } = await runJson(commit, { database })
    expect(written).toMatchObject([{ accountId: key.accountId, credits: difference }])
    const after = await readBalance(ledger.sql, key.accountId, 'live')
    expect((after?.available ?? 0) - (before?.available ?? 0)).toBe(difference)
    const found = await ledger.sql<{ type: string; position: string }[]>`
      select type, '0-' || position as position from events where payload ->> 'externalId' = ${externalId}`
    expect(found.map(({ position }) => position)).toEqual(written[0].positions)

    const sizeThen = await ledger.ledger.size()
    const again = await runJson(commit, { database })
    expect(again.written).toEqual([])
    expect(again.owners[0]).toMatchObject({ committed: written[0].positions })
    expect(await ledger.ledger.size()).toBe(sizeThen)
  })

  test('simultaneous commits write it once', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    await ledger.ledger.publish({ ...billedTariff, prices })
    const key = await ledger.openAccount('big')
    await ledger.charge(key, { credits: 2 })
    await ledger.at('2031-11-02T00:00:00Z')
    const file = shipped('race.yaml', { search: 1 })
    const commit = ['simulate', '--prices', file, '--from', '2031-10', '--commit', '--reason', 'x']
    const ran = await Promise.all(
      Array.from({ length: 4 }, () => runCli(commit, { database: ledger.url })),
    )
    expect(ran.map(({ status, stderr }) => ({ status, stderr }))).toEqual(
      ran.map(() => ({ status: 0, stderr: '' })),
    )
    const [granted] = await ledger.sql`
      select count(*) as count, sum(credits)::bigint as credits from events
      where type = 'CreditsGranted' and payload ->> 'externalId' like 'reprice:%'`
    expect({ ...granted }).toEqual({ count: 1, credits: 1 } as never)
  })
})

test('the command line prints both sides, and says what is wrong in a sentence', async () => {
  await using ledger = await buildLedger()
  const key = await history(ledger)
  const file = shipped('printed.yaml', { search: 4 })
  const ask = ['simulate', '--prices', file, '--from']
  const { stdout } = await runCli([...ask, '2031-10'], { database: ledger.url })
  expect(stdout).toMatch(new RegExp(`^${key.accountId} .* 12 +16 +4 +EUR 49.00 +EUR 19.00$`, 'm'))
  expect(stdout).toMatch(/^Total +12 +16 +4 /m)
  expect(stdout).toContain('1 call of speech cannot be priced again')
  for (const [sentence, args] of [
    ['"2031" is not a month', ['2031']],
    ['lies before', ['2031-10', '--to', '2031-09']],
    ['--commit needs --reason', ['2031-10', '--commit']],
  ] as const) {
    const { status, stderr } = await runCli([...ask, ...args], { database: ledger.url })
    expect(stderr).toContain(sentence)
    expect(status).toBe(1)
  }
})

/** October 2031 on the plan pro: searches at 2, speech at 3 per 1,000 characters, and lists for nothing. */
async function history(ledger: LedgerBuilder): Promise<TestKey> {
  await ledger.at('2031-10-05T00:00:00Z')
  await ledger.ledger.publish(present)
  const key = await ledger.openAccount('pro')
  await ledger.charge(key, { credits: 2 })
  await ledger.refund({ requestId: await ledger.charge(key, { credits: 2 }), credits: 1 })
  await ledger.refund({ requestId: await ledger.charge(key, { credits: 2 }) })
  await ledger.charge(key, { credits: 9, quantity: 2_500, endpoint: 'speech' })
  await ledger.release(await ledger.hold(key, { credits: 2 }))
  await ledger.count(key, 7)
  await ledger.at('2031-11-02T00:00:00Z')
  return key
}

async function oneCall(ledger: LedgerBuilder, key: TestKey, random: () => number): Promise<void> {
  const endpoint = random() < 0.5 ? 'search' : 'speech'
  const quantity = endpoint === 'search' ? 1 : 1 + Math.floor(random() * 5_000)
  const of = (count: number) => price(prices[endpoint] as PriceRule, { quantity: count })
  const call = await ledger.hold(key, { credits: of(quantity), quantity, endpoint })
  const used = endpoint === 'search' ? 1 : Math.ceil(quantity * random())
  await ledger.settle(call, of(used), used)
  if (random() < 0.3) await ledger.refund({ requestId: call, credits: 1 })
  if (random() < 0.3) await ledger.count(key, 3)
}

function simulated(
  { sql }: LedgerBuilder,
  { from = '2031-10', to = '2031-10', tariff = present } = {},
) {
  return simulateTariff(sql, { from, to, tariff: tariff as never })
}

function planWithFee(minorUnits: number) {
  return { ...billedTariff.plans.pro, fee: { minorUnits, currency: 'EUR' } }
}

/** The shipped file with another price for searches. */
function shipped(name: string, { search }: { search: number }): string {
  const file = join(folder, name)
  const text = readFileSync(shippedConfigFile, 'utf8')
  // The first price in it is that of searches.
  writeFileSync(
    file,
    text.replace(
      /price: \{ per: request, credits: 1 \}/,
      `price: { per: request, credits: ${search} }`,
    ),
  )
  return file
}

/** The same numbers for the same seed: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
