/** Calls of price 0 are counted once, whatever becomes of the ledger while they are. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readKeyByHash } from '../../src/ledger/read/read-key-by-hash.ts'
import { openFreeCalls } from '../../src/proxy/metering/count-free-calls.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

test('what the ledger wrote after its gateway gave up waiting is not counted again', async () => {
  const key = await ledger.key(await ledger.account())
  const record = await readKeyByHash(ledger.sql, key.hash)
  if (!record) throw new Error('no such key')
  const { appender } = ledger.newGateway('impatient', { timeoutMs: 100 })
  const calls = openFreeCalls(() => appender, 60_000)
  const counted = async () => {
    const [row] = await ledger.sql<[{ calls: number }]>`
      select coalesce(sum(quantity), 0)::bigint as calls from events
      where key_id = ${key.keyId} and type = 'CallsCounted'`
    return row.calls
  }

  const connection = await ledger.owner.reserve()
  await connection`begin`
  await connection`select enter_shard(0::smallint)`
  calls.count(record, 'prices', 5, false)
  const first = calls.flush()
  await until(() => appender.pending === 1)
  await first
  // The first is in flight, so this one waits behind it and is surely not sent.
  calls.count(record, 'prices', 5, false)
  await calls.flush()
  await connection`rollback`
  connection.release()

  await until(() => appender.pending === 0)
  expect(await counted()).toBe(1)
  await calls.close()
  expect(await counted()).toBe(2)
})
