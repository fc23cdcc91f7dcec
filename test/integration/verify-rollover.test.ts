/** Verify decides again what lapses of earlier months' allowances. Each test breaks the ledger's own rule, and what it wrote is named. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import type { Plan } from '../../src/config/config.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { hashAgain } from '../mutations/copies.ts'
import { faultsIn } from '../mutations/faults-in.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'
import { openTriggerless } from '../support/vandal.ts'

const none = testTariff.plans.none as Plan
const plans = { none, rolling: { ...none, credits: 100, rollover: { max: 60, months: 2 } } }

let ledger: Ledger
let vandal: Sql
let key: TestKey
beforeEach(async () => {
  ledger = await openLedger({ tariff: { ...testTariff, plans } })
  vandal = await openTriggerless(ledger.url)
  key = await ledger.key(await ledger.account({ plan: 'rolling' }))
})
afterEach(async () => {
  await vandal.end()
  await ledger.close()
})

/** Writes an account's credits over a month's turn, where 30 of 90 lapse. */
async function turnMonth(): Promise<void> {
  const { hold } = await ledger.hold(key, 10)
  await ledger.settle(hold, 10)
  await ledger.travelTo('2030-07-01T00:00:00Z')
  await ledger.hold(key, 20)
}

/** The faults, by the type of the event that they stand at. */
async function faults(): Promise<string[]> {
  const types = new Map((await readLog(ledger.sql)).map(({ position, type }) => [position, type]))
  return (await faultsIn(ledger.url)).map(
    ({ position, fault }) => `${types.get(position)}: ${fault}`,
  )
}

test.each([
  [
    'that does not happen',
    'x.credits',
    'where false',
    'CreditsHeld: 30 credits had to lapse before it',
  ],
  [
    'of too little',
    'r.excess - r.before',
    'least(r.excess - r.before, 29)',
    'CreditsLapsed: 30 credits of lot 5 had to lapse',
  ],
  [
    'of too much',
    'r.excess - r.before',
    'r.excess - r.before + 1',
    'CreditsLapsed: 30 credits of lot 5 had to lapse',
  ],
  [
    'by half of the most',
    'first_value(l.rollover_max)',
    'first_value(l.rollover_max / 2)',
    'CreditsLapsed: 30 credits of lot 5 had to lapse',
  ],
])('a lapse %s is named', async (_, part, broken, fault) => {
  const [row] = await ledger.owner<[{ text: string }]>`
    select pg_get_functiondef(${part === 'x.credits' ? 'lapse_rollover' : 'rollover_excess'}::regproc) as text`
  const changed =
    part === 'x.credits'
      ? row.text.replace('order by x.draw_order', `${broken} order by x.draw_order`)
      : row.text.replace(part, broken)
  expect(changed).not.toBe(row.text)
  await ledger.owner.unsafe(changed)
  await turnMonth()
  expect(await faults()).toContain(fault)
  expect(breachesOf(await readLog(ledger.sql))).not.toEqual([])
})

test('a sound log has no faults', async () => {
  await turnMonth()
  expect(await faults()).toEqual([])
})

test('a lapse in the middle of its month is named', async () => {
  await ledger.hold(key, 10)
  const [row] = await ledger.owner<[{ text: string }]>`
    select pg_get_functiondef('rollover_excess'::regproc) as text`
  await ledger.owner.unsafe(
    row.text.replace('and l.starts_at < date_trunc', 'and l.starts_at <= date_trunc'),
  )
  await ledger.advance(1)
  await ledger.hold(key, 10)
  expect(await faults()).toContain('CreditsLapsed: nothing had to lapse')
})

test.each([
  [
    'for longer than its plan says',
    `replace(payload::text, '"expiresAt":"2030-09', '"expiresAt":"2030-10')`,
    `an allowance is its month's`,
  ],
  [
    'with more than its plan says',
    `replace(payload::text, '"max":60', '"max":61')`,
    'so much does not roll over by its plan',
  ],
  [
    'with its month alone',
    `replace(payload::text, '"rollover":{"max":60},', '')`,
    'so much does not roll over by its plan',
  ],
])('an allowance that is good %s is named', async (_, payload, fault) => {
  await ledger.hold(key, 10)
  expect(await faults()).toEqual([])
  const changed = await vandal.unsafe<{ position: number }[]>(
    `update events set payload = (${payload})::json where type = 'CreditsGranted' returning position`,
  )
  await hashAgain(
    vandal,
    changed.map(({ position }) => position),
  )
  expect(await faults()).toContain(`CreditsGranted: ${fault}`)
})

test('what somebody lets lapse is named', async () => {
  await turnMonth()
  const changed = await vandal<{ position: number }[]>`
    update events set actor = 'somebody' where type = 'CreditsLapsed' returning position`
  await hashAgain(
    vandal,
    changed.map(({ position }) => position),
  )
  expect(await faults()).toContain('CreditsLapsed: the ledger itself lets credits lapse')
})
