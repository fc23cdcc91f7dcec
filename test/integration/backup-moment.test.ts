/** A backup is the ledger of one moment, whatever is written while it is made. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'bun:test'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { backupOf, restoreUnsigned } from '../support/backup.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { createDatabase } from '../support/postgres.ts'
import { startTestGateway } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { openLedgerAt, start, type TestKey } from '../support/test-ledger.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

/** Restores it into a database of its own, whose clock stands where the shop's does. */
async function restored(lines: readonly string[]) {
  const { url, drop } = await createDatabase()
  await restoreUnsigned(url, lines)
  const ledger = await openLedgerAt(url, { now: start, drop })
  onTestFinished(() => ledger.close())
  await catchUpAll(ledger.sql)
  return ledger
}

test('of an account that is erased meanwhile, its Idempotency-Keys count after a restore', async () => {
  const key = await shop.newKey('pro')
  const headers = { 'idempotency-key': 'order-1', 'content-type': 'application/json' }
  const body = JSON.stringify({ query: 'q' })
  const search = (gateway: string, { text }: TestKey) =>
    fetch(`${gateway}/v1/search`, {
      method: 'POST',
      body,
      headers: { ...headers, 'x-api-key': text },
    })
  const first = await search(shop.gateway.url, key)
  expect(first.status).toBe(200)
  const response = await first.text()
  const executed = shop.upstream.executed.length

  const lines = await backupOf(shop.ledger.owner, {
    afterFirst: () => shop.ledger.change(key.account, 'AccountErased'),
  })
  const [gone] = await shop.ledger.owner`
    select from account_secrets where account_id = ${key.account.accountId}`
  expect(gone).toBeUndefined()

  const ledger = await restored(lines)
  const gateway = await startTestGateway({ databaseUrl: ledger.url, upstream: shop.upstream.url })
  try {
    const again = await search(gateway.url, key)
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    expect(await again.text()).toBe(response)
  } finally {
    await gateway.stop()
  }
  expect(shop.upstream.executed.length).toBe(executed)
  const charges = await ledger.sql`
    select from events where key_id = ${key.keyId} and type = 'HoldSettled'`
  expect(charges.length).toBe(1)
})

test('what is restored of it is sound', async () => {
  const key = await shop.newKey('pro')
  const lines = await backupOf(shop.ledger.owner, {
    afterFirst: async () => {
      const fresh = await shop.newKey('pro')
      await shop.ledger.grant(fresh.account, 5, { externalId: 'meanwhile' })
      await shop.ledger.change(key.account, 'AccountErased')
    },
  })
  const ledger = await restored(lines)
  const verifier = await openVerifier({ url: ledger.url, maxDescribed: 10 })
  const { sound, tables } = await verifier.run()
  await verifier.close()
  expect([sound, tables.faults]).toEqual([true, []])
})

test('an account that has lost its secret buys nothing: its Idempotency-Keys could not count', async () => {
  const key = await shop.newKey('pro')
  const lines = await backupOf(shop.ledger.owner)
  const ledger = await restored(lines)
  await ledger.owner`delete from account_secrets where account_id = ${key.account.accountId}`
  const gateway = await startTestGateway({ databaseUrl: ledger.url, upstream: shop.upstream.url })
  try {
    const refused = await fetch(`${gateway.url}/v1/search`, {
      method: 'POST',
      body: JSON.stringify({ query: 'q' }),
      headers: {
        'x-api-key': key.text,
        'idempotency-key': 'order-2',
        'content-type': 'application/json',
      },
    })
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([
      403,
      'account_frozen',
    ])
  } finally {
    await gateway.stop()
  }
  expect(
    (await ledger.sql`select from events where key_id = ${key.keyId} and type = 'CreditsHeld'`)
      .length,
  ).toBe(0)
})
