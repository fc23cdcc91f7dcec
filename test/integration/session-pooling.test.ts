/** A gateway that reaches PostgreSQL through the PgBouncer of deploy/, in session mode, sells as without it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '../../src/ledger/connect.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { runCli } from '../support/cli.ts'
import { makeLogin } from '../support/logins.ts'
import { pgbouncer, startPgbouncer } from '../support/pgbouncer.ts'
import { startTestGateway, type TestGateway } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const deploy = (file: string) => readFileSync(join(import.meta.dir, '../../deploy', file), 'utf8')

let shop: Shop
let login: Awaited<ReturnType<typeof makeLogin>>
let pooler: Awaited<ReturnType<typeof startPgbouncer>>
let gateway: TestGateway
let listenPort: number

/** The shipped settings, on this machine. */
function shippedSettings(): Record<string, string> {
  const [, pool = ''] = deploy('pgbouncer.ini').split('[pgbouncer]')
  const lines = pool.split('\n').filter((line) => /^\w+ =/.test(line))
  const shipped = Object.fromEntries(lines.map((line) => line.split(/ = (.*)/s).slice(0, 2)))
  expect(shipped.pool_mode).toBe('session')
  const { listen_addr: _, auth_file: __, ...rest } = shipped
  return { ...rest, auth_type: 'plain', listen_port: String(listenPort) }
}

async function giveSettingsToLogin(): Promise<void> {
  const statements = deploy('pgbouncer-login.sql')
    .replaceAll(':"login"', `"${login.name}"`)
    .replaceAll(":'role'", "'tollbook_calls'")
  await shop.ledger.owner.unsafe(statements)
}

beforeAll(async () => {
  if (!pgbouncer) return
  shop = await openShop()
  login = await makeLogin(shop.ledger, 'calls')
  listenPort = await freePort()
  await giveSettingsToLogin()
  pooler = await startPgbouncer(login.url, shippedSettings())
  const databaseUrl = pooler.url
  gateway = await startTestGateway({ databaseUrl, plane: 'calls', upstream: shop.upstream.url })
})
afterAll(async () => {
  await gateway?.stop()
  await pooler?.stop()
  await login?.drop()
  await shop?.close()
})

function search(): Promise<Response> {
  return fetch(`${gateway.url}/v1/search`, {
    method: 'POST',
    body: JSON.stringify({ query: 'q' }),
    headers: { 'content-type': 'application/json', 'x-api-key': shop.key.text },
  })
}

test.skipIf(!pgbouncer)('calls are sold and charged', async () => {
  const responses = await Promise.all(Array.from({ length: 40 }, search))
  expect(responses.map(({ status }) => status)).toEqual(Array(40).fill(200))
  const [last] = responses
  const events = await shop.outcomeOf(last?.headers.get('x-request-id'), 'HoldSettled')
  expect(events.at(-1)?.credits).toBe(1)
})

test.skipIf(!pgbouncer)('doctor finds no fault with it', async () => {
  const { stdout } = await runCli(['doctor', '--json'], { database: pooler.url })
  const { findings } = JSON.parse(stdout) as { findings: { check: string; status: string }[] }
  const ofDatabase = findings.filter(({ check }) =>
    ['postgres', 'pooling', 'ledger'].includes(check),
  )
  expect(ofDatabase.map(({ status }) => status)).not.toContain('problem')
  expect(ofDatabase).not.toBeEmpty()
})

test.skipIf(!pgbouncer)(
  'connections have what they ask for, and so does the next client of one',
  async () => {
    for (let client = 0; client < 3; client++) {
      const sql = connect({ url: pooler.url, as: 'calls', max: 1 })
      const [row] =
        await sql`select current_setting('role') as role, current_setting('lock_timeout') as lock,
      current_setting('search_path') as path, current_setting('timezone') as zone,
      current_setting('default_transaction_isolation') as isolation, current_setting('jit') as jit,
      current_setting('max_parallel_workers_per_gather') as workers`
      expect(row).toEqual({
        ...{ role: 'tollbook_calls', lock: '10s', path: 'tollbook, pg_temp', zone: 'UTC' },
        ...{ isolation: 'read committed', jit: 'off', workers: '0' },
      })
      await sql.unsafe("set search_path = nowhere; set lock_timeout = '1s'")
      await sql.end()
    }
  },
)

test.skipIf(!pgbouncer)('a pooler that dies and comes back is found again', async () => {
  await pooler.stop()
  expect((await search()).status).toBe(503)
  pooler = await startPgbouncer(login.url, shippedSettings())
  await until(async () => (await search()).status === 200)
})
