/** However many calls of an account are refused, its log and its table grow only so fast, and what is counted is exact. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type KeyRecord, readKeyByHash } from '../../src/ledger/read/read-key-by-hash.ts'
import {
  forgetRefusals,
  type RefusedCall,
  readStoredRefusal,
  storeRefusals,
} from '../../src/ledger/refusals/stored-refusals.ts'
import { openRefusedCalls } from '../../src/proxy/metering/count-refused-calls.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

async function newRecord(): Promise<KeyRecord> {
  const key = await ledger.key(await ledger.account())
  const record = await readKeyByHash(ledger.sql, key.hash)
  if (!record) throw new Error('no such key')
  return record
}

let made = 0
function refusal(key: KeyRecord, endpoint = 'search', ageMs = 0): RefusedCall {
  const refusedAtMs = performance.now() - ageMs
  const requestId = `request-${++made}`
  return { requestId, key, endpoint, reason: 'rate_limited', figures: { required: 1 }, refusedAtMs }
}

async function countedOf({ accountId }: KeyRecord) {
  const [row] = await ledger.sql<[{ events: number; calls: number }]>`
    select count(*) as events, coalesce(sum(quantity), 0)::bigint as calls from events
    where account_id = ${accountId} and type = 'CallsRefused'`
  return { events: row.events, calls: row.calls }
}

const store = (calls: readonly RefusedCall[]) => storeRefusals(ledger.sql, calls)

test('an account has five events in a flush, and nothing counted is lost', async () => {
  const key = await newRecord()
  const other = await newRecord()
  const calls = openRefusedCalls(() => ledger.appender, store, 3_600_000)
  for (let call = 0; call < 3_000; call++) calls.count(refusal(key, `route-${call % 12}`))
  calls.count(refusal(other))
  await calls.flush()
  expect(await countedOf(key)).toEqual({ events: 5, calls: 1_250 })
  expect(await countedOf(other)).toEqual({ events: 1, calls: 1 })
  calls.count(refusal(key, 'route-0'))
  await calls.flush()
  await calls.close()
  expect(await countedOf(key)).toMatchObject({ calls: 3_001 })
})

test('the last thousand calls of an account are kept, whoever else has many', async () => {
  const key = await newRecord()
  const other = await newRecord()
  const calls = openRefusedCalls(() => ledger.appender, store, 3_600_000)
  const own = refusal(other)
  calls.count(own)
  // The test's ledger has a clock that stands still, so they are far enough apart for that not to matter.
  const all = Array.from({ length: 2_300 }, (_, n) => refusal(key, 'search', (2_300 - n) * 30_000))
  for (const [n, call] of all.entries()) {
    calls.count(call)
    if (n % 700 === 0) await calls.flush()
  }
  await calls.close()
  const [row] = await ledger.sql<[{ kept: number }]>`
    select count(*) as kept from refused_calls where account_id = ${key.accountId}`
  expect(row.kept).toBe(1_000)
  const last = all.at(-1) as RefusedCall
  const oldest = all.at(-1_000) as RefusedCall
  for (const { requestId } of [own, last, oldest]) {
    expect(await readStoredRefusal(ledger.sql, requestId)).toMatchObject({
      ...{ requestId, reason: 'rate_limited', figures: { required: 1 } },
    })
  }
  const dropped = all.at(-1_001) as RefusedCall
  for (const { requestId } of [all[0] as RefusedCall, dropped]) {
    expect(await readStoredRefusal(ledger.sql, requestId)).toBeUndefined()
  }
})

test('they are forgotten after a day', async () => {
  const call = refusal(await newRecord())
  await store([call])
  await ledger.advance(86_400_000 - 60_000)
  await forgetRefusals(ledger.sql)
  expect(await readStoredRefusal(ledger.sql, call.requestId)).toBeDefined()
  await ledger.advance(120_000)
  expect(await forgetRefusals(ledger.sql, 100_000)).toBe(false)
  expect(await readStoredRefusal(ledger.sql, call.requestId)).toBeUndefined()
})

test('what the ledger wrote after its gateway gave up waiting is not counted again', async () => {
  const key = await newRecord()
  const { appender } = ledger.newGateway('impatient', { timeoutMs: 100 })
  const calls = openRefusedCalls(
    () => appender,
    async () => {},
    3_600_000,
  )
  const connection = await ledger.owner.reserve()
  await connection`begin`
  await connection`select enter_shard(0::smallint)`
  calls.count(refusal(key))
  const first = calls.flush()
  await until(() => appender.pending === 1)
  await first
  // The first is in flight, so this one waits behind it and is surely not sent.
  calls.count(refusal(key))
  await calls.flush()
  await connection`rollback`
  connection.release()
  await until(() => appender.pending === 0)
  expect(await countedOf(key)).toMatchObject({ calls: 1 })
  await calls.close()
  expect(await countedOf(key)).toMatchObject({ calls: 2 })
})

test('a table that cannot be written keeps no count from the log', async () => {
  const key = await newRecord()
  const failing = async () => {
    throw new Error('no table')
  }
  const calls = openRefusedCalls(() => ledger.appender, failing, 3_600_000)
  calls.count(refusal(key))
  await calls.close()
  expect(await countedOf(key)).toEqual({ events: 1, calls: 1 })
})
