/** Each request id is opened once, whoever sends the command, and a request's events are found by the id's indexes. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { isOpening, isOpeningOrNot } from '../../events/openings.ts'
import type { CallCommand, Verdict } from '../../src/ledger/append/call-commands.ts'
import { newRequestId } from '../../src/lib/ids.ts'
import {
  chargeOnLeaseCommand,
  type Gateway,
  holdCommand,
  leaseCommand,
  voidOnLeaseCommand,
} from '../support/gateway.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let gateways: [Gateway, Gateway]
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  gateways = [ledger.newGateway(), ledger.newGateway()]
  key = await ledger.key(await ledger.account({ plan: 'pro' }))
})
afterAll(() => ledger.close())

async function verdictOf(gateway: Gateway, command: CallCommand): Promise<Verdict> {
  return (await gateway.append(command)).verdict
}

async function openingsOf(requestId: string): Promise<number> {
  return (
    await ledger.sql`
      select from events where request_id = ${requestId} and ${ledger.sql.unsafe(isOpening)}`
  ).length
}

describe.each([
  // An id from the first minutes of a partition is sought in the log; others meet the partition's index.
  { title: 'soon after the log began', afterMs: 0 },
  { title: 'later', afterMs: 600_000 },
])('a command that is sent again by another gateway is refused, $title', ({ afterMs }) => {
  beforeAll(() => ledger.advance(afterMs))

  test('of a hold', async () => {
    const hold = holdCommand(key, 3)
    expect(await verdictOf(gateways[0], hold)).toBe('ok')
    expect(await verdictOf(gateways[1], hold)).toBe('duplicate_request')
    expect(await verdictOf(gateways[1], { ...hold, credits: 1 })).toBe('duplicate_request')
    expect(await openingsOf(hold.requestId)).toBe(1)
  })

  test('of a hold that has ended', async () => {
    const { hold } = await ledger.hold(key, 5)
    expect((await ledger.release(hold)).verdict).toBe('ok')
    expect(await verdictOf(gateways[0], hold)).toBe('duplicate_request')
    const { hold: charged } = await ledger.hold(key, 5)
    expect((await ledger.settle(charged, 5)).verdict).toBe('ok')
    expect(await verdictOf(gateways[0], charged)).toBe('duplicate_request')
  })

  test('of a charge on a lease', async () => {
    const lease = leaseCommand(key, 50, 5)
    await gateways[0].append(lease)
    const charge = chargeOnLeaseCommand(key, lease, 3)
    expect(await verdictOf(gateways[0], charge)).toBe('ok')
    expect(await verdictOf(gateways[1], charge)).toBe('duplicate_request')
    const ended = { requestId: charge.requestId }
    const end = voidOnLeaseCommand(key, lease, ended)
    expect(await verdictOf(gateways[1], end)).toBe('duplicate_request')
    expect(await verdictOf(gateways[1], holdCommand(key, 3, ended))).toBe('duplicate_request')
    expect(await openingsOf(charge.requestId)).toBe(1)
  })

  test('of the void of a call on a lease, and of the lease', async () => {
    const lease = leaseCommand(key, 50, 5)
    await gateways[0].append(lease)
    const end = voidOnLeaseCommand(key, lease)
    expect(await verdictOf(gateways[0], end)).toBe('ok')
    expect(await verdictOf(gateways[1], end)).toBe('duplicate_request')
    expect(await verdictOf(gateways[1], lease)).toBe('duplicate_request')
    expect(await openingsOf(end.requestId)).toBe(1)
    expect(await openingsOf(lease.requestId)).toBe(1)
  })
})

describe('an id is taken near its time alone', () => {
  const minute = 60_000
  const named = (atMs: number) => ({ requestId: newRequestId(atMs) })

  test('of a hold and a lease: five minutes from the ledger’s', async () => {
    const now = ledger.now.getTime()
    for (const command of [
      holdCommand,
      (...[key, , more]: Parameters<typeof holdCommand>) => leaseCommand(key, 1, 1, more as object),
    ]) {
      const at = (ms: number) => verdictOf(gateways[0], command(key, 1, named(now + ms)))
      expect(await at(-5 * minute)).toBe('ok')
      expect(await at(5 * minute)).toBe('ok')
      expect(await at(-5 * minute - 1)).toBe('request_out_of_time')
      expect(await at(5 * minute + 1)).toBe('request_out_of_time')
    }
  })

  test('of the end of a call on a lease: from five minutes before the lease on', async () => {
    const lease = leaseCommand(key, 50, 5, { holdSeconds: 100_000 })
    await gateways[0].append(lease)
    const from = ledger.now.getTime()
    await ledger.advance(60 * minute)
    const to = ledger.now.getTime()
    for (const command of [
      (more: object) => chargeOnLeaseCommand(key, lease, 1, more),
      (more: object) => voidOnLeaseCommand(key, lease, more),
    ]) {
      const at = (ms: number) => verdictOf(gateways[0], command(named(ms)))
      expect(await at(from - 5 * minute)).toBe('ok')
      expect(await at(from + 30 * minute)).toBe('ok')
      expect(await at(to + 5 * minute)).toBe('ok')
      expect(await at(from - 5 * minute - 1)).toBe('request_out_of_time')
      expect(await at(to + 5 * minute + 1)).toBe('request_out_of_time')
    }
  })

  test('and only a UUIDv7 has a time', async () => {
    for (const requestId of [
      'r-1',
      crypto.randomUUID(),
      newRequestId(ledger.now.getTime()).toUpperCase(),
      `${newRequestId(ledger.now.getTime())}0`,
      `${newRequestId(ledger.now.getTime())} `,
    ]) {
      expect([requestId, await verdictOf(gateways[0], holdCommand(key, 1, { requestId }))]).toEqual(
        [requestId, 'request_out_of_time'],
      )
    }
    for (const requestId of ['', newRequestId(ledger.now.getTime()).replace(/.$/, 'x')]) {
      await expect(gateways[0].append(holdCommand(key, 1, { requestId }))).rejects.toThrow(
        'the ledger cannot write this',
      )
    }
  })
})

test('a command that is refused so takes no other one with it', async () => {
  const { hold } = await ledger.hold(key, 1)
  const others = Array.from({ length: 20 }, () => holdCommand(key, 1))
  const batch = [...others.slice(0, 7), hold, ...others.slice(7)]
  const verdicts = await Promise.all(batch.map((command) => verdictOf(gateways[0], command)))
  expect(verdicts).toEqual(batch.map((command) => (command === hold ? 'duplicate_request' : 'ok')))
})

test('the events of a request are found by indexes, in a plan made before the id is known', async () => {
  const far = await openLedger()
  await far.owner`select make_partitions(4000000, 3)`
  const plans = await far.owner.begin(async (tx) => {
    await tx`set local enable_seqscan = off`
    await tx`set local plan_cache_mode = force_generic_plan`
    const planOf = async (condition: string) => {
      await tx.unsafe(`prepare lookup (text) as
        select credits from events where request_id = $1 and ${condition}`)
      const rows = await tx.unsafe<{ 'QUERY PLAN': string }[]>(`explain execute lookup ('some')`)
      await tx`deallocate lookup`
      return rows.map((row) => row['QUERY PLAN']).join('\n')
    }
    return {
      any: await planOf(isOpeningOrNot),
      opening: await planOf(isOpening),
      settled: await planOf(`type = 'HoldSettled' and ${isOpeningOrNot}`),
      refunded: await planOf(`type = 'ChargeRefunded'`),
      withoutCondition: await planOf('true'),
    }
  })
  const partitions = await far.owner`select from pg_inherits where inhparent = 'events'::regclass`
  const count = (plan: string, pattern: RegExp) => plan.match(pattern)?.length ?? 0
  for (const name of ['any', 'settled'] as const) {
    expect([name, count(plans[name], /Bitmap Heap Scan/g)]).toEqual([name, partitions.length])
    expect(count(plans[name], /_openings/g)).toBeGreaterThanOrEqual(partitions.length)
    expect(count(plans[name], /_request_id_idx/g)).toBeGreaterThanOrEqual(partitions.length)
  }
  expect(count(plans.opening, /Scan (using|on) \w+_openings/g)).toBe(partitions.length)
  expect(count(plans.refunded, /Index Cond: \(request_id/g)).toBe(partitions.length)
  // An index of one kind of event alone does not serve a query that asks for all.
  expect(plans.withoutCondition).not.toContain('Index Cond: (request_id')
  await far.close()
})
