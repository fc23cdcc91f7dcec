/** Verify decides overage again. Each test breaks the ledger's own rule, and what it wrote is named. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Plan } from '../../src/config/config.ts'
import { faultsIn } from '../mutations/faults-in.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'

const none = testTariff.plans.none as Plan
const overage = { max: 50, fee: { minorUnits: 120, currency: 'EUR' }, per: 20 }
const plans = { none, over: { ...none, credits: 100, overage } }

let ledger: Ledger
let key: TestKey
beforeEach(async () => {
  ledger = await openLedger({ tariff: { ...testTariff, plans } })
  key = await ledger.key(await ledger.account({ plan: 'over' }))
})
afterEach(() => ledger.close())

/** Uses up what an account has, and then overage; takes away what is left; and buys again after that, and after a grant. */
async function live(): Promise<void> {
  const { account, accountId } = key
  for (const credits of [80, 30]) {
    const { hold } = await ledger.hold(key, credits)
    await ledger.settle(hold, credits)
    await ledger.advance(1)
  }
  await ledger.commands.adjust(0, { accountId, mode: 'live', credits: 15, actor: 'test' })
  await ledger.hold(key, 1)
  await ledger.grant(account, 40)
  await ledger.hold(key, 30)
}

/** The faults, by the type of the event that they stand at. */
async function faults(): Promise<string[]> {
  const types = new Map((await readLog(ledger.sql)).map(({ position, type }) => [position, type]))
  return (await faultsIn(ledger.url)).map(
    ({ position, fault }) => `${types.get(position)}: ${fault}`,
  )
}

test('a sound log has no faults', async () => {
  await live()
  expect(await faults()).toEqual([])
  expect(breachesOf(await readLog(ledger.sql))).toEqual([])
})

test.each([
  [
    'given twice a month',
    'overage_due',
    `l.kind = 'overage'`,
    `l.kind = 'none'`,
    'CreditsGranted: 0 credits of overage were due',
  ],
  [
    'missing',
    'overage_due',
    'case when exists',
    'case when true or exists',
    'CreditsHeld: 50 credits of overage were due before it',
  ],
  [
    'too large',
    'grant_overage',
    `(v_overage ->> 'max')::bigint`,
    '51',
    'CreditsGranted: 50 credits of overage were due',
  ],
  [
    'billed otherwise',
    'grant_overage',
    `v_overage -> 'per'`,
    `'21'`,
    'CreditsGranted: it is not billed as its plan says',
  ],
  [
    'good for longer',
    'grant_overage',
    `interval '1 month'`,
    `interval '2 months'`,
    "CreditsGranted: overage is its month's",
  ],
  [
    'taken away',
    'owned_lots',
    'l.rank < 2',
    'l.rank < 3',
    'CreditsAdjusted: its credits are not drawn in order, from no lot',
  ],
  [
    'drawn on while credits are owed',
    'append_v1',
    'account.debt <= v_allowance_due',
    'true',
    'CreditsHeld: it takes 1 credits, and 0 were not owed',
  ],
  [
    'drawn on before other credits',
    'append_v1',
    `when 'overage' then 2 else 1 end`,
    `when 'overage' then -1 else 1 end`,
    'CreditsHeld: its credits are not drawn in order, from lot 5',
  ],
])('overage that is %s is named', async (_, name, part, broken, fault) => {
  const [row] = await ledger.owner<[{ text: string }]>`
    select pg_get_functiondef(${name}::regproc) as text`
  expect(row.text).toContain(part)
  await ledger.owner.unsafe(row.text.replace(part, () => broken))
  await live()
  expect(await faults()).toContain(fault)
  expect(breachesOf(await readLog(ledger.sql))).not.toEqual([])
})
