/** Random calls of accounts with overage, over gateways at once: never a credit over what was given, and the bill is what an oracle counts. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { Plan } from '../../src/config/config.ts'
import type { Hold } from '../../src/ledger/append/call-commands.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { faultsIn } from '../mutations/faults-in.ts'
import {
  chargeOnLeaseCommand,
  type Gateway,
  holdCommand,
  leaseCommand,
  releaseCommand,
  settleCommand,
} from '../support/gateway.ts'
import { type LogEvent, readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'

const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))
const numRuns = Number(process.env.PROPERTY_RUNS ?? 15)
const dayMs = 86_400_000

const none = testTariff.plans.none as Plan
const overage = { max: 40, fee: { minorUnits: 7, currency: 'EUR' }, per: 9 }
const plans = { none, over: { ...none, credits: 60, overage } }

let ledger: Ledger
let gateways: readonly Gateway[]
beforeAll(async () => {
  ledger = await openLedger({ tariff: { ...testTariff, plans } })
  gateways = [0, 1, 2].map((n) => ledger.newGateway(`gateway-${n}`))
})
afterAll(() => ledger.close())

/** Calls begin at once, one at each gateway; the other steps are taken one by one. */
const aStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('calls' as const),
      credits: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 3 }),
      used: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
  },
  { weight: 2, arbitrary: step('lease', 20) },
  { weight: 2, arbitrary: step('refund', 6) },
  { weight: 1, arbitrary: step('grant', 15) },
  { weight: 1, arbitrary: step('adjust', 25) },
  { weight: 2, arbitrary: step('wait', 9) },
)

function step<Name extends string>(name: Name, max: number) {
  return fc.record({ do: fc.constant(name), number: fc.integer({ min: 1, max }) })
}

type Step = typeof aStep extends fc.Arbitrary<infer T> ? T : never

test(`no more is used than was given, and what is billed is what was used (seed ${seed})`, async () => {
  let most = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(aStep, { minLength: 5, maxLength: 40, size: 'max' }),
      fc.constantFrom('UTC', 'Europe/Berlin', 'Pacific/Auckland', 'America/Los_Angeles'),
      async (steps, timeZone) => {
        const key = await ledger.key(await ledger.account({ plan: 'over' }))
        await live(key, steps)
        const log = (await readLog(ledger.sql)).filter((e) => e.account_id === key.accountId)
        expectCovered(log)
        most = Math.max(most, await expectBilled(key, log, timeZone))
      },
    ),
    { numRuns, seed, endOnFailure: !process.env.PROPERTY_SHRINK },
  )
  expect(most).toBeGreaterThan(0)
  expect(breachesOf(await readLog(ledger.sql))).toEqual([])
  expect(await faultsIn(ledger.url)).toEqual([])
}, 300_000)

test('calls that race over three gateways use the last credit of overage, and none beyond it', async () => {
  const key = await ledger.key(await ledger.account({ plan: 'over' }))
  const calls = Array.from({ length: 150 }, (_, n) => gateways[n % 3]?.hold(key, 1))
  const held = (await Promise.all(calls)).filter((result) => result?.verdict === 'ok')
  expect(held).toHaveLength(100)
  await Promise.all(held.map((result) => result && gateways[0]?.settle(result.hold, 1)))
  const [row] = await ledger.sql`
    select settled::int as settled, free::int as free from lots
    where account_id = ${key.accountId} and kind = 'overage'`
  expect(row).toEqual({ settled: 40, free: 0 })
})

async function live(key: TestKey, steps: readonly Step[]): Promise<void> {
  const { accountId, account } = key
  const charged: string[] = []
  for (const each of steps) {
    switch (each.do) {
      case 'calls': {
        const holds = each.credits.map((credits) => holdCommand(key, credits))
        const results = await Promise.all(holds.map((hold, n) => gateways[n]?.append(hold)))
        const taken = holds.filter((_, n) => results[n]?.verdict === 'ok')
        await Promise.all(taken.map((hold) => end(hold, each.used)))
        charged.push(...taken.map(({ requestId }) => requestId))
        break
      }
      case 'lease': {
        const lease = leaseCommand(key, each.number, 2)
        if ((await ledger.append(lease)).verdict !== 'ok') break
        const charge = chargeOnLeaseCommand(key, lease, each.number)
        if ((await ledger.append(charge)).verdict === 'ok') charged.push(charge.requestId)
        if (each.number % 3 > 0) break
        await ledger.append(releaseCommand(lease, { reason: 'lease_released' }))
        break
      }
      case 'refund': {
        const requestId = charged.at(-each.number)
        if (!requestId) break
        await ledger.commands.refund(0, { requestId, credits: each.number, actor: 'test' })
        break
      }
      case 'grant':
        await ledger.grant(account, each.number)
        break
      case 'adjust':
        await ledger.commands.adjust(0, {
          ...{ accountId, mode: 'live', credits: each.number, actor: 'test' },
        })
        break
      case 'wait':
        await ledger.advance(each.number * dayMs)
    }
  }

  async function end(hold: Hold, used: number): Promise<void> {
    await ledger.append(settleCommand(hold, Math.ceil(hold.credits * used)))
  }
}

/** At each place of the log, calls have used and hold no more than the lots so far have, less what was taken away. */
function expectCovered(log: readonly LogEvent[]): void {
  let left = 0
  for (const { type, credits, moved, held } of log) {
    const sum = (of: readonly number[] | null) => (of ?? []).reduce((all, each) => all + each, 0)
    if (type === 'CreditsGranted') left += credits
    else if (type === 'ChargeRefunded') left += sum(moved)
    else left -= sum(moved) + sum(held)
    expect(left).toBeGreaterThanOrEqual(0)
  }
}

/** @returns what was billed in all months */
async function expectBilled(key: TestKey, log: readonly LogEvent[], timeZone: string) {
  const { accountId } = key
  const last = log.at(-1)?.recorded_at ?? 0
  const lots = log.filter(({ payload }) => payload.kind === 'overage').map((e) => e.position)
  const monthOf = (time: number) =>
    new Date(time / 1_000).toLocaleDateString('sv', { timeZone }).slice(0, 7)
  let sum = 0
  for (const month of new Set([...log.map((e) => monthOf(e.recorded_at)), monthOf(last)])) {
    const found = await readStatement(ledger.sql, { accountId, month, timeZone })
    const expected = lots
      .map((lot) => {
        const upTo = (counts: (month: string) => boolean) =>
          log
            .filter((event) => counts(monthOf(event.occurred_at)))
            .reduce((used, event) => used + ofLot(event, lot), 0)
        const [before, until] = [upTo((at) => at < month), upTo((at) => at <= month)]
        const fee = (used: number) => Math.ceil(used / overage.per) * overage.fee.minorUnits
        return [lot, until - before, fee(until) - fee(before)]
      })
      .filter(([, credits]) => credits !== 0)
    const billed = (found?.account?.overage ?? []).map((line) => [
      ...[Number(line.lot.split('-')[1]), line.credits, line.billed.minorUnits],
    ])
    expect(billed).toEqual(expected)
    sum += expected.reduce((all, [, , minorUnits = 0]) => all + minorUnits, 0)
  }
  return sum
}

/** What calls have used of a lot with an event, or were given back. */
function ofLot({ type, lots, moved }: LogEvent, lot: number): number {
  const sign = type === 'HoldSettled' ? 1 : type === 'ChargeRefunded' ? -1 : 0
  return (lots ?? []).reduce(
    (sum, each, n) => sum + (each === lot ? sign * (moved?.[n] ?? 0) : 0),
    0,
  )
}
