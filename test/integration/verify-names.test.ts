/** Verifying reads names of clients and operators as names, and refuses plans and ends of calls that the ledger would not have written. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Tariff } from '../../src/config/tariff.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { hashAgain } from '../mutations/copies.ts'
import { faultsIn } from '../mutations/faults-in.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'
import { openTriggerless } from '../support/vandal.ts'

const { free } = testTariff.plans
const tariff = {
  plans: {
    ...testTariff.plans,
    gateway: { ...free, prices: { search: testTariff.prices.search } },
  },
  prices: {
    ...testTariff.prices,
    media: [
      { name: 'lease', per: 'request', credits: 1 },
      { name: 'gateway', per: 'item', credits: 2, hold: { number: '/n' } },
    ],
  },
} as Tariff

let ledger: Ledger
let vandal: Sql
beforeEach(async () => {
  ledger = await openLedger({ tariff })
  vandal = await openTriggerless(ledger.url)
})
afterEach(async () => {
  await vandal.end()
  await ledger.close()
})

const keyOf = async (plan: string): Promise<TestKey> => ledger.key(await ledger.account({ plan }))

/** What is found after all events of a type were changed, and hashed again. */
async function faultsAfter(type: string, set: string): Promise<string[]> {
  expect(await faultsIn(ledger.url)).toEqual([])
  const changed = await vandal.unsafe<{ position: number }[]>(
    `update events set ${set} where type = '${type}' returning position`,
  )
  expect(changed.length).toBe(1)
  await hashAgain(
    vandal,
    changed.map(({ position }) => position),
  )
  return (await faultsIn(ledger.url)).map(({ fault }) => fault)
}

const withField = (field: string) =>
  `payload = (left(payload::text, 1) || '${field}' || case payload::text when '{}' then '' else ',' end
    || substr(payload::text, 2))::json`

test('a plan and components that are named like what the ledger looks for', async () => {
  const key = await keyOf('gateway')
  const plan = { plan: 'gateway' }
  const { hold } = await ledger.hold(key, 3, plan)
  await ledger.settle(hold, 3, { quantity: 3 })
  const lease = leaseCommand(key, 6, 2)
  await ledger.append(lease)
  await ledger.append(chargeOnLeaseCommand(key, lease, 2, plan))
  await ledger.release(lease, { reason: 'lease_released' })
  const parts = { lease: 1, gateway: 2 }
  const media = { ...plan, endpoint: 'media', quantity: 1, parts }
  const { verdict, hold: ofParts } = await ledger.hold(key, 5, media)
  expect(verdict).toBe('ok')
  expect((await ledger.settle(ofParts, 5, { quantity: 1, parts })).verdict).toBe('ok')
  expect(await faultsIn(ledger.url)).toEqual([])
})

test('a plan with prices of its own that the account never had', async () => {
  const { hold } = await ledger.hold(await keyOf('free'), 3)
  await ledger.settle(hold, 3)
  const strange = 'its account never had a plan with prices of its own'
  expect(await faultsAfter('HoldSettled', withField('"plan":"gateway"'))).toEqual([strange])
})

test('a plan that the account has, before it had it', async () => {
  const key = await keyOf('free')
  await ledger.hold(key, 3)
  await ledger.changePlan(key.account, 'gateway')
  expect(await faultsAfter('CreditsHeld', withField('"plan":"gateway"'))).toEqual([
    'the plan that it names was not in force',
  ])
})

test('a lease that names a plan', async () => {
  await ledger.append(leaseCommand(await keyOf('gateway'), 6, 2))
  expect(await faultsAfter('CreditsHeld', withField('"plan":"gateway"'))).toEqual([
    'a lease is priced by no plan',
  ])
})

test('a charge on a lease that says its gateway did not end the call', async () => {
  const key = await keyOf('free')
  const lease = leaseCommand(key, 6, 2)
  await ledger.append(lease)
  await ledger.append(chargeOnLeaseCommand(key, lease, 2))
  const set = `${withField('"terminatedBy":"gateway"')}, status = null, latency_ms = null, quantity = 1`
  expect(await faultsAfter('HoldSettled', set)).toEqual([
    'its columns or its credits are not those of an event of its type',
  ])
})
