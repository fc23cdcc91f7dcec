/** What the runbook says of logins: its own statements set them up, replace one without a pause, and shut a stolen one out. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCli } from '../support/cli.ts'
import { startTestGateway, type TestGateway } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const runbook = readFileSync(join(import.meta.dir, '../../docs/RUNBOOK.md'), 'utf8')
const section = /\n## Logins\n(.*?)\n## /s.exec(runbook)?.[1] ?? ''
const statements = section.match(/^ {4}(create|grant|alter|drop|select) .*;$/gm) ?? []

/** Logins belong to the whole server, which other tests may use. */
const own = crypto.randomUUID().slice(0, 8)
const logins = ['calls_1', 'calls_2', 'management_1', 'portal_1', 'reader_1', 'owner']

let shop: Shop
let gateway: TestGateway
beforeAll(async () => {
  shop = await openShop()
  await shop.ledger.owner.unsafe(`create role ${nameOf('owner')} login password 'x'`)
})
afterAll(async () => {
  await gateway?.stop()
  for (const login of logins) {
    await shop.ledger.owner.unsafe(`drop role if exists ${nameOf(login)}`)
  }
  await shop.close()
})

const nameOf = (login: string) => `${login}_${own}`

const urlOf = (login: string) =>
  Object.assign(new URL(shop.ledger.url), { username: nameOf(login), password: 'x' }).href

/** Runs the statements of the runbook that begin so, as they stand there but for the names. @returns the rows of the last one */
async function run(beginning: string, as: Readonly<Record<string, string>> = {}) {
  const found = statements.map((text) => text.trim()).filter((text) => text.startsWith(beginning))
  expect(found.length).toBeGreaterThan(0)
  let rows: readonly Record<string, unknown>[] = []
  for (const text of found) {
    const [{ owner } = { owner: '' }] = await shop.ledger.owner`
      select nspowner::regrole::text as owner from pg_namespace where nspname = 'tollbook'`
    const statement = text
      .replace('tollbook_owner_app', owner)
      .replace("'…'", "'x'")
      .replace(/\b(calls_\d|management_1|portal_1|reader_1|owner)(?=\b)(?!_)/g, (name) =>
        nameOf(as[name] ?? name),
      )
    rows = await shop.ledger.owner.unsafe(statement)
  }
  return rows
}

const start = (calls: string) =>
  startTestGateway({
    databaseUrl: urlOf(calls),
    managementDatabaseUrl: urlOf('management_1'),
    portalDatabaseUrl: urlOf('portal_1'),
    upstream: shop.upstream.url,
  })

async function sell({ url }: TestGateway): Promise<number> {
  const headers = { 'x-api-key': shop.key.text, 'content-type': 'application/json' }
  const body = JSON.stringify({ query: 'q' })
  return (await fetch(`${url}/v1/search`, { method: 'POST', headers, body })).status
}

const connectionsOf = async (login: string) =>
  (await run('select count(*)', { calls_1: login }))[0]?.count

test('logins are set up, one is replaced while gateways sell, and a stolen one is shut out', async () => {
  for (const login of ['calls_1', 'management_1', 'portal_1', 'reader_1'])
    await run(`create role ${login} `)
  await run('grant tollbook_owner_app to owner')
  const migrated = await runCli(['migrate'], { database: urlOf('owner') })
  expect([migrated.status, migrated.stderr]).toEqual([0, ''])
  expect((await runCli(['report', 'usage'], { database: urlOf('reader_1') })).status).toBe(0)

  const first = await start('calls_1')
  expect(await sell(first)).toBe(200)
  await run('create role calls_2 ')
  gateway = await start('calls_2')
  expect(await sell(gateway)).toBe(200)
  expect(await connectionsOf('calls_1')).toBeGreaterThan(0)
  await first.stop()
  await until(async () => (await connectionsOf('calls_1')) === 0)
  await run('drop role calls_1')
  expect(await sell(gateway)).toBe(200)

  await run('alter role calls_1 nologin', { calls_1: 'calls_2' })
  await run('select pg_terminate_backend', { calls_1: 'calls_2' })
  await until(async () => (await connectionsOf('calls_2')) === 0)
  expect(await sell(gateway)).toBe(503)
  await run('create role calls_1 ')
  const next = await start('calls_1')
  expect(await sell(next)).toBe(200)
  await next.stop()
  const written = await shop.ledger.owner<{ login: string }[]>`
    select distinct login from events where type = 'HoldSettled' order by 1`
  expect(written.map(({ login }) => login)).toEqual([nameOf('calls_1'), nameOf('calls_2')])
})
