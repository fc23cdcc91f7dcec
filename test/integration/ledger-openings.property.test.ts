/**
 * Two gateways send the same commands, in any interleaving, while the log crosses one partition after another: each request is
 * opened once at most, none is refused as opened before that was not, and what was accepted replays.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isOpening } from '../../events/openings.ts'
import { projections } from '../../projections/index.ts'
import type { CallCommand } from '../../src/ledger/append/call-commands.ts'
import { rebuildAll } from '../../src/projector/rebuild/rebuild.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import {
  chargeOnLeaseCommand,
  type Gateway,
  holdCommand,
  leaseCommand,
  releaseCommand,
  voidOnLeaseCommand,
} from '../support/gateway.ts'
import { type Ledger, openLedger, type TestKey, testTariff } from '../support/test-ledger.ts'

const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))
const positionsOfPartition = 20
const verdicts: Record<string, number> = {}

let ledger: Ledger
let gateways: Gateway[]
/** Of an account each: a batch is decided account by account, and not in its own order. */
let keys: TestKey[]
beforeAll(async () => {
  ledger = await openLedger({ tariff: null })
  const partitions = await ledger.owner<{ name: string }[]>`
    select inhrelid::regclass::text as name from pg_inherits where inhparent = 'events'::regclass`
  for (const { name } of partitions) await ledger.owner.unsafe(`drop table ${name}`)
  await ledger.owner`select make_partitions(${positionsOfPartition}, 50)`
  await ledger.publish(testTariff)
  gateways = [ledger.newGateway(), ledger.newGateway()]
  keys = []
  for (let n = 0; n < 3; n++) {
    const account = await ledger.account({ plan: 'pro' })
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 100_000 })
    await ledger.grant(account, 10_000_000)
    keys.push(await ledger.key(account))
  }
})
afterAll(() => ledger.close())

/** Some of the commands, by their numbers, are sent at once by one of the gateways; or time passes. */
const aStep = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      gateway: fc.nat({ max: 1 }),
      commands: fc.array(fc.nat({ max: 180 }), { minLength: 1, maxLength: 12 }),
      alongside: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ waitMs: fc.constantFrom(1_000, 290_000, 310_000, 900_000) }),
  },
)

test(`each request is opened once at most (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(aStep, { minLength: 5, maxLength: 20, size: 'max' }),
      async (steps) => {
        const each = keys.map(someCommands)
        for (const [lease] of each) await gateways[0]?.append(lease as CallCommand)
        // In turns, so that neighbours are of different accounts.
        const commands = each.flatMap((_, n) =>
          each.flatMap((of) => of.filter((_, i) => i % 3 === n)),
        )
        const refused = new Set<string>()
        let sent: Promise<unknown>[] = []
        for (const step of steps) {
          if ('waitMs' in step) {
            await Promise.all(sent)
            await ledger.advance(step.waitMs)
            continue
          }
          const gateway = gateways[step.gateway] as Gateway
          const chosen = step.commands.map((n) => commands[n % commands.length] as CallCommand)
          sent.push(
            ...chosen.map(async (command) => {
              const { verdict } = await gateway.append(command)
              verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
              if (verdict === 'duplicate_request' && 'requestId' in command)
                refused.add(command.requestId)
            }),
          )
          if (!step.alongside) {
            await Promise.all(sent)
            sent = []
          }
        }
        await Promise.all(sent)
        await ledger.owner`select make_partitions(${positionsOfPartition}, 50)`
        expect(await openedTwice()).toEqual([])
        expect(await neverOpened([...refused])).toEqual([])
      },
    ),
    { numRuns: 15, seed, endOnFailure: true },
  )
  const [row] = await ledger.sql<[{ partitions: number }]>`
    select count(distinct tableoid) as partitions from events`
  expect(row.partitions).toBeGreaterThan(10)
  expect(Object.keys(verdicts)).toContain('duplicate_request')
  expect(Object.keys(verdicts)).toContain('request_out_of_time')
  await catchUpAll(ledger.sql)
  expect(await compareWithProjections(ledger.sql)).toEqual([])
  await rebuildAll(projections, { url: ledger.url })
  expect(await compareWithProjections(ledger.sql)).toEqual([])
})

/** A lease that lives for long, ends of calls on it, holds, and releases of those holds. */
function someCommands(key: TestKey): CallCommand[] {
  const lease = leaseCommand(key, 1_000, 10, { holdSeconds: 10_000_000 })
  const holds = Array.from({ length: 15 }, () => holdCommand(key, 1, { holdSeconds: 10_000_000 }))
  return [
    lease,
    ...holds,
    ...holds.map((hold) => releaseCommand(hold)),
    ...Array.from({ length: 20 }, () => chargeOnLeaseCommand(key, lease, 1)),
    ...Array.from({ length: 9 }, () => voidOnLeaseCommand(key, lease)),
  ]
}

/** Those of the requests that no event opens. */
async function neverOpened(requestIds: readonly string[]): Promise<unknown[]> {
  return [
    ...(await ledger.sql`
      select id from unnest(${requestIds}::text[]) id where not exists (
        select from events where request_id = id and ${ledger.sql.unsafe(isOpening)})`),
  ]
}

async function openedTwice(): Promise<unknown[]> {
  return [
    ...(await ledger.sql`
      select request_id, array_agg(position order by position) as positions from events
      where ${ledger.sql.unsafe(isOpening)} group by request_id having count(*) > 1`),
  ]
}
