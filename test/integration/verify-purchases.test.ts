/**
 * Verifying decides each purchase again at its place in the log: its lots in draw order, nothing that is owed, the allowance before it,
 * the calls in flight and the monthly cap. Each test changes a log so that nothing else is wrong with what was bought.
 */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Sql } from '../../src/ledger/connect.ts'
import { hashAgain } from '../mutations/copies.ts'
import { faultsIn } from '../mutations/faults-in.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import { type Ledger, openLedger, type TestAccount, type TestKey } from '../support/test-ledger.ts'
import { openTriggerless } from '../support/vandal.ts'

let ledger: Ledger
let vandal: Sql
let account: TestAccount
let key: TestKey

/** An account with its allowance of 100 credits, 50 that end in forty days, and 500 that do not end. */
beforeEach(async () => {
  ledger = await openLedger()
  vandal = await openTriggerless(ledger.url)
  account = await ledger.account()
  key = await ledger.key(account, { monthlyCap: 300 })
  const expiresAt = new Date(ledger.now.getTime() + 40 * 86_400_000).toISOString()
  await ledger.grant(account, 500)
  await ledger.grant(account, 50, { expiresAt })
})
afterEach(async () => {
  await vandal.end()
  await ledger.close()
})

const positionOf = async (condition: string): Promise<number> => {
  const [row] = await vandal.unsafe<{ position: number }[]>(
    `select max(position) as position from events where ${condition}`,
  )
  return row?.position ?? 0
}

const lotOf = (credits: number) => positionOf(`type = 'CreditsGranted' and credits = ${credits}`)

/** What is found after events were changed, and hashed again. */
async function faultsAfter(set: string, where: string): Promise<[number, string][]> {
  expect(await faultsIn(ledger.url)).toEqual([])
  const changed = await vandal.unsafe<{ position: number }[]>(
    `update events set ${set} where ${where} returning position`,
  )
  expect(changed.length).toBeGreaterThan(0)
  await hashAgain(
    vandal,
    changed.map(({ position }) => position),
  )
  return (await faultsIn(ledger.url)).map(({ position, fault }) => [position, fault])
}

test('a call that is paid from a lot before its turn', async () => {
  const { hold } = await ledger.hold(key, 10)
  await ledger.settle(hold, 10)
  const [allowance, later] = [await lotOf(100), await lotOf(500)]
  const faults = await faultsAfter(`lots = array[${later}]`, `request_id = '${hold.requestId}'`)
  const held = await positionOf(`type = 'CreditsHeld'`)
  expect(faults).toEqual([[held, `its credits are not drawn in order, from lot ${allowance}`]])
})

test('a call over two lots that takes too little of the first', async () => {
  const { hold } = await ledger.hold(key, 120)
  await ledger.release(hold)
  const [allowance, expiring] = [await lotOf(100), await lotOf(50)]
  const faults = await faultsAfter(
    `held = case type when 'CreditsHeld' then array[80, 40] else array[-80, -40] end`,
    `request_id = '${hold.requestId}'`,
  )
  const held = await positionOf(`type = 'CreditsHeld'`)
  expect(faults).toEqual([
    [held, `its credits are not drawn in order, from lot ${allowance}, then ${expiring}`],
  ])
})

test('a lease that keeps what is to be spent first, and a call on it that takes what is to be spent last', async () => {
  const lease = leaseCommand(key, 6, 2)
  await ledger.append(lease)
  await ledger.append(chargeOnLeaseCommand(key, lease, 2))
  await ledger.release(lease, { reason: 'lease_released' })
  const [allowance, last] = [await lotOf(100), await lotOf(500)]
  const faults = await faultsAfter(
    `lots = array[case lots[1] when ${last} then ${allowance} else ${last} end]`,
    `type in ('CreditsHeld', 'HoldSettled', 'HoldReleased')`,
  )
  const [held, settled] = [
    await positionOf(`slots = 2 and type = 'CreditsHeld'`),
    await positionOf(`type = 'HoldSettled'`),
  ]
  expect(faults).toEqual([
    [held, `its credits are not drawn in order, from lot ${last}`],
    [settled, `its credits are not drawn in order, from lot ${allowance}`],
  ])
})

test('credits that are taken away from a lot before its turn', async () => {
  await ledger.hold(key, 10)
  const of = { accountId: account.accountId, mode: 'live' as const, actor: 'test' }
  await ledger.commands.adjust(0, { ...of, credits: 5 })
  const [allowance, later] = [await lotOf(100), await lotOf(50)]
  const faults = await faultsAfter(`lots = array[${later}]`, `type = 'CreditsAdjusted'`)
  const adjusted = await positionOf(`type = 'CreditsAdjusted'`)
  expect(faults).toEqual([[adjusted, `its credits are not drawn in order, from lot ${allowance}`]])
})

test('a call beyond the calls in flight that its account may have', async () => {
  await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 2 })
  await ledger.hold(key, 1)
  await ledger.hold(key, 1)
  const faults = await faultsAfter(
    `payload = '{"maxInFlight":1,"rateLimit":null}'`,
    `type = 'AccountLimitsChanged'`,
  )
  const held = await positionOf(`type = 'CreditsHeld'`)
  expect(faults).toContainEqual([held, 'its account had 1 calls in flight, and may have 1'])
})

test('a call beyond the monthly cap of its key', async () => {
  const { hold } = await ledger.hold(key, 20)
  await ledger.settle(hold, 15)
  await ledger.hold(key, 10)
  const faults = await faultsAfter(
    `payload = (replace(payload::text, '"monthlyCap":300', '"monthlyCap":24'))::json`,
    `type = 'KeyIssued'`,
  )
  const held = await positionOf(`type = 'CreditsHeld'`)
  expect(faults).toContainEqual([held, 'its key had 9 credits left of its monthly cap'])
})

test('a call before the allowance that was due', async () => {
  await ledger.hold(key, 20)
  const faults = await faultsAfter(
    `payload = (replace(payload::text, '"plan":"free"', '"plan":"pro"'))::json`,
    `type = 'PlanStarted'`,
  )
  const held = await positionOf(`type = 'CreditsHeld'`)
  expect(faults).toContainEqual([held, '900 credits of allowance were due before it'])
})

test('a call that spends what is owed, and a debt while credits are free', async () => {
  const of = { accountId: account.accountId, mode: 'live' as const, actor: 'test' }
  await ledger.commands.adjust(0, { ...of, credits: 700 })
  await ledger.grant(account, 95)
  await ledger.hold(key, 45)
  const faults = await faultsAfter('credits = 60', `type = 'DebtRecorded'`)
  const held = await positionOf(`type = 'CreditsHeld'`)
  expect(faults).toContainEqual([held, 'it takes 45 credits, and 35 were not owed'])
  const more = await faultsAfterAgain(
    'credits = 51, moved = array[100, 50, 499]',
    `type = 'CreditsAdjusted' and credits = 650`,
  )
  const owed = await positionOf(`type = 'DebtRecorded'`)
  expect(more).toContainEqual([owed, '1 credits were free, and are not taken first'])
})

test('a refund that counts in another day of a budget than its charge, long settled', async () => {
  const budgets = [{ credits: 100, per: 'day', timeZone: 'UTC' }]
  await ledger.change(account, 'AccountBudgetsChanged', { budgets })
  const { hold } = await ledger.hold(key, 10)
  await ledger.settle(hold, 10)
  await ledger.commands.refund(0, { requestId: hold.requestId, credits: 4, actor: 'test' })
  const faults = await faultsAfter(
    `payload = replace(payload::text, '2030-06-15T00:00:00Z', '2030-06-14T00:00:00Z')::json`,
    `type = 'ChargeRefunded'`,
  )
  const refund = await positionOf(`type = 'ChargeRefunded'`)
  expect(faults).toEqual([[refund, 'it does not count in the budgets of its call']])
})

async function faultsAfterAgain(set: string, where: string): Promise<[number, string][]> {
  const changed = await vandal.unsafe<{ position: number }[]>(
    `update events set ${set} where ${where} returning position`,
  )
  await hashAgain(
    vandal,
    changed.map(({ position }) => position),
  )
  return (await faultsIn(ledger.url)).map(({ position, fault }) => [position, fault])
}
