/** A gateway takes as many connections as `doctor` counts. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connectionsOf } from '../../src/server/pool-sizes.ts'
import { makeLogin } from '../support/logins.ts'
import { startTestGateway } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'

let shop: Shop
let logins: Record<'calls' | 'management' | 'portal', Awaited<ReturnType<typeof makeLogin>>>
beforeAll(async () => {
  shop = await openShop()
  logins = {
    calls: await makeLogin(shop.ledger, 'calls'),
    management: await makeLogin(shop.ledger, 'management'),
    portal: await makeLogin(shop.ledger, 'portal'),
  }
})
afterAll(async () => {
  await logins.calls.drop()
  await logins.management.drop()
  await logins.portal.drop()
  await shop.close()
})

test('a busy gateway takes all that is counted for calls, and no more', async () => {
  const gateway = await startTestGateway({
    databaseUrl: logins.calls.url,
    managementDatabaseUrl: logins.management.url,
    portalDatabaseUrl: logins.portal.url,
    upstream: shop.upstream.url,
  })
  try {
    const call = (i: number) =>
      fetch(`${gateway.url}/v1/search`, {
        method: 'POST',
        body: JSON.stringify({ query: 'q' }),
        headers: {
          ...{ 'x-api-key': shop.key.text, 'content-type': 'application/json' },
          'idempotency-key': `order-${i}`,
        },
      })
    const statuses = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => [(await call(i)).status, (await call(i)).status]),
    )
    expect(statuses.flat()).toEqual(statuses.flat().map(() => 200))
    expect((await fetch(gateway.metricsUrl)).status).toBe(200)
    const rows = await shop.ledger.owner<{ login: string; count: number }[]>`
      select usename as login, count(*) as count from pg_stat_activity
      where usename in (${logins.calls.name}, ${logins.management.name}, ${logins.portal.name}) group by 1`
    const taken = new Map(rows.map(({ login, count }) => [login, count]))
    const counted = connectionsOf('both', 1)
    expect(taken.get(logins.calls.name)).toBe(counted.calls)
    expect(taken.get(logins.management.name) ?? 0).toBeLessThanOrEqual(counted.management)
    expect(taken.get(logins.portal.name) ?? 0).toBeLessThanOrEqual(counted.portal)
  } finally {
    await gateway.stop()
  }
})
