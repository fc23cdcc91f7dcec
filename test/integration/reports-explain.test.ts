// What explain derives from the log must be what the append decided, whatever came before it.

import { describe, expect, test } from 'bun:test'
import type { Tariff } from '../../src/config/tariff.ts'
import type { AppendResult, LeaseHold } from '../../src/ledger/append/call-commands.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { explainVerdict } from '../../src/reports/explain/explain-verdict.ts'
import { runCli, runJson } from '../support/cli.ts'
import { chargeOnLeaseCommand, leaseCommand } from '../support/gateway.ts'
import { openShop } from '../support/shop.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'

const small = { ...testTariff.plans.free, credits: 40, maxInFlight: 6 } as Tariff['plans'][string]
const tariff: Tariff = {
  plans: {
    free: small,
    pro: { ...small, credits: 90, maxInFlight: 9 },
    none: { ...small, credits: 0 },
  },
  prices: { bulk: { per: 'item', credits: 1, hold: { list: '/urls' } } },
}
const dearer: Tariff = {
  ...tariff,
  prices: { bulk: { per: 'item', credits: 2, hold: { list: '/urls' } } },
}

test('every verdict of the append is derived again, whatever came before it', async () => {
  const ledger = await openLedger({ tariff })
  const verdicts = new Set<string>()
  for (const seed of [11, 12, 14, 15]) {
    for (const verdict of await history(ledger, seed)) verdicts.add(verdict)
  }
  expect([...verdicts].sort()).toEqual([
    'account_frozen',
    'budget_exceeded',
    'concurrency_exceeded',
    'insufficient_credits',
    'key_cap_reached',
    'key_disabled',
    'ok',
  ])
  await ledger.close()
})

/** @returns the verdicts that occurred */
async function history(ledger: Ledger, seed: number): Promise<Set<string>> {
  const random = randomOf(seed)
  const account = await ledger.account()
  const keys = [await ledger.key(account), await ledger.key(account, { monthlyCap: 12 })]
  const results: { key: TestKey; credits: number; requestId: string; result: AppendResult }[] = []
  const open: Awaited<ReturnType<Ledger['hold']>>['hold'][] = []
  const charged: string[] = []
  let lease: LeaseHold | undefined
  let unit = 1
  let frozen = false
  await ledger.publish(tariff)
  if (seed % 2 === 1) {
    const zone = { timeZone: 'Europe/Berlin' }
    const weekly = { credits: 25, per: 'week', ...zone }
    await ledger.change(account, 'AccountBudgetsChanged', {
      budgets: [weekly, { credits: 9, per: 'day', ...zone, warnsOnly: true }],
    })
    const ofKey = { budgets: [{ credits: 20, per: 'day', ...zone }] }
    await ledger.change(keys[0] as TestKey, 'KeyBudgetsChanged', ofKey)
  }
  for (let step = 0; step < 100; step++) await oneStep()
  if (frozen) await ledger.change(account, 'AccountUnfrozen')

  for (const { key, credits, requestId, result } of results) {
    const { verdict, shard, position, available, recordedAt } = result
    if (verdict === 'ok') {
      const found = await explainCall(ledger.sql, requestId)
      expect({ position, disagreements: found?.disagreements }).toEqual({
        position,
        disagreements: [],
      })
      expect((found?.held.decision.available ?? 0) - credits).toBe(available)
    } else {
      const question = {
        keyId: key.keyId,
        at: { shard, position },
        time: recordedAt,
        route: 'bulk',
      }
      const rule = (await explainVerdict(ledger.sql, {
        ...question,
        counted: { quantity: 0 },
      })) as never as {
        call: { rule: { credits: number } }
      }
      const quantity = credits / rule.call.rule.credits
      const found = await explainVerdict(ledger.sql, { ...question, counted: { quantity } })
      if (!found || found === 'not_reached') throw new Error('not explained')
      const { decision } = found
      const limits = { key_cap_reached: decision.capLeft, budget_exceeded: decision.budgetLeft }
      const left = limits[verdict as keyof typeof limits] ?? decision.available
      expect({ seed, position, verdict: decision.verdict as string, left }).toEqual({
        ...{ seed, position, verdict, left: available },
      })
    }
  }
  return new Set(results.map(({ result }) => result.verdict))

  async function oneStep(): Promise<void> {
    // What stops every call does not last long.
    const roll = frozen && random() < 0.5 ? 0.9 : random()
    const amount = 1 + Math.floor(random() * 12)
    if (roll < 0.5) await Promise.all(Array.from({ length: 1 + amount / 4 }, () => hold(amount)))
    else if (roll < 0.65) await resolve(amount)
    else if (roll < 0.7) await ledger.advance(random() * 9 * 86_400_000)
    else if (roll < 0.75) await ledger.grant(account, amount, expiry())
    else if (roll < 0.8) {
      const { accountId } = account
      await ledger.commands.adjust(0, {
        accountId,
        mode: 'live',
        credits: amount * 3,
        actor: 'test',
      })
    } else if (roll < 0.85) {
      const requestId = charged.at(Math.floor(random() * charged.length))
      if (requestId) await ledger.commands.refund(0, { requestId, credits: 1, actor: 'test' })
    } else if (roll < 0.88) {
      const next = pick(['free', 'pro', 'none'])
      await ledger.changePlan(
        account,
        next,
        pick([ledger.now, new Date(ledger.now.getTime() + 864e5)]),
      )
    } else if (roll < 0.91) {
      frozen = !frozen
      await ledger.change(account, frozen ? 'AccountFrozen' : 'AccountUnfrozen')
    } else if (roll < 0.94) {
      await ledger.change(pick(keys), pick(['KeyDisabled', 'KeyEnabled', 'KeyEnabled']))
    } else if (roll < 0.97) {
      const maxInFlight = pick([null, 2, 5])
      await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight })
    } else {
      unit = pick([1, 2])
      await ledger.publish(unit === 1 ? tariff : dearer)
    }
  }

  async function hold(quantity: number): Promise<void> {
    const key = pick(keys)
    const credits = quantity * unit
    if (random() < 0.3) return callOnLease(quantity)
    const { hold, ...result } = await ledger.hold(key, credits, { quantity, endpoint: 'bulk' })
    results.push({ key, credits, requestId: hold.requestId, result })
    if (result.verdict === 'ok') open.push(hold)
  }

  /** A call on a lease is decided at its end; whether there is a slot for it, when it begins. */
  async function callOnLease(quantity: number): Promise<void> {
    lease ??= leaseCommand(keys[0] as TestKey, 8, 2)
    const [key, credits] = [keys[0] as TestKey, quantity * unit]
    const charge = chargeOnLeaseCommand(key, lease, credits, { quantity, endpoint: 'bulk' })
    const result = await ledger.append(charge)
    const { requestId } = charge
    if (result.verdict === 'ok') {
      results.push({ key, credits, requestId, result })
      charged.push(requestId)
    } else if (result.verdict === 'hold_not_open') {
      lease = leaseCommand(key, 8, 2)
      await ledger.append(lease)
    }
  }

  async function resolve(amount: number): Promise<void> {
    const [hold] = open.splice(Math.floor(random() * open.length), 1)
    if (!hold) return
    if (random() < 0.3) {
      await ledger.release(hold)
      return
    }
    const quantity = Math.min(amount, hold.quantity)
    await ledger.settle(hold, (hold.credits / hold.quantity) * quantity, { quantity })
    charged.push(hold.requestId)
  }

  function expiry() {
    const startsAt = new Date(ledger.now.getTime() + pick([0, 3]) * 86_400_000)
    const expiresAt = new Date(startsAt.getTime() + pick([1, 40]) * 86_400_000).toISOString()
    return { startsAt: startsAt.toISOString(), ...pick([{}, { expiresAt }]) }
  }

  function pick<T>(list: readonly T[]): T {
    return list[Math.floor(random() * list.length)] as T
  }
}

test('a charge that the rules do not make is pointed out', async () => {
  const ledger = await openLedger({ tariff })
  const key = await ledger.key(await ledger.account())
  const { hold } = await ledger.hold(key, 4, { quantity: 3, endpoint: 'bulk' })
  await ledger.settle(hold, 4, { quantity: 3 })
  const found = await explainCall(ledger.sql, hold.requestId)
  expect(found?.disagreements).toEqual([
    '4 credits were held, not 3',
    'the hold drew on other lots',
    '4 credits were charged, not 3',
  ])
  await ledger.close()
})

describe('on the command line', () => {
  test('a call and a 402 are explained in words and as JSON', async () => {
    const shop = await openShop()
    const { key, ledger } = shop
    const database = ledger.url
    const paid = await shop.post('/v1/search', { query: 'honey' })
    const requestId = paid.headers.get('x-request-id') ?? ''
    await paid.text()
    const words = await runCli(['explain', requestId], { database })
    expect({ ...words, stdout: '' }).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(words.stdout).toContain('settled: a call of search')
    expect(words.stdout).toContain('was charged 1 credit for a quantity of 1.')
    expect(words.stdout).toContain('it is as the rules make it')
    expect(await runJson(['explain', requestId], { database })).toMatchObject({
      ...{ charge: { requestId, credits: 1 }, settled: { quantity: 1, credits: 1 } },
      disagreements: [],
    })

    const poor = await shop.newKey('pro', { monthlyCap: 0 })
    const refused = await shop.post('/v1/search', { query: 'honey' }, { key: poor.text })
    const { position, code } = (await refused.json()) as { position: string; code: string }
    expect({ status: refused.status, code }).toEqual({ status: 402, code: 'key_cap_reached' })
    const ask = ['explain', '--key', poor.keyId, '--at', position, '--route', '/v1/search']
    const why = await runCli(ask, { database })
    expect(why.stdout).toContain(
      "key_cap_reached: the call needs 1 credit and the key's monthly cap leaves 0.",
    )
    expect(await runJson(ask, { database })).toMatchObject({
      ...{ position, keyId: poor.keyId, call: { route: 'search', credits: 1 } },
      decision: { verdict: 'key_cap_reached', capLeft: 0 },
    })
    // Its own key may, and what the plan does not give is not asked for money.
    const own = ['explain', '--key', key.keyId, '--at', position, '--route', 'search']
    expect((await runCli(own, { database })).stdout).toStartWith('ok: the call needs 1 credit')
    const free = await shop.newKey('free')
    const speech = ['explain', '--key', free.keyId, '--route', 'tts-synthesize', '--quantity', '9']
    const now = ['--at', ledger.now.toISOString()]
    expect((await runCli([...speech, ...now], { database })).stdout).toStartWith(
      'endpoint_not_allowed',
    )
    await shop.close()
  })

  test('a purchase that was refused because of a debt says what was owed', async () => {
    const ledger = await openLedger()
    const account = await ledger.account({ plan: 'none' })
    const key = await ledger.key(account)
    await ledger.grant(account, 25)
    const { hold } = await ledger.hold(key, 25)
    const { accountId } = account
    await ledger.commands.adjust(0, { accountId, mode: 'live', credits: 30, actor: 'test' })
    const [, refused] = await Promise.all([ledger.release(hold), ledger.hold(key, 1)])
    const at = `${refused.shard}-${refused.position}`
    const ask = ['explain', '--key', key.keyId, '--at', at, '--route', 'search']
    const { stdout } = await runCli(ask, { database: ledger.url })
    expect(stdout).toContain('insufficient_credits: the call needs 1 credit and 0 are available')
    expect(stdout).toMatch(/Owed +30 credits/)
    await ledger.close()
  })

  test.each([
    ['explain what?', []],
    ['explain what?', ['an-id', '--key', 'key_x']],
    ['which route?', ['--key', 'key_x']],
    ['did you mean search?', ['--key', 'key_x', '--route', 'serch']],
    ['the ledger has no key key_x', ['--key', 'key_x', '--route', 'search']],
    ['nothing was ever held for an-id', ['an-id']],
  ])('"%s" is said in a sentence', async (sentence, args) => {
    const ledger = await openLedger()
    const { status, stdout, stderr } = await runCli(['explain', ...args], { database: ledger.url })
    expect(stderr).toContain(sentence)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    await ledger.close()
  })
})

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
