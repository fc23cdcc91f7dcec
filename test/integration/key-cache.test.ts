/** What a gateway remembers of keys, and for how long: the ledger is asked once for many, and never too late. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openKeyCache } from '../../src/gate/authorize/key-cache.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  ledger = await openLedger()
  key = await ledger.key(await ledger.account())
})
afterAll(() => ledger.close())

/** Makes readings of keys wait, and counts them, until the function it gives is called. */
async function holdReadings() {
  const connection = await ledger.owner.reserve()
  await connection`begin`
  await connection`lock table key_state in access exclusive mode`
  const waiting = async () => {
    // Not from inside the transaction, which would see the same activity each time.
    const rows = await ledger.owner`select pid from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    return rows.length
  }
  const releaseLock = async () => {
    await connection`rollback`
    connection.release()
  }
  return { waiting, releaseLock }
}

test('calls that need a key at the same moment share one reading', async () => {
  const keys = openKeyCache(ledger.sql, 10_000)
  const { waiting, releaseLock } = await holdReadings()
  const found = Array.from({ length: 50 }, () => keys.find(key.hash, 0))
  await until(async () => (await waiting()) > 0)
  expect(await waiting()).toBe(1)
  await releaseLock()
  const records = await Promise.all(found)
  expect(new Set(records).size).toBe(1)
  expect(records[0]?.record?.keyId).toBe(key.keyId)
})

test('a reading that began too long ago does not serve who needs a fresh one', async () => {
  const keys = openKeyCache(ledger.sql, 10_000)
  const { waiting, releaseLock } = await holdReadings()
  const patient = keys.find(key.hash, Number.POSITIVE_INFINITY)
  await until(async () => (await waiting()) === 1)
  const begunAtMs = performance.now()
  await until(() => performance.now() - begunAtMs > 100)
  const another = keys.find(key.hash, Number.POSITIVE_INFINITY)
  const fresh = keys.find(key.hash, 50)
  await until(async () => (await waiting()) === 2)
  await releaseLock()
  expect(await another).toBe(await patient)
  expect((await fresh).loadedAtMs).toBeGreaterThan((await patient).loadedAtMs)
  expect(keys.peek(key.hash, Number.POSITIVE_INFINITY)).toBe(await fresh)
})

test('an unknown key is remembered as such for a moment', async () => {
  const keys = openKeyCache(ledger.sql, 10_000)
  const minted = await ledger.key(key.account)
  const unknown = Bun.SHA256.hash('no such key', 'hex')
  const first = await keys.find(unknown, Number.POSITIVE_INFINITY)
  expect(first.record).toBeUndefined()
  expect(await keys.find(unknown, Number.POSITIVE_INFINITY)).toBe(first)
  await until(() => keys.peek(unknown, Number.POSITIVE_INFINITY) === undefined)
  expect((await keys.find(minted.hash, Number.POSITIVE_INFINITY)).record?.keyId).toBe(minted.keyId)
})

test('what was only needed to read a key is not kept with it', async () => {
  const found = await openKeyCache(ledger.sql, 10_000).find(key.hash, 0)
  expect(found.record).toMatchObject({ keyId: key.keyId })
  expect(found.record).not.toHaveProperty('private')
  expect(found.allowedIps).toEqual([])
})
