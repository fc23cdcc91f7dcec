/** The life of one account, as a gateway and the management commands write it, with every type of event in it. */
import type { Plan } from '../../src/config/config.ts'
import type { Tariff } from '../../src/config/tariff.ts'
import { acceptLoss, confirmClock } from '../../src/ledger/commands/owner-commands.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { fenceSilent } from '../support/fencing.ts'
import {
  chargeOnLeaseCommand,
  countRefusedCommand,
  leaseCommand,
  voidOnLeaseCommand,
} from '../support/gateway.ts'
import { changeOperatorKey, operatorSecret } from '../support/operator-keys.ts'
import type { Ledger } from '../support/test-ledger.ts'
import { testTariff } from '../support/test-ledger.ts'

const dayMs = 86_400_000
const budgets = [
  { credits: 10_000, per: 'day', timeZone: 'Europe/Berlin' },
  { credits: 100_000, per: 'month', timeZone: 'America/New_York', group: 'team' },
]
const ofKey = [{ credits: 9_000, per: 'week', timeZone: 'UTC', warnsOnly: true }]

/** Writes it into an empty ledger. */
export async function writeLife(ledger: Ledger): Promise<void> {
  const iso = (days: number) => new Date(ledger.now.getTime() + days * dayMs).toISOString()
  const tiers = [{ upTo: 3, credits: 2 }, { credits: 1 }]
  const prices: Tariff['prices'] = {
    ...{ ...testTariff.prices, other: { per: 'request', credits: 1 } },
    tiered: { per: 'request', tiers },
    several: [{ name: 'items', per: 'item', hold: { list: '/l' }, tiers }],
  }
  const { plans } = testTariff
  const free = {
    ...{ ...plans.free, trial: { credits: 60, days: 1 } },
    rollover: { max: 2, months: 1 },
  } as Plan
  const pro = { ...plans.pro, firstMonth: 'prorated' } as Plan
  const over = {
    ...(plans.none as Plan),
    overage: { max: 9, fee: { minorUnits: 120, currency: 'EUR' }, per: 4 },
  }
  const ofPartner = { search: { per: 'request', credits: 2 } as const }
  const partner = { ...(plans.free as Plan), prices: ofPartner }
  const small = { credits: 70, price: { minorUnits: 500, currency: 'EUR' }, validDays: 20 }
  await ledger.publish({ plans: { ...plans, free, pro, partner, over }, prices, packs: { small } })
  const account = await ledger.account({ plan: 'free' })
  const { accountId } = account
  const key = await ledger.key(account, {
    monthlyCap: 900,
    expiresAt: iso(300),
    endpoints: ['search'],
  })
  const second = await ledger.key(account)
  await importKey(ledger, accountId)

  // Dedicated holds: settled in several ways, released, expired; the first brings the allowance.
  const { hold } = await ledger.hold(key, 8)
  await ledger.settle(hold, 5)
  await ledger.grant(account, 500, { kind: 'paid', expiresAt: iso(40), externalId: 'invoice-1' })
  await ledger.grant(account, 50, { startsAt: iso(-1) })
  const { hold: wide } = await ledger.hold(key, 120)
  await ledger.settle(wide, 110)
  const { hold: short } = await ledger.hold(key, 4)
  await ledger.settle(short, 4, { shortfall: 3 })
  const { hold: left } = await ledger.hold(key, 6)
  await ledger.settle(left, 2, { alreadyDelivered: true, terminatedBy: 'client' })
  const { hold: failed } = await ledger.hold(key, 5)
  await ledger.release(failed)
  const claim = { key: 'claimed', requestHash: 'request' }
  const { hold: claimed } = await ledger.hold(key, 7, { claim })
  await ledger.settle(claimed, 7)

  // Calls that are priced by their plan.
  await ledger.changePlan(account, 'partner')
  const plan = { plan: 'partner', quantity: 3 }
  const { hold: ofPlan } = await ledger.hold(key, 6, plan)
  await ledger.settle(ofPlan, 4, { quantity: 2 })
  const leaseOfPartner = leaseCommand(key, 6, 2)
  await ledger.append(leaseOfPartner)
  await ledger.append(chargeOnLeaseCommand(key, leaseOfPartner, 6, plan))
  await ledger.release(leaseOfPartner, { reason: 'lease_released' })
  await ledger.changePlan(account, 'free')

  // Calls that are sold in tiers, over the end of one.
  const inTiers = { endpoint: 'tiered', tiered: {}, quantity: 2 }
  const { hold: firstTier } = await ledger.hold(key, 4, inTiers)
  await ledger.settle(firstTier, 4, { quantity: 2 })
  const ofTiers = leaseCommand(key, 6, 2)
  await ledger.append(ofTiers)
  await ledger.append(chargeOnLeaseCommand(key, ofTiers, 4, inTiers))
  await ledger.release(ofTiers, { reason: 'lease_released' })
  const ofItems = { endpoint: 'several', tiered: { component: 'items' }, quantity: 1 }
  const parts = { items: 5 }
  const { hold: ofSeveral } = await ledger.hold(key, 10, { ...ofItems, parts })
  await ledger.settle(ofSeveral, 8, { quantity: 1, parts: { items: 4 } })

  // A stream that grows and is settled, and one whose gateway dies.
  const { hold: growing } = await ledger.hold(second, 3)
  await ledger.extend(second, growing, 4, { sent: { credits: 2, quantity: 2 } })
  await ledger.settle(growing, 6, { alreadyDelivered: true })
  const { hold: dying } = await ledger.hold(second, 3, { holdSeconds: 30 })
  await ledger.extend(second, dying, 2, { sent: { credits: 1, quantity: 1 }, holdSeconds: 30 })
  const { hold: forgotten } = await ledger.hold(key, 9, { holdSeconds: 30 })

  // Leases: calls charged and not charged, and their ends.
  const lease = leaseCommand(key, 6, 2)
  const lost = leaseCommand(key, 8, 4, { holdSeconds: 30 })
  for (const command of [
    ...[lease, lost, chargeOnLeaseCommand(key, lease, 2), voidOnLeaseCommand(key, lease)],
    chargeOnLeaseCommand(key, lease, 3, { shortfall: 1 }),
  ]) {
    await ledger.append(command)
  }
  await ledger.release(lease, { reason: 'lease_released' })
  await ledger.advance(31_000)
  for (const over of [dying, forgotten, lost]) await ledger.expire(over)

  await ledger.count(key, 12, { errors: 2 })
  await ledger.append(countRefusedCommand(key, 7, 'insufficient_credits'))
  const { commands } = ledger
  await commands.refund(0, {
    requestId: wide.requestId,
    credits: 20,
    externalId: 'r',
    actor: 'test',
  })
  await commands.refund(0, { requestId: hold.requestId, actor: 'test' })
  await commands.importUsage(0, {
    ...{ id: 'import-1', accountId, keyId: key.keyId, mode: 'live', actor: 'test' },
    usage: [
      { time: iso(-30), endpoint: 'old', calls: 5, errors: 1, credits: 9, latencyMsSum: 100 },
    ],
  })

  // The same with budgets: a stream that grows, a refund, a lease, and what nobody ends.
  await ledger.change(account, 'AccountBudgetsChanged', { budgets })
  await ledger.change(second, 'KeyGrouped', { group: 'team' })
  await ledger.change(second, 'KeyBudgetsChanged', { budgets: ofKey })
  const { hold: inBudgets } = await ledger.hold(second, 3)
  await ledger.extend(second, inBudgets, 4)
  await ledger.settle(inBudgets, 6)
  await commands.refund(0, { requestId: inBudgets.requestId, credits: 2, actor: 'test' })
  const reserved = leaseCommand(second, 6, 2, { holdSeconds: 30 })
  await ledger.append(reserved)
  await ledger.append(chargeOnLeaseCommand(second, reserved, 2))
  const { hold: freed } = await ledger.hold(second, 5)
  await ledger.release(freed)
  await ledger.advance(31_000)
  await ledger.expire(reserved)
  await commands.grantPack(0, {
    ...{ accountId, mode: 'live', pack: 'small', externalId: 'order-1', actor: 'test' },
  })

  // Over a month's turn more is left of the allowance than rolls over.
  await ledger.travelTo('2030-07-01T00:00:00Z')
  const { hold: turned } = await ledger.hold(key, 5)
  await ledger.settle(turned, 3)

  // On a plan that gives overage, which nothing after that draws on.
  await ledger.changePlan(account, 'over')
  const { hold: inOver } = await ledger.hold(key, 3)
  await ledger.settle(inOver, 2)
  await ledger.changePlan(account, 'free')

  // Taken away, owed, repaid.
  await commands.adjust(0, { accountId, mode: 'live', credits: 10, externalId: 'a', actor: 'test' })
  await commands.adjust(0, { accountId, mode: 'live', credits: 2_000, actor: 'test' })
  await ledger.grant(account, 25)

  // The life of keys and account.
  await ledger.changePlan(account, 'pro')
  await ledger.change(account, 'AccountLimitsChanged', { rateLimit: 10, maxInFlight: 20 })
  await ledger.change(account, 'AccountDescribed', {}, new Uint8Array([7]))
  await ledger.change(account, 'AccountNoted', {}, new Uint8Array([7]))
  await ledger.change(account, 'AccountFrozen')
  await ledger.change(account, 'AccountUnfrozen')
  await ledger.change(key, 'KeyUpdated', { endpoints: ['search', 'other'], expiresAt: iso(200) })
  await ledger.change(key, 'KeyLimitsChanged', { rateLimit: 5, monthlyCap: 800 })
  await ledger.change(key, 'KeyDisabled')
  await ledger.change(key, 'KeyEnabled')
  await ledger.change(key, 'KeyRotated', {
    ...{ hash: Bun.SHA256.hash('rotated', 'hex'), display: 'sk_live_…new1' },
    ...{ previousHash: key.hash, previousUntil: iso(1) },
  })
  await ledger.change(second, 'KeyRevoked')
  await ledger.change(account, 'AccountErased')

  await writeOperatorKeys(ledger)
  await fenceSilent(ledger)
  await acceptLoss(ledger.owner, 0, 'a disk was lost')
  await confirmClock(ledger.owner, 0, 'the gateway was wrong')
  await catchUpAll(ledger.sql)
}

async function writeOperatorKeys({ commands, now }: Ledger): Promise<void> {
  const iso = (days: number) => new Date(now.getTime() + days * dayMs).toISOString()
  const key = { id: `opk_${'0'.repeat(21)}1`, version: 0 }
  const first = operatorSecret('first', iso(90))
  const reason = 'the billing export'
  await changeOperatorKey(commands, key, 'OperatorKeyIssued', {
    ...{ name: 'Export', role: 'auditor', ...first, reason },
  })
  await changeOperatorKey(commands, key, 'OperatorKeyRotated', {
    ...{ ...operatorSecret('second', iso(200)), reason },
    ...{ previousHash: first.hash, previousUntil: iso(1) },
  })
  await changeOperatorKey(commands, key, 'OperatorKeyRevoked', { reason })
}

async function importKey(ledger: Ledger, accountId: string): Promise<void> {
  const payload = {
    ...{ hash: Bun.SHA256.hash('imported', 'hex'), display: 'sk_live_…old1', enabled: true },
    ...{ createdAt: '2024-05-06T07:08:09.010Z', endpoints: null, rateLimit: 3 },
    ...{ monthlyCap: null, expiresAt: null },
  }
  const keyId = 'key_imported0000000000000'
  await ledger.commands.record(0, {
    ...{ id: crypto.randomUUID(), actor: 'test' },
    expected: [{ stream: 'key', id: keyId, version: 0 }],
    events: [{ type: 'KeyImported', payload, accountId, keyId, mode: 'live' }],
  })
}
