/** A small ledger in which every table of every projection has rows, with something in every column. */
import type { Plan } from '../../src/config/config.ts'
import { catchUpAll } from './catch-up-all.ts'
import {
  chargeOnLeaseCommand,
  countRefusedCommand,
  leaseCommand,
  voidOnLeaseCommand,
} from './gateway.ts'
import { changeOperatorKey, operatorSecret } from './operator-keys.ts'
import type { Ledger, TestKey } from './test-ledger.ts'
import { testTariff } from './test-ledger.ts'

/** Fills it, with every projection caught up; returns a key that can call. */
export async function fillVariedLedger(ledger: Ledger): Promise<TestKey> {
  const day = 86_400_000
  const pro = await ledger.account({ plan: 'pro' })
  const free = await ledger.account({ plan: 'free' })
  const key = await ledger.key(pro)
  const narrow = await ledger.key(free, {
    ...{ endpoints: ['search'], rateLimit: 5, monthlyCap: 50 },
    expiresAt: new Date(ledger.now.getTime() + 300 * day).toISOString(),
  })
  const gone = await ledger.key(free, { mode: 'test' })
  await ledger.change(pro, 'AccountLimitsChanged', { rateLimit: 10, maxInFlight: 20 })
  await ledger.change(pro, 'AccountBudgetsChanged', {
    budgets: [{ credits: 1_000, per: 'day', timeZone: 'Europe/Berlin' }],
  })
  await ledger.change(pro, 'AccountDescribed', {}, new Uint8Array([7]))
  await ledger.change(pro, 'AccountNoted', {}, new Uint8Array([7]))
  await ledger.change(key, 'KeyGrouped', { group: 'team' })
  await ledger.change(key, 'KeyBudgetsChanged', {
    budgets: [{ credits: 2_000, per: 'week', timeZone: 'UTC' }],
  })
  await ledger.change(free, 'AccountFrozen')
  await ledger.change(free, 'AccountUnfrozen')
  await ledger.change(narrow, 'KeyRotated', {
    ...{ hash: Bun.SHA256.hash('rotated', 'hex'), display: 'sk_live_…new1' },
    previousHash: narrow.hash,
    previousUntil: new Date(ledger.now.getTime() + day).toISOString(),
  })
  await ledger.change(gone, 'KeyRevoked')
  const expiresAt = new Date(ledger.now.getTime() + 40 * day).toISOString()
  await ledger.grant(pro, 500, { kind: 'paid', expiresAt })
  for (const credits of [3, 8, 1, 20]) {
    const { hold } = await ledger.hold(key, credits)
    await ledger.settle(hold, credits - 1)
    if (credits === 8) await ledger.commands.refund(0, { requestId: hold.requestId, actor: 'test' })
  }
  const { hold: released } = await ledger.hold(key, 5)
  await ledger.release(released)
  const { hold: forgotten } = await ledger.hold(narrow, 4, { holdSeconds: 1 })
  await ledger.advance(5_000)
  await ledger.expire(forgotten)
  await ledger.hold(narrow, 7, { claim: { key: 'claimed', requestHash: 'request' } })
  const { hold: growing } = await ledger.hold(key, 9)
  await ledger.extend(key, growing, 3)
  await ledger.count(key, 12, { errors: 2 })
  await ledger.append(countRefusedCommand(key, 7, 'insufficient_credits'))
  const ended = leaseCommand(key, 6, 2)
  const open = leaseCommand(key, 8, 4)
  for (const command of [
    ended,
    open,
    chargeOnLeaseCommand(key, ended, 2),
    voidOnLeaseCommand(key, ended),
  ]) {
    await ledger.append(command)
  }
  await ledger.release(ended, { reason: 'lease_released' })
  for (const credits of [3, 1]) await ledger.append(chargeOnLeaseCommand(key, open, credits))
  const owes = { accountId: free.accountId, mode: 'live', credits: 120, actor: 'test' } as const
  await ledger.commands.adjust(0, owes)
  await ledger.grant(free, 5)
  const tried = { ...testTariff.plans.free, trial: { credits: 40, days: 14 } } as Plan
  const prorated = { ...testTariff.plans.pro, firstMonth: 'prorated' } as Plan
  const rolling = { ...testTariff.plans.pro, rollover: { max: 30, months: 2 } } as Plan
  const overage = { max: 20, fee: { minorUnits: 120, currency: 'EUR' }, per: 8 }
  const over = { ...testTariff.plans.none, overage } as Plan
  const tiers = [{ upTo: 3, credits: 2 }, { credits: 1 }]
  const tiered = { per: 'request', tiers } as const
  const prices = { ...testTariff.prices, tiered }
  await ledger.publish({ prices, plans: { ...testTariff.plans, tried, prorated, rolling, over } })
  const inTiers = { endpoint: 'tiered', tiered: {}, quantity: 2 }
  const { hold: ofTiers } = await ledger.hold(key, 4, inTiers)
  await ledger.settle(ofTiers, 4, { quantity: 2 })
  await ledger.account({ plan: 'tried' })
  for (const plan of ['rolling', 'over']) {
    await ledger.hold(await ledger.key(await ledger.account({ plan })), 3)
  }
  await writeOperatorKeys(ledger)
  await ledger.publish({ ...testTariff, prices: {} }, new Date(ledger.now.getTime() + day))
  await catchUpAll(ledger.sql)
  return key
}

/** One whose old secret still works, and one that is revoked. */
async function writeOperatorKeys({ commands, now }: Ledger): Promise<void> {
  const iso = (days: number) => new Date(now.getTime() + days * 86_400_000).toISOString()
  const keys = ['A', 'B'].map((last) => ({ id: `opk_${'0'.repeat(21)}${last}`, version: 0 }))
  for (const key of keys) {
    const secret = operatorSecret(`first of ${key.id}`, iso(90))
    const issued = { name: `Export ${key.id}`, role: 'support', ...secret }
    await changeOperatorKey(commands, key, 'OperatorKeyIssued', issued)
    await changeOperatorKey(commands, key, 'OperatorKeyRotated', {
      ...operatorSecret(`second of ${key.id}`, iso(200)),
      ...{ previousHash: secret.hash, previousUntil: iso(1) },
    })
  }
  const [, revoked] = keys
  if (revoked) await changeOperatorKey(commands, revoked, 'OperatorKeyRevoked')
}
