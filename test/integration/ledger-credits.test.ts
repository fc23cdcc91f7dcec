/** Grants, adjustments, debts and refunds. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { EventType } from '../../events/catalogue.ts'
import type { ManagementResult } from '../../src/ledger/commands/management-commands.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { holdCommand } from '../support/gateway.ts'
import { withShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

function adjust(
  account: TestAccount,
  credits: number,
  externalId?: string,
): Promise<ManagementResult> {
  const { accountId } = account
  return ledger.commands.adjust(0, {
    ...{ accountId, mode: 'live', credits, actor: 'test' },
    ...(externalId ? { externalId } : {}),
  })
}

function refund(
  requestId: string,
  credits?: number,
  externalId?: string,
): Promise<ManagementResult> {
  return ledger.commands.refund(0, {
    ...{ requestId, actor: 'test' },
    ...(credits === undefined ? {} : { credits }),
    ...(externalId ? { externalId } : {}),
  })
}

function toNextMonth(): Promise<void> {
  const { now } = ledger
  return ledger.travelTo(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)))
}

/** What a hold could draw. */
async function available(key: TestKey): Promise<number> {
  return (await ledger.hold(key, 1_000_000)).available
}

async function debtOf({ accountId }: TestAccount): Promise<number> {
  const [row] = await ledger.sql<{ debt: number }[]>`
    select debt from balances where account_id = ${accountId} and mode = 'live'`
  return row?.debt ?? 0
}

async function charged(key: TestKey, held: number, used = held) {
  const { hold, verdict } = await ledger.hold(key, held)
  expect(verdict).toBe('ok')
  expect((await ledger.settle(hold, used)).verdict).toBe('ok')
  return hold.requestId
}

/** An account without allowance that was granted these amounts, each as a lot, and a key of it. */
async function accountWith(...grants: number[]) {
  const account = await ledger.account({ plan: 'none' })
  const lots: number[] = []
  for (const credits of grants) {
    const { positions } = await ledger.grant(account, credits)
    lots.push(positions?.[0] ?? 0)
  }
  return { account, lots, key: await ledger.key(account) }
}

describe('an externalId', () => {
  test('grants once, and gets the same result again', async () => {
    const { account, key } = await accountWith()
    const first = await ledger.grant(account, 10, { externalId: 'invoice-1' })
    expect(first.verdict).toBe('ok')
    const size = await ledger.size()
    await ledger.advance(1_000)
    const again = await ledger.grant(account, 10, { externalId: 'invoice-1' })
    expect(again).toEqual({ ...first, repeated: true })
    expect(await ledger.size()).toBe(size)
    expect(await available(key)).toBe(10)
  })

  test('grants once, however many ask at the same time', async () => {
    const { account, key } = await accountWith()
    const asked = Array.from({ length: 20 }, () => ledger.grant(account, 10, { externalId: 'x' }))
    const results = await Promise.all(asked)
    expect(results.filter((a) => !a.repeated)).toHaveLength(1)
    expect(await available(key)).toBe(10)
  })

  test('that another command has used is a mismatch: another amount, another verb, another charge', async () => {
    const { account, key } = await accountWith(100)
    const charges = [await charged(key, 5), await charged(key, 5)]
    await ledger.grant(account, 10, { externalId: 'a' })
    await adjust(account, 10, 'b')
    await refund(charges[0] ?? '', 1, 'c')
    const size = await ledger.size()
    const results = [
      await ledger.grant(account, 11, { externalId: 'a' }),
      await ledger.grant(account, 10, { externalId: 'a', kind: 'paid' }),
      await ledger.grant(account, 10, { externalId: 'a', mode: 'test' }),
      await adjust(account, 10, 'a'),
      await refund(charges[0] ?? '', 1, 'a'),
      await adjust(account, 9, 'b'),
      await ledger.grant(account, 10, { externalId: 'b' }),
      await refund(charges[0] ?? '', 2, 'c'),
      await refund(charges[1] ?? '', 1, 'c'),
      await refund(charges[0] ?? '', undefined, 'c'),
    ]
    expect(results.map((a) => a.verdict)).toEqual(Array(10).fill('mismatch'))
    expect(await ledger.size()).toBe(size)
  })

  test('is its account’s own', async () => {
    const [a, b] = [await accountWith(), await accountWith()]
    await ledger.grant(a.account, 10, { externalId: 'same' })
    expect(await ledger.grant(b.account, 20, { externalId: 'same' })).toMatchObject({
      verdict: 'ok',
    })
    expect(await available(b.key)).toBe(20)
  })

  test('may be missing: then every command is executed', async () => {
    const { account, key } = await accountWith(10, 10)
    await adjust(account, 3)
    await adjust(account, 3)
    const charge = await charged(key, 4)
    await refund(charge, 1)
    await refund(charge, 1)
    expect(await available(key)).toBe(12)
  })
})

describe('a grant', () => {
  test('for an account that is not there is refused', async () => {
    const nobody = { ...(await ledger.account()), accountId: 'acc_nobody' }
    expect(await ledger.grant(nobody, 1)).toEqual({ verdict: 'no_such_account' })
    expect(await adjust(nobody, 1)).toEqual({ verdict: 'no_such_account' })
  })

  test('of anything but a positive whole number is an error, and appends nothing', async () => {
    const { account, key } = await accountWith(10)
    const charge = await charged(key, 5)
    const size = await ledger.size()
    for (const credits of [0, -1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER]) {
      await expect(ledger.grant(account, credits)).rejects.toThrow(RangeError)
      await expect(adjust(account, credits)).rejects.toThrow(RangeError)
      await expect(refund(charge, credits)).rejects.toThrow(RangeError)
    }
    expect(await ledger.size()).toBe(size)
  })
})

describe('an adjustment', () => {
  test('takes in draw order what is available', async () => {
    const { account, key, lots } = await accountWith(10, 10)
    await ledger.hold(key, 4)
    expect(await adjust(account, 8)).toMatchObject({ verdict: 'ok', taken: 8, debt: 0 })
    const [event] = await ledger.sql`
      select lots, moved, credits from events
      where account_id = ${account.accountId} and type = 'CreditsAdjusted'`
    expect(event).toEqual({ lots, moved: [6, 2], credits: 8 })
    expect(await available(key)).toBe(8)
  })

  test('records as a debt what it cannot take, and never takes what is held', async () => {
    const { account, key } = await accountWith(10)
    const { hold } = await ledger.hold(key, 4)
    expect(await adjust(account, 9)).toMatchObject({ verdict: 'ok', taken: 6, debt: 3 })
    expect(await available(key)).toBe(0)
    expect(await debtOf(account)).toBe(3)
    expect(await ledger.settle(hold, 4)).toMatchObject({ verdict: 'ok', available: 0 })
  })

  test('of an account without credits is all debt', async () => {
    const { account } = await accountWith()
    const result = await adjust(account, 5)
    expect(result).toMatchObject({ verdict: 'ok', taken: 0, debt: 5 })
    expect(result.positions).toHaveLength(1)
  })
})

describe('a debt', () => {
  test('of more than one event can say is repaid at once, before more is taken', async () => {
    const most = 1_000_000_000_000
    const { account, key } = await accountWith()
    const startsAt = new Date(ledger.now.getTime() + 86_400_000).toISOString()
    for (let lot = 0; lot < 4; lot++) await ledger.grant(account, most, { startsAt })
    await adjust(account, most)
    await adjust(account, most)
    expect(await debtOf(account)).toBe(2 * most)
    await ledger.advance(86_400_000)
    expect(await adjust(account, 1)).toMatchObject({ verdict: 'ok', taken: 1, debt: 0 })
    expect(await debtOf(account)).toBe(0)
    expect((await ledger.hold(key, most)).available).toBe(most - 1)
    await catchUpAll(ledger.sql)
    await withShippedClock(ledger, async () => {
      const verifier = await openVerifier({ url: ledger.url, maxDescribed: 10 })
      expect(await verifier.run().finally(() => verifier.close())).toMatchObject({ sound: true })
    })
  })

  test('is repaid by the next grants, as far as they go', async () => {
    const { account, key } = await accountWith()
    await adjust(account, 15)
    await ledger.grant(account, 10)
    expect(await debtOf(account)).toBe(5)
    expect(await available(key)).toBe(0)
    await ledger.grant(account, 10)
    expect(await debtOf(account)).toBe(0)
    expect(await available(key)).toBe(5)
  })

  test('is repaid by an allowance too, which is a lot like any other', async () => {
    const account = await ledger.account({ plan: 'free' })
    const key = await ledger.key(account)
    // The month's allowance is available before a call needs it, so it is taken first.
    await adjust(account, 130)
    expect(await debtOf(account)).toBe(30)
    expect(await available(key)).toBe(0)
    await toNextMonth()
    expect(await available(key)).toBe(70)
    const results = await Promise.all([
      ledger.hold(key, 50),
      ledger.hold(key, 21),
      ledger.hold(key, 20),
    ])
    expect(results.map((a) => a.verdict)).toEqual(['ok', 'insufficient_credits', 'ok'])
    expect(results.map((a) => a.available)).toEqual([20, 20, 0])
    expect(await debtOf(account)).toBe(0)
    await adjust(account, 950)
    await ledger.changePlan(account, 'pro')
    expect(await debtOf(account)).toBe(50)
    expect(await available(key)).toBe(0)
  })

  test('larger than an allowance leaves nothing of it', async () => {
    const account = await ledger.account({ plan: 'free' })
    await adjust(account, 230)
    const key = await ledger.key(account)
    expect(await debtOf(account)).toBe(130)
    await toNextMonth()
    expect(await ledger.hold(key, 1)).toMatchObject({
      verdict: 'insufficient_credits',
      available: 0,
    })
    // The purchase was refused, and the allowance repaid what it could. The grant repays the rest.
    expect(await debtOf(account)).toBe(30)
    await ledger.grant(account, 31)
    expect(await debtOf(account)).toBe(0)
    expect(await ledger.hold(key, 1)).toMatchObject({ verdict: 'ok', available: 0 })
  })

  test('comes before every purchase: what a hold frees repays it, and buys nothing', async () => {
    const { account, key } = await accountWith(4_995)
    const { hold } = await ledger.hold(key, 4_995)
    expect(await adjust(account, 4_995)).toMatchObject({ taken: 0, debt: 4_995 })
    // In one batch, so that the purchase sees what the release freed.
    const [released, refused] = await Promise.all([ledger.release(hold), ledger.hold(key, 1)])
    expect(released).toMatchObject({ verdict: 'ok', available: 0 })
    expect(refused).toMatchObject({ verdict: 'insufficient_credits', available: 0 })
    expect(await debtOf(account)).toBe(0)
    expect(await available(key)).toBe(0)
  })

  test('is repaid by what a settled hold or a refund frees, and the rest can be drawn', async () => {
    const { account, key } = await accountWith(10)
    const { hold } = await ledger.hold(key, 10)
    await adjust(account, 5)
    expect(await ledger.settle(hold, 3)).toMatchObject({ verdict: 'ok', available: 2 })
    expect(await debtOf(account)).toBe(0)
    expect(await available(key)).toBe(2)
    await adjust(account, 4)
    await refund(hold.requestId)
    expect(await debtOf(account)).toBe(0)
    expect(await available(key)).toBe(1)
  })

  test('leaves beside it what a lot that starts later has free, and a purchase repays it', async () => {
    const { account, key } = await accountWith()
    const startsAt = new Date(ledger.now.getTime() + 1_000).toISOString()
    await ledger.grant(account, 10, { startsAt })
    await adjust(account, 7)
    await ledger.advance(1_000)
    expect(await ledger.hold(key, 4)).toMatchObject({ verdict: 'insufficient_credits' })
    // The refused purchase found the debt, too.
    expect(await debtOf(account)).toBe(0)
    expect(await available(key)).toBe(3)
  })

  test('is not bought beside by a hold that grows, in its own month or in a later one', async () => {
    for (const goesToNextMonth of [false, true]) {
      const { account, key } = await accountWith(20)
      const { hold: growing } = await ledger.hold(key, 2)
      const { hold: freed } = await ledger.hold(key, 18)
      await adjust(account, 15)
      if (goesToNextMonth) await toNextMonth()
      const [, tooMuch, rest] = await Promise.all([
        ledger.release(freed),
        ledger.extend(key, growing, 4),
        ledger.extend(key, growing, 3),
      ])
      expect(tooMuch).toMatchObject({ verdict: 'insufficient_credits', available: 3 })
      expect(rest).toMatchObject({ verdict: 'ok', available: 0 })
      expect(await debtOf(account)).toBe(0)
    }
  })

  test('that exceeds the month’s allowance is repaid by it once a purchase asks for it', async () => {
    const account = await ledger.account({ plan: 'free' })
    const key = await ledger.key(account)
    await adjust(account, 290)
    expect(await debtOf(account)).toBe(190)
    for (const left of [90, 0]) {
      await toNextMonth()
      await ledger.hold(key, 11)
      expect(await debtOf(account)).toBe(left)
    }
    expect(await available(key)).toBe(10)
  })

  test('is added to only by what is not available: what is free repays the older one first', async () => {
    const { account } = await accountWith()
    const startsAt = new Date(ledger.now.getTime() + 1_000).toISOString()
    await ledger.grant(account, 10, { startsAt })
    await adjust(account, 7)
    await ledger.advance(1_000)
    expect(await adjust(account, 5)).toMatchObject({ taken: 3, debt: 2 })
    expect(await debtOf(account)).toBe(2)
  })

  test('of one mode is not taken from the other', async () => {
    const { account, key } = await accountWith()
    await ledger.commands.adjust(0, {
      ...{ accountId: account.accountId, mode: 'test', credits: 5, actor: 'test' },
    })
    await ledger.grant(account, 10)
    expect(await available(key)).toBe(10)
  })
})

describe('a refund', () => {
  test('refunds all of a charge when no amount is named', async () => {
    const { key } = await accountWith(10)
    const charge = await charged(key, 10, 7)
    expect(await refund(charge)).toMatchObject({ verdict: 'ok', credits: 7 })
    expect(await available(key)).toBe(10)
    expect(await refund(charge)).toEqual({ verdict: 'exceeds_charge', refundable: 0 })
  })

  test('in parts never exceeds the charge', async () => {
    const { key } = await accountWith(10)
    const charge = await charged(key, 10)
    expect((await refund(charge, 4)).verdict).toBe('ok')
    expect(await refund(charge, 7)).toEqual({ verdict: 'exceeds_charge', refundable: 6 })
    expect((await refund(charge, 5)).verdict).toBe('ok')
    expect(await refund(charge)).toMatchObject({ verdict: 'ok', credits: 1 })
    expect(await refund(charge, 1)).toEqual({ verdict: 'exceeds_charge', refundable: 0 })
  })

  test('never exceeds the charge when many ask at the same time', async () => {
    const { key } = await accountWith(10)
    const charge = await charged(key, 10)
    const results = await Promise.all(Array.from({ length: 20 }, () => refund(charge, 3)))
    expect(results.filter((a) => a.verdict === 'ok')).toHaveLength(3)
    expect(await available(key)).toBe(9)
  })

  test('goes back to the lots of the charge, the last drawn first', async () => {
    const { key, lots, account } = await accountWith(4, 4, 4)
    const charge = await charged(key, 12, 10)
    for (const credits of [1, 3, 5, 1]) await refund(charge, credits)
    const events = await ledger.sql`
      select lots, moved from events
      where account_id = ${account.accountId} and type = 'ChargeRefunded' order by position`
    const [first, second, third] = lots
    expect(events.map((e) => [e.lots, e.moved])).toEqual([
      [[third], [1]],
      [
        [third, second],
        [1, 2],
      ],
      [
        [second, first],
        [2, 3],
      ],
      [[first], [1]],
    ])
  })

  test('of what was not charged is no_such_charge', async () => {
    const { key } = await accountWith(10)
    const held = await ledger.hold(key, 1)
    const released = await ledger.hold(key, 1)
    await ledger.release(released.hold)
    const unknown = crypto.randomUUID()
    for (const id of [held.hold.requestId, released.hold.requestId, unknown]) {
      expect(await refund(id)).toEqual({ verdict: 'no_such_charge' })
    }
  })

  test('of a charge of 0 credits is refused', async () => {
    const { key } = await accountWith(10)
    const charge = await charged(key, 5, 0)
    expect(await refund(charge)).toEqual({ verdict: 'exceeds_charge', refundable: 0 })
  })

  test('to a lot that has expired lapses there', async () => {
    const { account, key } = await accountWith()
    const expiresAt = new Date(ledger.now.getTime() + 60_000).toISOString()
    await ledger.grant(account, 10, { expiresAt })
    const charge = await charged(key, 10)
    await ledger.advance(60_000)
    expect((await refund(charge)).verdict).toBe('ok')
    expect(await available(key)).toBe(0)
    const [lot] =
      await ledger.sql`select refunded from lots where account_id = ${account.accountId}`
    expect(lot).toEqual({ refunded: 10 })
  })

  test('frees the key’s cap in the month of the charge', async () => {
    const { account } = await accountWith(100)
    const key = await ledger.key(account, { monthlyCap: 10 })
    const charge = await charged(key, 10)
    expect(await available(key)).toBe(0)
    await refund(charge, 4)
    expect(await available(key)).toBe(4)
  })

  test('of last month’s charge frees nothing of this month’s cap', async () => {
    const later = await openLedger()
    const account = await later.account({ plan: 'none' })
    await later.grant(account, 100)
    const key = await later.key(account, { monthlyCap: 10 })
    const { hold } = await later.hold(key, 10)
    await later.settle(hold, 10)
    await later.travelTo('2030-07-01T00:00:00Z')
    await later.commands.refund(0, { requestId: hold.requestId, actor: 'test' })
    expect(await later.hold(key, 11)).toMatchObject({ verdict: 'key_cap_reached', available: 10 })
    expect((await later.hold(key, 10)).verdict).toBe('ok')
    expect((await later.hold(key, 1)).verdict).toBe('key_cap_reached')
    await later.close()
  })
})

describe('a management command', () => {
  test('under an id that was used gets the same result, or mismatch for another request', async () => {
    const account = await ledger.account()
    const { accountId } = account
    const freeze = (version: number, type: EventType = 'AccountFrozen', id = accountId) =>
      ledger.commands.record(0, {
        id: `freeze-${accountId}`,
        actor: 'test',
        expected: [{ stream: 'account', id, version }],
        events: [{ type, payload: {}, accountId: id }],
      })
    const first = await freeze(account.version)
    expect(first.verdict).toBe('ok')
    expect(await freeze(account.version)).toEqual({ ...first, repeated: true })
    expect(await freeze(account.version, 'AccountUnfrozen')).toEqual({ verdict: 'mismatch' })
    const other = await ledger.account()
    const elsewhere = await freeze(other.version, 'AccountFrozen', other.accountId)
    expect(elsewhere).toEqual({ verdict: 'mismatch' })
  })

  test('that was decided by a version which has changed since is version_conflict, and appends nothing', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    const { accountId } = account
    const record = (stream: 'account' | 'key', id: string, version: number) =>
      ledger.commands.record(0, {
        id: crypto.randomUUID(),
        actor: 'test',
        expected: [{ stream, id, version }],
        events:
          stream === 'account'
            ? [{ type: 'AccountFrozen', payload: {}, accountId }]
            : [{ type: 'KeyRevoked', payload: {}, accountId, keyId: key.keyId, mode: 'live' }],
      })
    const size = await ledger.size()
    expect(await record('account', accountId, 1)).toEqual({ verdict: 'version_conflict' })
    expect(await record('account', accountId, 3)).toEqual({ verdict: 'version_conflict' })
    expect(await record('key', key.keyId, 0)).toEqual({ verdict: 'version_conflict' })
    expect(await record('key', 'key_none', 1)).toEqual({ verdict: 'version_conflict' })
    expect(await ledger.size()).toBe(size)
    expect(await record('key', key.keyId, 1)).toMatchObject({ verdict: 'ok' })
  })

  test('of ten that were decided by the same version, one is executed', async () => {
    const account = await ledger.account()
    const { accountId } = account
    const results = await Promise.all(
      Array.from({ length: 10 }, () =>
        ledger.commands.record(0, {
          id: crypto.randomUUID(),
          actor: 'test',
          expected: [{ stream: 'account', id: accountId, version: 2 }],
          events: [{ type: 'AccountFrozen', payload: {}, accountId }],
        }),
      ),
    )
    expect(results.filter((a) => a.verdict === 'ok')).toHaveLength(1)
    expect(results.filter((a) => a.verdict === 'version_conflict')).toHaveLength(9)
  })

  test('that issues a secret which some key has, or had until its grace ends, is hash_taken', async () => {
    const account = await ledger.account()
    const key = await ledger.key(account)
    const issue = (hash: string) => {
      const keyId = `key_${crypto.randomUUID()}`
      const limits = { endpoints: null, rateLimit: null, monthlyCap: null, expiresAt: null }
      return ledger.commands.record(0, {
        id: crypto.randomUUID(),
        actor: 'test',
        expected: [{ stream: 'key', id: keyId, version: 0 }],
        events: [
          {
            ...{ type: 'KeyIssued', accountId: account.accountId, keyId, mode: 'live' },
            payload: { hash, display: 'x', ...limits },
          },
        ],
      })
    }
    expect(await issue(key.hash)).toEqual({ verdict: 'hash_taken' })
    await ledger.change(key, 'KeyRotated', {
      ...{ hash: 'e'.repeat(64), display: 'x', previousHash: key.hash },
      previousUntil: '2030-07-01T00:00:00Z',
    })
    expect(await issue(key.hash)).toEqual({ verdict: 'hash_taken' })
    expect(await issue('e'.repeat(64))).toEqual({ verdict: 'hash_taken' })
    expect(await issue('9'.repeat(64))).toMatchObject({ verdict: 'ok' })
  })

  test('cannot record what moves credits, nor a payload that is not its type’s', async () => {
    const account = await ledger.account()
    const { accountId } = account
    const record = (type: string, payload: object) =>
      ledger.commands.record(0, {
        id: crypto.randomUUID(),
        actor: 'test',
        expected: [{ stream: 'account', id: accountId, version: account.version }],
        events: [{ type: type as EventType, payload, accountId, credits: 5, mode: 'live' }],
      })
    const gift = { kind: 'paid', startsAt: '2030-06-01T00:00:00Z' }
    await expect(record('CreditsGranted', gift)).rejects.toThrow(TypeError)
    await expect(record('AccountDreamt', {})).rejects.toThrow(TypeError)
    await expect(record('PlanStarted', { plan: 'pro' })).rejects.toThrow(TypeError)
    expect(await ledger.hold(await ledger.key(account), 1)).toMatchObject({ available: 99 })
  })
})

test('a hold names its tariff, and a settlement may say what the hold did not cover', async () => {
  const { key } = await accountWith(10)
  const command = holdCommand(key, 5)
  await ledger.append(command)
  await ledger.settle(command, 5, { shortfall: 3 })
  const events = await ledger.sql`
    select tariff, payload from events where request_id = ${command.requestId} order by position`
  expect(events.map((e) => e.tariff)).toEqual([key.tariff(), key.tariff()])
  expect(events[1]?.payload).toEqual({ shortfall: 3 })
})

test('a hold of nothing counts as a call in flight, of an account that never had credits too', async () => {
  const account = await ledger.account({ plan: 'none' })
  const key = await ledger.key(account)
  await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 1 })
  const { hold, verdict } = await ledger.hold(key, 0)
  expect(verdict).toBe('ok')
  expect((await ledger.hold(key, 0)).verdict).toBe('concurrency_exceeded')
  // What is granted meanwhile changes nothing of that.
  await ledger.grant(account, 5)
  expect((await ledger.settle(hold, 0)).verdict).toBe('ok')
  expect((await ledger.hold(key, 5)).verdict).toBe('ok')
})
