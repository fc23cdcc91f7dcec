/** Gateways racing for the same credits: what is sold is what there was, and not one more. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { canonicalJson } from '../../events/canonical-json.ts'
import type { AppendResult, CallCommand } from '../../src/ledger/append/call-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { type Gateway, holdCommand } from '../support/gateway.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let ledger: Ledger
let gateways: Gateway[]
beforeAll(async () => {
  ledger = await openLedger()
  gateways = [ledger.newGateway(), ledger.newGateway(), ledger.newGateway()]
})
afterAll(() => ledger.close())

/** Takes `count` holds of one credit over all gateways, in several waves; returns how often it got which verdict. */
async function race(keys: readonly TestKey[], count: number): Promise<Record<string, number>> {
  const verdicts: Record<string, number> = {}
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      // Waves, so that the three gateways' batches interleave.
      for (let wave = 0; wave < i % 5; wave++) await Bun.sleep(0)
      const gateway = gateways[i % gateways.length] as Gateway
      const { verdict } = await gateway.append(holdCommand(keys[i % keys.length] as TestKey, 1))
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    }),
  )
  return verdicts
}

describe('200 holds over three gateways', () => {
  test('for 37 credits: 37 are granted', async () => {
    const account = await ledger.account({ plan: 'none' })
    await ledger.grant(account, 37)
    const keys = [await ledger.key(account), await ledger.key(account)]
    expect(await race(keys, 200)).toEqual({ ok: 37, insufficient_credits: 163 })
    const [balance] = await ledger.sql`
      select b.open_holds, sum(l.held)::bigint as held
      from balances b join lots l using (account_id, mode, shard)
      where account_id = ${account.accountId} group by b.open_holds`
    expect(balance).toEqual({ open_holds: 37, held: 37 })
  })

  test('for a cap of 37: 37 are granted, and the account’s other key has the rest', async () => {
    const account = await ledger.account({ plan: 'pro' })
    const key = await ledger.key(account, { monthlyCap: 37 })
    const sibling = await ledger.key(account)
    expect(await race([key], 200)).toEqual({ ok: 37, key_cap_reached: 163 })
    expect((await ledger.hold(sibling, 963)).available).toBe(0)
  })

  test('for a concurrency limit of 37: 37 are granted', async () => {
    const account = await ledger.account({ plan: 'pro' })
    await ledger.change(account, 'AccountLimitsChanged', { rateLimit: null, maxInFlight: 37 })
    const key = await ledger.key(account)
    expect(await race([key], 200)).toEqual({ ok: 37, concurrency_exceeded: 163 })
  })

  test('for an allowance that is not granted yet: it is granted once', async () => {
    const account = await ledger.account({ plan: 'free' })
    expect(await race([await ledger.key(account)], 200)).toEqual({
      ...{ ok: 100, insufficient_credits: 100 },
    })
    const grants = await ledger.sql`
      select credits from events where account_id = ${account.accountId} and type = 'CreditsGranted'`
    expect(grants.map((row) => row.credits)).toEqual([100])
  })
})

test('a revocation among racing holds: none is granted after its position', async () => {
  const account = await ledger.account({ plan: 'pro' })
  const key = await ledger.key(account)
  const holds = race([key], 300)
  const { positions } = await ledger.change(key, 'KeyRevoked')
  await holds
  const [row] = await ledger.sql`
    select max(position) as last from events
    where key_id = ${key.keyId} and type = 'CreditsHeld'`
  expect(row?.last ?? 0).toBeLessThan(positions?.[0] ?? 0)
  expect((await ledger.hold(key, 1)).verdict).toBe('key_revoked')
})

describe('batches that waited for the shard', () => {
  test('see what was written meanwhile, by each other too', async () => {
    const account = await ledger.account({ plan: 'none' })
    await ledger.grant(account, 10)
    const key = await ledger.key(account)
    const last = (await ledger.count(key, 1)).position
    const results = await whileLocked([holdCommand(key, 6), holdCommand(key, 6)], async (tx) => {
      await tx`select write_event(0::smallint, ${last + 1}, ${ledger.now}, 'CreditsGranted', 'test', 'test',
        ${canonicalJson({ kind: 'promotional', startsAt: ledger.now.toISOString() })},
        in_account => ${account.accountId}, in_mode => 'live', in_credits => 1)`
      await tx`select leave_shard(0::smallint, ${last + 1}, ${ledger.now})`
    })
    const byVerdict = Map.groupBy(results, ({ verdict }) => verdict)
    expect(byVerdict.get('ok')).toMatchObject([{ position: last + 2, available: 5 }])
    expect(byVerdict.get('insufficient_credits')).toMatchObject([{ available: 5 }])
  })

  test('read the clock after the wait, though nothing was written meanwhile', async () => {
    const key = await ledger.key(await ledger.account())
    const { owner, now } = ledger
    const later = new Date(now.getTime() + 30_000)
    await owner`create table clock as select ${now}::timestamptz as at`
    await owner`grant select on clock to public`
    await owner`create or replace function ledger_now() returns timestamptz
      language sql volatile as 'select at from clock'`
    const [result] = await whileLocked(
      [holdCommand(key, 1)],
      () => owner`update clock set at = ${later}`,
    )
    expect(result?.recordedAt).toEqual(later)
    await ledger.travelTo(later)
    await owner`drop table clock`
  })
})

describe('an overdue hold', () => {
  test('is expired once, by whichever gateway comes first', async () => {
    const key = await ledger.key(await ledger.account())
    const { hold } = await ledger.hold(key, 10, { holdSeconds: 1 })
    await ledger.advance(1_000)
    const results = await Promise.all(gateways.map((gateway) => gateway.expire(hold)))
    expect(results.map((a) => a.verdict).sort()).toEqual(['hold_not_open', 'hold_not_open', 'ok'])
    // The gateway that made it comes back: too late, and its customer is not charged.
    expect(await ledger.settle(hold, 10)).toMatchObject({
      verdict: 'hold_not_open',
      available: 100,
    })
    const events = await ledger.sql`
      select type from events where request_id = ${hold.requestId} order by position`
    expect(events.map((e) => e.type)).toEqual(['CreditsHeld', 'HoldExpired'])
  })

  test('may still settle while nobody has expired it', async () => {
    const key = await ledger.key(await ledger.account())
    const { hold } = await ledger.hold(key, 10, { holdSeconds: 1 })
    await ledger.advance(5_000)
    expect((await ledger.settle(hold, 10)).verdict).toBe('ok')
    expect((await gateways[0]?.expire(hold))?.verdict).toBe('hold_not_open')
  })
})

/** Sends each command by a gateway of its own while the shard is locked, and does `work` once all of them wait. */
async function whileLocked(
  commands: readonly CallCommand[],
  work: (tx: Sql) => Promise<unknown>,
): Promise<AppendResult[]> {
  let waiting: Promise<AppendResult>[] = []
  await ledger.owner.begin(async (tx) => {
    await tx`select enter_shard(0::smallint)`
    waiting = commands.map((command, i) => (gateways[i] as Gateway).append(command))
    await until(async () => (await waitingAppends()) === commands.length)
    await work(tx as unknown as Sql)
  })
  return Promise.all(waiting)
}

/** How many appends wait for the shard's lock. */
async function waitingAppends(): Promise<number> {
  const rows = await ledger.owner`
    select from pg_stat_activity
    where datname = current_database() and state = 'active' and wait_event_type = 'Lock'
      and query like '%append_v1%' and pid <> pg_backend_pid()`
  return rows.length
}
