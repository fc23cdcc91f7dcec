import { describe, test } from 'bun:test'
import {
  type AccountCommand,
  type AccountEvent,
  accountDecider,
} from '../../src/management/decide-account.ts'
import { given } from '../support/given.ts'

const opened = '2030-01-10T08:00:00.000Z'
const at = '2030-06-15T12:00:00.000Z'
const nextMonth = '2030-07-01T00:00:00.000Z'
const owner = { kind: 'user', id: 'u1' } as const

const plans = {
  free: plan(100, 0),
  pro: plan(5_000, 1_900),
  team: plan(5_000, 2_900),
  old: { ...plan(9_000, 100), grantable: false },
}

const accountOpened: AccountEvent = { type: 'AccountOpened', payload: { owner } }
const onFree = [accountOpened, started('free', opened)]
const onPro = [accountOpened, started('pro', opened)]

const account = given(accountDecider)
const zones = Intl.supportedValuesOf('timeZone')

describe('an account', () => {
  test('is opened on a plan', () => {
    account()
      .when({ type: 'open', at, owner, plan: 'free', plans })
      .follows(accountOpened, started('free', at))
  })

  test('is not opened on a plan that the tariff does not have', () => {
    account().when({ type: 'open', at, owner, plan: 'gold', plans }).refuses('no_tariff')
  })

  test('that does not exist accepts nothing', () => {
    account().when({ type: 'freeze' }).refuses('account_unknown')
  })

  test('is frozen once and unfrozen once', () => {
    const frozen: AccountEvent = { type: 'AccountFrozen', payload: {} }
    account(...onFree)
      .when({ type: 'freeze' })
      .follows(frozen)
    account(...onFree, frozen)
      .when({ type: 'freeze' })
      .follows()
    account(...onFree, frozen)
      .when({ type: 'unfreeze' })
      .follows({ type: 'AccountUnfrozen', payload: {} })
    account(...onFree)
      .when({ type: 'unfreeze' })
      .follows()
  })

  test('is described in part, and once where nothing is another', () => {
    const acme = { name: 'Acme', contact: 'a@acme.example', billingAddress: [], taxId: null }
    const described: AccountEvent = { type: 'AccountDescribed', payload: {}, document: acme }
    account(...onFree)
      .when({ type: 'describe', profile: { name: 'Acme', contact: 'a@acme.example' } })
      .follows(described)
    account(...onFree, described)
      .when({ type: 'describe', profile: { name: 'Acme', billingAddress: [] } })
      .follows()
    account(...onFree, described)
      .when({ type: 'describe', profile: { contact: null, billingAddress: ['Main St 1'] } })
      .follows({
        ...described,
        document: { ...acme, contact: null, billingAddress: ['Main St 1'] },
      })
    account(...onFree, { type: 'AccountErased', payload: {} })
      .when({ type: 'describe', profile: { name: 'Acme' } })
      .refuses('account_erased')
  })

  test('is noted as often as somebody writes, frozen or not, but not once it is erased', () => {
    const noted: AccountEvent = {
      ...{ type: 'AccountNoted', payload: {} },
      document: { text: 'Called' },
    }
    const note = { type: 'note', text: 'Called' } as const
    account(...onFree, noted, { type: 'AccountFrozen', payload: {} })
      .when(note)
      .follows(noted)
    account(...onFree, { type: 'AccountErased', payload: {} })
      .when(note)
      .refuses('account_erased')
  })

  test('has budgets in place of those before, and changes one of them beside the others', () => {
    const daily = { credits: 20, per: 'day', timeZone: 'Europe/Berlin' } as const
    const monthly = { credits: 500, per: 'month', timeZone: 'UTC' } as const
    const given: AccountEvent = { type: 'AccountBudgetsChanged', payload: { budgets: [daily] } }
    account(...onFree)
      .when({ type: 'change-budgets', budgets: [daily] })
      .follows(given)
    account(...onFree, given)
      .when({ type: 'change-budgets', budgets: [daily] })
      .follows()
    account(...onFree, given)
      .when({ type: 'set-budget', budget: monthly })
      .follows({ type: 'AccountBudgetsChanged', payload: { budgets: [daily, monthly] } })
    account(...onFree, given)
      .when({ type: 'set-budget', budget: { ...daily, credits: null } })
      .follows({ type: 'AccountBudgetsChanged', payload: { budgets: [] } })
    for (const timeZone of ['Berlin', 'CET', 'EST5EDT']) {
      account(...onFree)
        .when({ type: 'set-budget', budget: { ...daily, timeZone } })
        .refuses('time_zone_unknown')
    }
    const unknown = { ...daily, timeZone: 'Mars/Olympus' }
    account(...onFree, { type: 'AccountBudgetsChanged', payload: { budgets: [unknown] } })
      .when({ type: 'set-budget', budget: monthly })
      .follows({ type: 'AccountBudgetsChanged', payload: { budgets: [unknown, monthly] } })
    account(...onFree)
      .when({ type: 'change-budgets', budgets: [daily, { ...daily, credits: 5 }] })
      .refuses('budget_twice')
    account(...onFree)
      .when({
        type: 'change-budgets',
        budgets: zones.slice(0, 21).map((timeZone) => ({ ...daily, timeZone })),
      })
      .refuses('too_many_budgets')
  })

  test('keeps the limit that is not named', () => {
    const limited: AccountEvent = {
      type: 'AccountLimitsChanged',
      payload: { rateLimit: 7, maxInFlight: null },
    }
    account(...onFree)
      .when({ type: 'change-limits', rateLimit: 7 })
      .follows(limited)
    account(...onFree, limited)
      .when({ type: 'change-limits', maxInFlight: 3 })
      .follows({ type: 'AccountLimitsChanged', payload: { rateLimit: 7, maxInFlight: 3 } })
    account(...onFree, limited)
      .when({ type: 'change-limits', rateLimit: 7 })
      .follows()
  })
})

describe('a plan', () => {
  test('that gives more starts at once', () => {
    account(...onFree)
      .when(changeTo('pro'))
      .follows(ended('free', at), started('pro', at))
  })

  test('whose first month is prorated says so, for the bill', () => {
    const { fee } = plans.pro
    const payload = { plan: 'pro', from: at, fee, firstMonth: 'prorated' } as const
    account(...onFree)
      .when({
        ...changeTo('pro'),
        plans: { ...plans, pro: { ...plans.pro, firstMonth: 'prorated' } },
      })
      .follows(ended('free', at), { type: 'PlanStarted', payload })
  })

  test('that gives as much and costs more starts at once, one that costs less does not', () => {
    account(...onPro)
      .when(changeTo('team'))
      .follows(ended('pro', at), started('team', at))
    account(accountOpened, started('team', opened))
      .when(changeTo('pro'))
      .follows(ended('team', nextMonth), started('pro', nextMonth))
  })

  test('that gives less counts from the first of the next month, in UTC', () => {
    account(...onPro)
      .when(changeTo('free'))
      .follows(ended('pro', nextMonth), started('free', nextMonth))
    account(...onPro)
      .when({ ...changeTo('free'), at: '2030-12-31T23:59:59.999Z' })
      .follows(
        ended('pro', '2031-01-01T00:00:00.000Z'),
        started('free', '2031-01-01T00:00:00.000Z'),
      )
  })

  test('that is on already, or planned already, is no change', () => {
    account(...onPro)
      .when(changeTo('pro'))
      .follows()
    account(...onPro, started('free', nextMonth))
      .when(changeTo('free'))
      .follows()
  })

  test('asked for again takes a planned change back', () => {
    account(...onPro, started('free', nextMonth))
      .when(changeTo('pro'))
      .follows(ended('free', nextMonth), started('pro', nextMonth))
  })

  test('that starts at once replaces one that was planned', () => {
    const upgraded = [started('free', nextMonth), started('team', at)]
    account(...onPro, started('free', nextMonth))
      .when(changeTo('team'))
      .follows(ended('pro', at), started('team', at))
    account(...onPro, ...upgraded)
      .when({ ...changeTo('team'), at: '2030-08-01T00:00:00.000Z' })
      .follows()
  })

  test('that was planned is in force when its month has come', () => {
    account(...onPro, started('free', nextMonth))
      .when({ ...changeTo('pro'), at: nextMonth })
      .follows(ended('free', nextMonth), started('pro', nextMonth))
  })

  test('that is no longer known can be left for any other at once', () => {
    account(accountOpened, started('gone', opened))
      .when(changeTo('free'))
      .follows(ended('gone', at), started('free', at))
  })

  test('that nobody has heard of is refused', () => {
    account(...onFree)
      .when(changeTo('gold'))
      .refuses('plan_unknown')
    account(...onFree)
      .when(changeTo('constructor'))
      .refuses('plan_unknown')
  })

  test('that is no longer given is refused, but kept by those who have it', () => {
    account(...onFree)
      .when(changeTo('old'))
      .refuses('plan_not_grantable')
    account(accountOpened, started('old', opened), started('free', nextMonth))
      .when(changeTo('old'))
      .follows(ended('free', nextMonth), {
        type: 'PlanStarted',
        payload: { plan: 'old', from: nextMonth, fee: plans.old.fee },
      })
  })
})

function changeTo(name: string): AccountCommand & { readonly type: 'change-plan' } {
  return { type: 'change-plan', at, plan: name, plans }
}

function started(name: string, from: string): AccountEvent {
  const { fee } = plans[name as keyof typeof plans] ?? plans.free
  return { type: 'PlanStarted', payload: { plan: name, from, fee } }
}

function ended(name: string, time: string): AccountEvent {
  return { type: 'PlanEnded', payload: { plan: name, at: time } }
}

function plan(credits: number, minorUnits: number) {
  return {
    rateLimit: 10,
    windowMs: 60_000,
    credits,
    maxInFlight: 10,
    endpoints: 'all' as const,
    fee: { minorUnits, currency: 'EUR' },
  }
}
