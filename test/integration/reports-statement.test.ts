import { describe, expect, test } from 'bun:test'
import { addSums, subtractSums } from '../../src/lib/sums.ts'
import { readInRanges } from '../../src/reports/log-reader/read-in-ranges.ts'
import { readCallSums } from '../../src/reports/statement/call-sums.ts'
import { sumCharges } from '../../src/reports/statement/charge-lines.ts'
import { lotMovements } from '../../src/reports/statement/lot-movements.ts'
import { readLotSums } from '../../src/reports/statement/lot-sums.ts'
import { BadPeriod, parsePeriod } from '../../src/reports/statement/parse-period.ts'
import type { PeriodRange } from '../../src/reports/statement/range-conditions.ts'
import {
  readStatement,
  type StatementRequest,
  TooManyLines,
} from '../../src/reports/statement/read-statement.ts'
import { readStatementEvents } from '../../src/reports/statement/statement-events.ts'
import type { Statement } from '../../src/reports/statement/statement-shape.ts'
import { buildLedger, type LedgerBuilder, type TestKey } from '../support/ledger-builder.ts'
import { readAccountEvents } from '../support/statement-oracle/oracle-events.ts'
import { oracleStatement } from '../support/statement-oracle/oracle-statement.ts'

const october = '2031-10'
const november = '2031-11'

describe('a month that turns during a call', () => {
  test('a hold of October settled in November is charged to October', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-31T23:59:59.999999Z')
    const key = await ledger.openAccount()
    const call = await ledger.hold(key, { credits: 5 })
    await ledger.at('2031-11-01T00:00:00Z')
    await ledger.settle(call, 3)

    const [before, after] = await months(ledger, key, october, november)
    expect(before.charges).toMatchObject({ calls: 1, credits: 3 })
    expect(before.charges.byDay).toMatchObject([{ day: '2031-10-31', calls: 1, credits: 3 }])
    expect(after.charges).toMatchObject({ calls: 0, credits: 0 })
  })

  test('until it is settled it is held, and the statement is not final', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-31T23:00:00Z')
    const key = await ledger.openAccount()
    const call = await ledger.hold(key, { credits: 5 })
    await ledger.at('2031-11-01T01:00:00Z')
    await ledger.grant(key, 10)

    const [open, next] = await months(ledger, key, october, november)
    expect(open).toMatchObject({ final: false, held: [{ requestId: call, credits: 5 }] })
    expect(accountOf(open).totals).toMatchObject({ granted: 100, held: 5, lapsed: 95, closing: 0 })
    expect(accountOf(next).totals.opening).toBe(0)
    expect(next.held).toEqual([])

    await ledger.settle(call, 5)
    const [closed] = await months(ledger, key, october)
    expect(closed).toMatchObject({ final: true, held: [], charges: { credits: 5 } })
    expect(accountOf(closed).totals).toMatchObject({ held: 0, settled: 5, lapsed: 95, closing: 0 })
  })

  test('what a late hold returns goes to its own expired lot and lapses there, visibly', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-31T23:00:00Z')
    const key = await ledger.openAccount()
    const call = await ledger.hold(key, { credits: 40 })
    await ledger.at('2031-11-02T00:00:00Z')
    const { position } = await ledger.release(call)

    const [before, after] = await months(ledger, key, october, november)
    const lot = { kind: 'allowance', expiresAt: '2031-11-01T00:00:00.000Z' }
    expect(accountOf(before).lots).toMatchObject([
      { ...lot, granted: 100, lapsed: 60, closing: 40 },
    ])
    expect(accountOf(before).lapses).toMatchObject([{ credits: 60, because: 'expired' }])
    expect(accountOf(after).lots).toMatchObject([{ ...lot, opening: 40, lapsed: 40, closing: 0 }])
    expect(accountOf(after).lapses).toMatchObject([
      {
        credits: 40,
        because: 'returned',
        positions: [`0-${position}`],
        time: '2031-11-02T00:00:00.000Z',
      },
    ])
    expect(before.charges.calls).toBe(0)
  })

  test('what a late hold returns to a lot that lives on is in the closing of its own month', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-31T23:00:00Z')
    const key = await ledger.openAccount('zero')
    await ledger.grant(key, 100)
    const call = await ledger.hold(key, { credits: 40 })
    await ledger.at('2031-11-02T00:00:00Z')
    await ledger.expire(call)

    const [before, after] = await months(ledger, key, october, november)
    expect(accountOf(before).totals).toMatchObject({ granted: 100, held: 0, closing: 100 })
    expect(accountOf(after).totals).toMatchObject({ opening: 100, lapsed: 0, closing: 100 })
  })
})

describe('lots', () => {
  test('an allowance lapses as its month ends, and the next one opens without it', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-10T00:00:00Z')
    const key = await ledger.openAccount()
    await ledger.charge(key, { credits: 30 })
    await ledger.at('2031-11-10T00:00:00Z')
    await ledger.charge(key, { credits: 1 })

    const [before, after] = await months(ledger, key, october, november)
    expect(accountOf(before).totals).toMatchObject({
      granted: 100,
      settled: 30,
      lapsed: 70,
      closing: 0,
    })
    expect(accountOf(after).totals).toMatchObject({
      opening: 0,
      granted: 100,
      settled: 1,
      closing: 99,
    })
  })

  test('a lot that expires in the month lapses at its expiry', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-01T00:00:00Z')
    const key = await ledger.openAccount('zero')
    await ledger.grant(key, 50, { kind: 'promotional', expiresAt: '2031-10-15T12:00:00Z' })
    await ledger.charge(key, { credits: 20 })
    await ledger.at('2031-10-20T00:00:00Z')

    const [running] = await months(ledger, key, october)
    expect(accountOf(running).lapses).toMatchObject([
      { time: '2031-10-15T12:00:00.000Z', credits: 30, because: 'expired' },
    ])
    expect(accountOf(running).totals.closing).toBe(0)
  })

  test('a lot that starts later is in the closing, and can be drawn when it starts', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-01T00:00:00Z')
    const key = await ledger.openAccount('zero')
    await ledger.grant(key, 50, { startsAt: '2031-11-01T00:00:00Z' })
    expect(ledger.hold(key, { credits: 1 })).rejects.toThrow('insufficient_credits')
    await ledger.at('2031-11-01T00:00:00Z')
    await ledger.charge(key, { credits: 1 })

    const [before, after] = await months(ledger, key, october, november)
    expect(accountOf(before).totals).toMatchObject({ granted: 50, lapsed: 0, closing: 50 })
    expect(accountOf(after).totals).toMatchObject({ opening: 50, settled: 1, closing: 49 })
  })

  test('a lot granted when it had expired lapses at once, less the debt that it repaid', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    const key = await ledger.openAccount('zero')
    await ledger.adjust(key, 30)
    // The ledger refuses such a grant now. A log may have one.
    const lot =
      '{"expiresAt":"2031-10-01T00:00:00Z","kind":"paid","startsAt":"2031-09-01T00:00:00Z"}'
    await ledger.ledger.owner.unsafe(`do $$
      declare
        at timestamptz;
        lot bigint;
      begin
        select e.last_position + 1, e.now_at into lot, at from enter_shard(0::smallint) e;
        perform write_event(0::smallint, lot, at, 'CreditsGranted', 'test', 'test', '${lot}',
          in_account => '${key.accountId}', in_mode => 'live', in_credits => 100);
        perform leave_shard(0::smallint,
          repay_debt(0::smallint, lot, at, 'test', '${key.accountId}', 'live', array[lot], array[100::bigint]), at);
      end $$`)
    await ledger.at('2031-10-06T00:00:00Z')

    const [running] = await months(ledger, key, october)
    const { totals, lapses, debt } = accountOf(running)
    expect(totals).toMatchObject({ granted: 100, adjusted: 30, lapsed: 70, closing: 0 })
    expect(lapses).toMatchObject([{ time: '2031-10-05T00:00:00.000Z', credits: 70 }])
    expect(debt).toMatchObject({ recorded: 30, repaid: 30, closing: 0 })
  })
})

describe('refunds, adjustments and debts', () => {
  test('a refund counts in the month it is given, and lapses on a lot that has expired', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-10T00:00:00Z')
    const key = await ledger.openAccount()
    const call = await ledger.charge(key, { credits: 30 })
    await ledger.at('2031-11-10T00:00:00Z')
    await ledger.refund({ requestId: call, credits: 10, externalId: 'sorry' })

    const [before, after] = await months(ledger, key, october, november)
    expect(before.refunds).toEqual([])
    expect(before.charges.credits).toBe(30)
    expect(after.refunds).toMatchObject([{ requestId: call, credits: 10, externalId: 'sorry' }])
    expect(accountOf(after).totals).toMatchObject({
      opening: 0,
      refunded: 10,
      lapsed: 10,
      closing: 0,
    })
  })

  test('what an adjustment could not take is a debt, which a later lot repays', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-10T00:00:00Z')
    const key = await ledger.openAccount('zero')
    await ledger.grant(key, 40)
    await ledger.adjust(key, 100, 'chargeback')
    await ledger.at('2031-11-10T00:00:00Z')
    await ledger.grant(key, 80, { externalId: 'top-up' })

    const [before, after] = await months(ledger, key, october, november)
    expect(accountOf(before)).toMatchObject({
      totals: { granted: 40, adjusted: 40, closing: 0 },
      adjustments: [{ credits: 40, externalId: 'chargeback' }],
      debt: { opening: 0, recorded: 60, repaid: 0, closing: 60 },
    })
    expect(accountOf(after)).toMatchObject({
      totals: { granted: 80, adjusted: 60, closing: 20 },
      grants: [{ credits: 80, externalId: 'top-up', kind: 'paid' }],
      adjustments: [{ credits: 60, repaysDebt: true }],
      debt: { opening: 60, recorded: 0, repaid: 60, closing: 0 },
    })
  })
})

describe('the fee', () => {
  test('an idle month bills the plan', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-09-15T00:00:00Z')
    const key = await ledger.openAccount('pro')
    await ledger.at('2031-11-20T00:00:00Z')

    const [idle] = await months(ledger, key, october)
    expect(accountOf(idle).fee).toMatchObject({ plan: 'pro', minorUnits: 4_900, currency: 'EUR' })
    expect(idle.charges.calls).toBe(0)
  })

  test('no month before the account bills', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-11-01T00:00:00Z')
    const key = await ledger.openAccount('pro')
    const [before] = await months(ledger, key, october)
    expect(accountOf(before)).toMatchObject({ fee: null, plans: [] })
  })

  test('an upgrade bills the most expensive plan of the month, and grants the difference', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    const key = await ledger.openAccount('pro')
    await ledger.charge(key, { credits: 1 })
    await ledger.at('2031-10-20T00:00:00Z')
    await ledger.startPlan(key.account, 'big', '2031-10-20T00:00:00Z')

    const [running] = await months(ledger, key, october)
    expect(accountOf(running).fee).toMatchObject({ plan: 'big', minorUnits: 19_900 })
    expect(accountOf(running).plans).toMatchObject([
      { plan: 'pro', until: '2031-10-20T00:00:00.000Z' },
      { plan: 'big', until: null },
    ])
    expect(accountOf(running).totals).toMatchObject({ granted: 10_000, closing: 9_999 })
  })

  test('a downgrade bills less from the next month on', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    const key = await ledger.openAccount('big')
    await ledger.startPlan(key.account, 'pro', '2031-11-01T00:00:00Z')
    await ledger.at('2031-11-01T00:00:00Z')

    const [before, after] = await months(ledger, key, october, november)
    expect(accountOf(before).fee).toMatchObject({ plan: 'big' })
    expect(accountOf(after).fee).toMatchObject({ plan: 'pro' })
    expect(accountOf(after).plans).toHaveLength(1)
  })

  test('a downgrade that was taken back before its time bills nothing of its own', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    const key = await ledger.openAccount('pro')
    await ledger.startPlan(key.account, 'free', '2031-11-01T00:00:00Z')
    await ledger.at('2031-10-20T00:00:00Z')
    await ledger.startPlan(key.account, 'pro', '2031-10-20T00:00:00Z')
    await ledger.at('2031-11-15T00:00:00Z')

    const [after] = await months(ledger, key, november)
    expect(accountOf(after).plans).toMatchObject([{ plan: 'pro' }])
    expect(accountOf(after).fee).toMatchObject({ minorUnits: 4_900 })
  })

  test('a start dated back does not change what a past month bills', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    const key = await ledger.openAccount('free')
    // An open hold keeps October open to what is recorded later.
    await ledger.hold(key, { credits: 1 })
    await ledger.at('2031-11-05T00:00:00Z')
    await ledger.startPlan(key.account, 'big', '2031-10-10T00:00:00Z')

    const [before, after] = await months(ledger, key, october, november)
    expect(accountOf(before).fee).toMatchObject({ plan: 'free' })
    expect(accountOf(after).fee).toMatchObject({ plan: 'big' })
  })

  test('an erased account is not billed any more', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    const key = await ledger.openAccount('pro')
    await ledger.at('2031-10-20T00:00:00Z')
    await ledger.ledger.change(key.account, 'AccountErased')
    await ledger.at('2031-11-20T00:00:00Z')

    const [before, after] = await months(ledger, key, october, november)
    expect(accountOf(before).fee).toMatchObject({ plan: 'pro' })
    expect(accountOf(after).fee).toBeNull()
  })
})

describe('charges', () => {
  test('are summed up by endpoint and by day, with the positions they come from', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T10:00:00Z')
    const key = await ledger.openAccount()
    for (let i = 0; i < 11; i++) await ledger.charge(key, { credits: 2 })
    await ledger.at('2031-10-06T10:00:00Z')
    const speech = await ledger.hold(key, { credits: 5, quantity: 4_000, endpoint: 'speech' })
    const { position } = await ledger.settle(speech, 4, 3_500)
    await ledger.count(key, 7, 'voices')

    const [running] = await months(ledger, key, october)
    const { byEndpoint, byDay, calls, credits } = running.charges
    expect({ calls, credits }).toEqual({ calls: 19, credits: 26 })
    expect(byEndpoint).toMatchObject([
      { endpoint: 'search', calls: 11, quantity: 11, credits: 22, positions: { count: 11 } },
      { endpoint: 'speech', calls: 1, quantity: 3_500, credits: 4 },
      { endpoint: 'voices', calls: 7, quantity: 7, credits: 0 },
    ])
    expect(byEndpoint[0]?.positions.list).toBeUndefined()
    expect(byEndpoint[1]?.positions).toEqual({
      count: 1,
      first: `0-${position}`,
      last: `0-${position}`,
      list: [`0-${position}`],
    })
    expect(byDay.map(({ day, endpoint, credits }) => [day, endpoint, credits])).toEqual([
      ['2031-10-05', 'search', 22],
      ['2031-10-06', 'speech', 4],
      ['2031-10-06', 'voices', 0],
    ])
    expect(running.charges.lines).toBeUndefined()
  })

  test('are listed one by one in the order of their calls when lines are asked for', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T10:00:00Z')
    const key = await ledger.openAccount()
    const first = await ledger.hold(key, { credits: 2 })
    await ledger.at('2031-10-05T10:00:01Z')
    const second = await ledger.charge(key, { credits: 1, quantity: 3, endpoint: 'speech' })
    await ledger.settle(first, 2)
    await ledger.release(await ledger.hold(key, { credits: 9 }))

    const found = await readStatement(ledger.sql, { ...of(key), month: october, lines: true })
    expect(found?.charges.lines).toMatchObject([
      { requestId: first, time: '2031-10-05T10:00:00.000Z', endpoint: 'search', credits: 2 },
      { requestId: second, quantity: 3, endpoint: 'speech', keyId: key.keyId },
    ])
  })

  test('of test mode have a statement of their own', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T10:00:00Z')
    const live = await ledger.openAccount('pro')
    const key = await ledger.issueKey(live.account, 'test')
    await ledger.charge(key, { credits: 2 })

    const [billed] = await months(ledger, live, october)
    expect(billed.charges.calls).toBe(0)
    expect(accountOf(billed).grants).toEqual([])
    const tried = await readStatement(ledger.sql, { ...of(live), month: october, mode: 'test' })
    expect(tried?.charges.credits).toBe(2)
    expect(tried?.account?.fee).toBeNull()
    const ofKey = await readStatement(ledger.sql, { keyId: key.keyId, month: october })
    expect(ofKey).toMatchObject({ mode: 'test', charges: { credits: 2 } })
  })
})

describe('a statement of a key', () => {
  test('has the calls of that key alone, and neither plan nor lots', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-09-30T23:00:00Z')
    const first = await ledger.openAccount()
    const second = await ledger.issueKey(first.account)
    const late = await ledger.hold(second, { credits: 7 })
    await ledger.at('2031-10-05T00:00:00Z')
    await ledger.settle(late, 7)
    await ledger.charge(first, { credits: 1 })
    const call = await ledger.charge(second, { credits: 2 })
    await ledger.refund({ requestId: call, credits: 1 })
    await ledger.hold(second, { credits: 4 })

    const found = await readStatement(ledger.sql, { keyId: second.keyId, month: october })
    expect(found).toMatchObject({
      accountId: first.accountId,
      keyId: second.keyId,
      charges: { calls: 1, credits: 2 },
      refunds: [{ requestId: call, credits: 1 }],
      held: [{ credits: 4 }],
    })
    expect(found?.account).toBeUndefined()
  })

  test('is not shown for another account', async () => {
    await using ledger = await buildLedger()
    await ledger.at('2031-10-05T00:00:00Z')
    const key = await ledger.openAccount()
    const other = await ledger.openAccount()
    const ask = { keyId: key.keyId, accountId: other.accountId, month: october }
    expect(await readStatement(ledger.sql, ask)).toBeUndefined()
  })
})

test('an unknown account or key has no statement', async () => {
  await using ledger = await buildLedger()
  expect(await readStatement(ledger.sql, { accountId: 'acc_x', month: october })).toBeUndefined()
  expect(await readStatement(ledger.sql, { keyId: 'key_x', month: october })).toBeUndefined()
})

test('a month that is none, or has not begun, is refused', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-31T23:59:59Z')
  const key = await ledger.openAccount()
  for (const month of ['2031-13', '2031-1', 'October', '2031-11', '']) {
    expect(readStatement(ledger.sql, { ...of(key), month })).rejects.toThrow(BadPeriod)
  }
})

test('pages of the log of any size are the same events', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount()
  const other = await ledger.openAccount()
  for (let i = 0; i < 5; i++) {
    await ledger.charge(key, { credits: 1 })
    await ledger.charge(other, { credits: 1 })
  }
  const range = { shard: 0, accountId: key.accountId, mode: 'live', from: 1, to: 1_000 } as const
  const whole = (await Array.fromAsync(readAccountEvents(ledger.sql, range))).flat()
  const paged = (await Array.fromAsync(readAccountEvents(ledger.sql, range, 4))).flat()
  expect(whole.map((event) => event.type)).toEqual([
    'AccountOpened',
    'PlanStarted',
    'PlanStarted',
    'KeyIssued',
    'CreditsGranted',
    ...Array.from({ length: 5 }, () => ['CreditsHeld', 'HoldSettled']).flat(),
  ])
  expect(paged).toEqual(whole)
})

test('a hold that grows after the month has ended is charged to its month all the same', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-31T23:59:00Z')
  const key = await ledger.openAccount('zero')
  await ledger.grant(key, 50)
  const call = await ledger.hold(key, { credits: 5 })
  await ledger.at('2031-11-01T00:10:00Z')
  await ledger.count(key, 1)
  await ledger.extend(key, call, 4)
  const [open] = await months(ledger, key, october)
  expect(open).toMatchObject({ final: false, held: [{ requestId: call, credits: 9 }] })
  expect(accountOf(open).totals).toMatchObject({ granted: 50, held: 9, closing: 41 })

  await ledger.settle(call, 7)
  const [before, after] = await months(ledger, key, october, november)
  expect(before).toMatchObject({ final: true, held: [], charges: { calls: 1, credits: 7 } })
  expect(accountOf(before).totals).toMatchObject({ settled: 7, held: 0, closing: 43 })
  expect(accountOf(after).totals).toMatchObject({ opening: 43, settled: 0, closing: 43 })
})

test('a hold that grows on credits of the next day is its own day’s all the same', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-10T23:59:00Z')
  const key = await ledger.openAccount('zero')
  await ledger.grant(key, 5)
  const call = await ledger.hold(key, { credits: 5 })
  await ledger.at('2031-10-11T00:01:00Z')
  await ledger.grant(key, 10)
  await ledger.extend(key, call, 6)
  await ledger.settle(call, 11)
  const of = async (day: string) => {
    const found = await readStatement(ledger.sql, { accountId: key.accountId, day })
    return { credits: found?.charges.credits, ...found?.account?.totals }
  }
  expect(await of('2031-10-10')).toMatchObject({
    credits: 11,
    granted: 5,
    settled: 11,
    closing: -6,
  })
  expect(await of('2031-10-11')).toMatchObject({ credits: 0, opening: -6, granted: 10, closing: 4 })
  const [month] = await months(ledger, key, october)
  expect(accountOf(month).totals).toMatchObject({ granted: 15, settled: 11, closing: 4 })
})

test('the sums of ranges of the log are those of the whole', async () => {
  await using ledger = await buildLedger()
  await ledger.at('2031-10-05T00:00:00Z')
  const key = await ledger.openAccount('zero')
  for (let i = 0; i < 12; i++) {
    await ledger.grant(key, 5, i % 2 ? { expiresAt: `2031-10-${10 + i}T00:00:00Z` } : {})
    await ledger.at(`2031-10-${String(6 + i).padStart(2, '0')}T00:00:00Z`)
    const call = await ledger.hold(key, { credits: 4 - (i % 4) })
    await ledger.at(`2031-10-${String(6 + i).padStart(2, '0')}T12:00:00Z`)
    if (i % 3) await ledger.settle(call, 1)
    else await ledger.release(call)
  }
  const period = parsePeriod({ month: october })
  const whole: PeriodRange = {
    ...{ shard: 0, accountId: key.accountId, mode: 'live', from: 1, to: 90 },
    ...{ period, isLate: false },
  }
  const events = await readStatementEvents(
    ledger.sql,
    0,
    Array.from({ length: 90 }, (_, i) => i + 1),
  )
  const grants = events.filter(({ type }) => type === 'CreditsGranted')
  const expiries = new Map(grants.map(({ position, expiresAt }) => [position, expiresAt ?? 8e15]))
  const reported = async (size: number) => {
    const read = (of: PeriodRange) => readCallSums(ledger.sql, of)
    const sums = (await Array.fromAsync(readInRanges(whole, read, size))).flat()
    const readLots = (of: PeriodRange) => readLotSums(ledger.sql, of, expiries)
    const moved = (await Array.fromAsync(readInRanges(whole, readLots, size))).flat()
    return {
      charges: sumCharges(0, period, { sums, components: { prices: new Map(), sums: [] } }),
      lots: lotMovements(0, period, { grants, sums: moved, lapsed: [], until: period.end }),
    }
  }
  const atOnce = await reported(1_000)
  expect(atOnce.charges.calls).toBe(8)
  expect(atOnce.lots.lapses.length).toBeGreaterThan(2)
  for (const size of [1, 7, 20]) expect(await reported(size)).toEqual(atOnce)
})

function of(key: TestKey): Pick<StatementRequest, 'accountId'> {
  return { accountId: key.accountId }
}

/** The account's statements; each must add up and open with what the one before closed with. */
async function months<T extends string[]>(
  ledger: LedgerBuilder,
  key: TestKey,
  ...names: T
): Promise<{ [K in keyof T]: Statement }> {
  const found: Statement[] = []
  for (const month of names) {
    const one = await readStatement(ledger.sql, { ...of(key), month })
    if (!one) throw new Error(`no statement of ${month}`)
    expect(one).toEqual((await oracleStatement(ledger.sql, { ...of(key), month })) as Statement)
    const { totals, lots } = accountOf(one)
    for (const m of [totals, ...lots]) {
      const taken = addSums(m.settled, m.adjusted, m.lapsed, m.held)
      const sum = subtractSums(addSums(m.opening, m.granted, m.refunded), taken)
      expect(sum).toBe(m.closing)
    }
    const before = found.at(-1)
    if (before) expect(totals.opening).toBe(accountOf(before).totals.closing)
    found.push(one)
  }
  return found as { [K in keyof T]: Statement }
}

function accountOf(found: Statement) {
  if (!found.account) throw new Error('not an account’s statement')
  return found.account
}

describe('a statement with every charge', () => {
  test('may have as many lines as were asked for at most, of its own period alone', async () => {
    await using ledger = await buildLedger()
    const key = await ledger.openAccount()
    for (const day of ['2031-10-30', '2031-11-01', '2031-11-02']) {
      await ledger.at(`${day}T12:00:00Z`)
      await ledger.settle(await ledger.hold(key, { credits: 2 }), 2)
    }
    const { accountId } = key
    const read = (maxLines: number, more: object = {}) =>
      readStatement(ledger.sql, { accountId, month: november, maxLines, lines: true, ...more })

    expect((await read(2))?.charges.lines).toHaveLength(2)
    await expect(read(1)).rejects.toBeInstanceOf(TooManyLines)
    await expect(read(1)).rejects.toThrow('there are 2 charges, and at most 1 are listed')
    expect((await read(1, { lines: false }))?.charges.calls).toBe(2)
    expect((await read(1, { month: october }))?.charges.lines).toHaveLength(1)
  })
})
