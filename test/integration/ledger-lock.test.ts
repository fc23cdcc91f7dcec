/** The shard's lock: nobody keeps it for ever, and nobody waits for it longer than its sender waits for the reply. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { runCli } from '../support/cli.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

test('a transaction that has the lock ends within a minute, where the server can do that', async () => {
  const { owner } = shop.ledger
  const limit = async (sql: typeof owner) => {
    const [row] = await sql<[{ limit: string | null }]>`
      select current_setting('transaction_timeout', true) as limit`
    return row.limit
  }
  const [server] = await owner<[{ version: number }]>`
    select current_setting('server_version_num')::int as version`
  const [before, limited, given] = server.version >= 170_000 ? ['0', '1min', '5s'] : [null, null]
  const connection = await owner.reserve()
  try {
    expect(await limit(connection)).toBe(before)
    await connection`begin`
    await connection`select enter_shard(0::smallint)`
    expect(await limit(connection)).toBe(limited)
    await connection`rollback`
    expect(await limit(connection)).toBe(before)
    if (given === undefined) return
    // An operator's own limit is kept.
    await connection`set transaction_timeout = '5s'`
    await connection`begin`
    await connection`select enter_shard(0::smallint)`
    expect(await limit(connection)).toBe(given)
    await connection`rollback`
    await connection`reset transaction_timeout`
  } finally {
    connection.release()
  }
})

test('a server asks a client that says nothing whether it is there, and gives it half a minute', async () => {
  for (const sql of [shop.ledger.sql, shop.ledger.owner]) {
    const [row] = await sql`
      select current_setting('tcp_keepalives_idle')::int + current_setting('tcp_keepalives_interval')::int
          * current_setting('tcp_keepalives_count')::int as seconds,
        current_setting('tcp_user_timeout') as unacknowledged`
    expect(row).toEqual({ seconds: 30, unacknowledged: '30000' })
  }
})

test('a management command that waits in vain is given up, and nothing of it is written later', async () => {
  const { owner, url, size } = shop.ledger
  const connection = await owner.reserve()
  await connection`begin`
  await connection`select from heads for update`
  const before = await size()
  const grant = ['grants', 'add', shop.account.accountId, '5', '--expires', '30d']
  const token = await signToken({ secret: jwtSecret, subject: 'ann', expiresInSeconds: 60 })
  const issue = () =>
    fetch(`${shop.gateway.url}/api-keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'key' }),
    })
  const startedAtMs = performance.now()
  const [byCli, byGateway] = await Promise.all([runCli(grant, { database: url }), issue()])
  expect(byCli.stderr).toContain('somebody holds a lock of the ledger')
  expect([byCli.status, byGateway.status]).toEqual([1, 503])
  expect(performance.now() - startedAtMs).toBeLessThan(29_000)
  const waiting = () => owner<{ query: string }[]>`
    select query from pg_stat_activity where datname = current_database()
      and wait_event_type = 'Lock' and query ~ '(record|grant)_v1'`
  await until(async () => (await waiting()).length === 0)
  await connection`rollback`
  connection.release()
  expect(await size()).toBe(before)
})
