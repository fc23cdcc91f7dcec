/** The log itself: its order, its hashes, its texts, and that nobody can change it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import postgres from 'postgres'
import { canonicalJson } from '../../events/canonical-json.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { compareWithProjections } from '../support/compare.ts'
import { countCommand, holdCommand, releaseCommand, settleCommand } from '../support/gateway.ts'
import { readLog } from '../support/log.ts'
import { breachesOf } from '../support/log-rules.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

/** Some of everything: several gateways, accounts and kinds of events, and refusals. */
async function fill(): Promise<TestKey> {
  const gateways = [ledger.newGateway(), ledger.newGateway()]
  const account = await ledger.account({ plan: 'pro' })
  const [key, trial] = [await ledger.key(account), await ledger.key(account, { mode: 'test' })]
  await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const gateway = gateways[i % 2] as (typeof gateways)[number]
      const { hold, verdict } = await gateway.hold(i % 3 ? key : trial, i === 7 ? 5_000 : 10)
      if (verdict !== 'ok') return
      if (i % 4 === 0) await gateway.release(hold, { reason: 'ärger with "quotes"\n\u2028' })
      else await gateway.settle(hold, i % 10, { shortfall: 1, terminatedBy: 'client' })
      if (i % 5 === 1) await ledger.commands.refund(0, { requestId: hold.requestId, actor: 'x' })
    }),
  )
  await gateways[0]?.count(key, 3, { errors: 1 })
  await ledger.commands.adjust(0, {
    ...{ accountId: account.accountId, mode: 'live', credits: 5_000, actor: 'admin:ünï' },
    ...{ externalId: 'adjust\t"1"', private: new Uint8Array([0, 1, 254, 255]) },
  })
  await ledger.grant(account, 70)
  return key
}

describe('the log', () => {
  test('has consecutive positions, and times that never run backwards along them', async () => {
    await fill()
    await ledger.advance(1_500)
    const key = await fill()
    // The clock is set back, and the ledger's time stays where it was.
    const latest = ledger.now
    await ledger.travelTo(new Date(ledger.now.getTime() - 60_000))
    const { recordedAt } = await ledger.hold(key, 1)
    expect(recordedAt).toEqual(latest)
    await ledger.travelTo(latest)
    const [row] = await ledger.sql`
      select count(*) as events, min(position) as first, max(position) as last,
        count(*) filter (where recorded_at < earlier) as backwards, (select position from heads) as head
      from (select *, lag(recorded_at) over (order by position) as earlier from events) e`
    const { events, ...rest } = row as unknown as { events: number }
    expect(events).toBeGreaterThan(150)
    expect(rest as object).toEqual({ first: 1, last: events, head: events, backwards: 0 })
  })

  test('has for each event the hash of all that identifies it, as computed here', async () => {
    await fill()
    const rows = await ledger.sql<Record<string, unknown>[]>`
      select *, payload::text as payload_text,
        (extract(epoch from recorded_at) * 1000000)::bigint as recorded_micros,
        (extract(epoch from occurred_at) * 1000000)::bigint as occurred_micros
      from events order by position`
    expect(new Set(rows.map((row) => row.type)).size).toBeGreaterThanOrEqual(10)
    for (const row of rows)
      expect([row.position, hex(row.event_hash)]).toEqual([row.position, hashEvent(row)])
  })

  test('keeps payloads as the very text that was written, which is canonical', async () => {
    const producer = await openProducer(ledger.sql)
    const key = await ledger.key(await ledger.account())
    const command = holdCommand(key, 1)
    const reason = 'quote " backslash \\ tab \t line \n umlaut ü 😀 \u2028 del \u007f esc \u001b'
    await producer.send([command])
    await producer.send([releaseCommand(command, { reason })])
    const rows = await ledger.sql<{ type: string; text: string; payload: unknown }[]>`
      select type, payload::text as text, payload from events order by position`
    expect(rows.at(-1)?.text).toBe(canonicalJson({ reason }))
    for (const { text, payload } of rows) expect(text).toBe(canonicalJson(payload))
  })

  test('crosses into the next partition without a gap', async () => {
    const far = await openLedger()
    const key = await far.key(await far.account({ plan: 'pro' }))
    await far.owner`update heads set position = 3999995`
    const results = await Promise.all(Array.from({ length: 10 }, () => far.hold(key, 1)))
    // Ten holds and the month's allowance, at 3,999,996 to 4,000,006.
    expect(results.map((a) => a.position)).toEqual(results.map((_, i) => 3_999_997 + i))
    const parts = await far.owner`
      select tableoid::regclass::text as part, count(*) as events from events
      where position > 3999995 group by 1 order by 1`
    expect([...parts]).toEqual([
      { part: 'events_0000000000000', events: 4 },
      { part: 'events_0000004000000', events: 7 },
    ])
    await far.close()
  })
})

test('a settlement and a count in one batch stand as two events of two times', async () => {
  const key = await ledger.key(await ledger.account())
  const { hold, recordedAt } = await ledger.hold(key, 1)
  await ledger.advance(1_000)
  const producer = await openProducer(ledger.sql)
  const result = await producer.send([settleCommand(hold, 1), countCommand(key, 1)])
  const rows = await ledger.sql`
    select occurred_at, recorded_at from events where position in ${ledger.sql(result.positions ?? [])}
    order by position`
  expect([...rows]).toEqual([
    { occurred_at: recordedAt, recorded_at: ledger.now },
    { occurred_at: ledger.now, recorded_at: ledger.now },
  ])
})

test('shards have positions, lots and locks of their own', async () => {
  const wide = await openLedger({ shards: 2 })
  const gateways = [wide.newGateway('zero'), wide.newGateway('one', { shard: 1 })] as const
  const keys = [
    await wide.key(await wide.account({ shard: 0 })),
    await wide.key(await wide.account({ shard: 1 })),
  ] as const
  for (const round of [10, 20, 30]) {
    await Promise.all(
      gateways.map(async (gateway, shard) => {
        const { hold, position } = await gateway.hold(keys[shard] as TestKey, round)
        const settled = await gateway.settle(hold, round - shard)
        expect(settled.position).toBe(position + 1)
        expect(settled.shard).toBe(shard)
      }),
    )
  }
  // A shard's gateway knows nothing of the other's accounts, though positions and lots look the same.
  expect((await gateways[1].hold(keys[0], 1)).verdict).toBe('stale_key')
  const rows = await wide.sql`
    select shard, count(*) as events, max(position) as last from events group by shard order by shard`
  expect(rows.map((row) => row.events - row.last)).toEqual([0, 0])
  for (const shard of [0, 1]) {
    await catchUpAll(wide.sql, [shard])
    expect(await compareWithProjections(wide.sql, shard)).toEqual([])
    expect(breachesOf(await readLog(wide.sql, shard))).toEqual([])
  }
  await wide.close()
})

describe('partitions are made ahead', () => {
  test('from where the last one ends, whatever its size was', async () => {
    const far = await openLedger()
    const made = async (size: number, count: number) => {
      const [row] = await far.owner`select make_partitions(${size}, ${count}::integer) as made`
      return row?.made
    }
    const before = await partitionBounds(far)
    expect(before[0]?.[0]).toBe(0)
    expect(await made(1_000, 2)).toBe(0)
    const end = before.at(-1)?.[1] ?? 0
    await far.owner`update heads set position = ${end - 1}`
    expect(await made(1_000, 2)).toBe(2)
    expect(await made(1_000, 2)).toBe(0)
    expect(await made(7, 3)).toBe(0)
    await far.owner`update heads set position = ${end + 1_995}`
    expect(await made(10, 3)).toBe(3)
    const after = await partitionBounds(far)
    for (const [i, [from]] of after.entries()) if (i > 0) expect(from).toBe(after[i - 1]?.[1] ?? -1)
    const key = await far.key(await far.account({ plan: 'pro' }))
    const results = await Promise.all(Array.from({ length: 25 }, () => far.hold(key, 1)))
    expect(results.every((a) => a.verdict === 'ok')).toBe(true)
    await far.close()
  })

  test('once, when many gateways do so at the same time', async () => {
    const far = await openLedger()
    await far.owner`update heads set position = 11999999`
    const made = await Promise.all(
      Array.from({ length: 8 }, () => far.sql`select extend_partitions() as made`),
    )
    expect(made.map(([row]) => row?.made).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 2])
    await far.close()
  })

  test('only those that are due, whatever a gateway asks for', async () => {
    const before = await partitionBounds(ledger)
    for (const statement of [
      'select extend_partitions(400000000000000000, 10)',
      'select extend_partitions(in_count => 10)',
      'select make_partitions(400000000000000000, 10)',
    ]) {
      expect([statement, await refusalOf(statement)]).not.toEqual([statement, 'done'])
    }
    for (let i = 0; i < 3; i++) await ledger.sql`select extend_partitions()`
    expect(await partitionBounds(ledger)).toEqual(before)
  })
})

describe('what appends and gateways wait for', () => {
  test('is held by nobody who may not write the log', async () => {
    const login = await ledger.management.reserve()
    await login`begin`
    for (const name of ['tollbook', 'tollbook.partitions']) {
      await login`select pg_advisory_lock(hashtext(${name}))`
      await login`select pg_advisory_lock(hashtext(${name}), 0)`
    }
    await login`savepoint before`
    for (const statement of [
      'select from heads for update',
      'select from heads for key share',
      'lock table heads in row share mode',
      'lock table events in row exclusive mode',
    ]) {
      expect([statement, await login.unsafe(statement).catch((error) => error.code)]).toEqual([
        statement,
        denied,
      ])
      await login`rollback to before`
    }
    await login`lock table heads, events in access share mode`
    const waiting = ledger.newGateway('others', { timeoutMs: 5_000 })
    expect((await waiting.hold(await ledger.key(await ledger.account()), 1)).verdict).toBe('ok')
    const [row] = await ledger.owner.begin(async (tx) => {
      await tx`set local lock_timeout = '5s'`
      return tx`select extend_partitions() as made`
    })
    expect(row).toEqual({ made: 0 })
    await login`rollback`
    await login`select pg_advisory_unlock_all()`
    login.release()
  })
})

describe('nobody changes the log', () => {
  const changes = [
    "update %t set actor = 'somebody else'",
    "update %t set payload = payload where type = 'TariffPublished'",
    'delete from %t',
    'truncate %t',
    'truncate %t cascade',
  ]

  test('its owner neither, through the table or a partition', async () => {
    const size = await ledger.size()
    for (const change of changes) {
      for (const table of ['events', 'only events_0000000000000', 'events_0000000000000']) {
        const statement = change.replace('%t', table)
        await expect(ledger.owner.unsafe(statement).then(() => 'done')).rejects.toThrow(
          'the log is append-only',
        )
      }
    }
    expect(await ledger.size()).toBe(size)
  })
})

const denied = '42501'

/** First and next-after-last position of each partition, in order. */
async function partitionBounds({ owner }: Ledger): Promise<[number, number][]> {
  const rows = await owner<{ bounds: string }[]>`
    select pg_get_expr(c.relpartbound, c.oid) as bounds
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'events'::regclass order by c.relname`
  return rows.map((row) => row.bounds.match(/\d+/g)?.map(Number) as [number, number])
}

/** The code under which the role of calls is refused, or `done`. */
async function refusalOf(statement: string): Promise<string> {
  try {
    await ledger.calls.begin(async (tx) => {
      await tx.unsafe(statement)
      throw new Done()
    })
    return 'done'
  } catch (error) {
    if (error instanceof postgres.PostgresError) return error.code
    if (error instanceof Done) return 'done'
    throw error
  }
}

class Done extends Error {}

/** The event hash by its description: every field on a line, an absent one empty, times in microseconds. */
function hashEvent(row: Record<string, unknown>): string {
  const list = (value: unknown) => (value === null ? '' : `{${(value as number[]).join(',')}}`)
  const fields = [
    ...[row.shard, row.position, row.recorded_micros, row.occurred_micros, row.type],
    ...[row.stream_version, row.account_id, row.key_id, row.mode],
    ...[row.request_id, row.endpoint, row.tariff, row.credits, row.quantity, row.slots],
    ...[row.status, row.latency_ms, list(row.lots), list(row.held), list(row.moved)],
    ...[row.actor, row.instance, row.payload_text, row.private ? hex(row.private) : '', row.login],
  ]
  return createHash('sha256')
    .update(fields.map((f) => f ?? '').join('\n'))
    .digest('hex')
}

function hex(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString('hex')
}
