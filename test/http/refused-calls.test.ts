/** Refused calls are counted by key, route and reason, and each can be asked about by its id. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { readKeyReport } from '../../src/reports/usage/key-report.ts'
import { readMostRefused } from '../../src/reports/usage/refusals.ts'
import { readUsageSummary } from '../../src/reports/usage/usage-summary.ts'
import { runCli, runJson } from '../support/cli.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop({
    config: {
      plans: {
        poor: {
          windowMs: 60_000,
          rateLimit: 6,
          credits: 2,
          maxInFlight: 10,
          endpoints: 'all',
          fee: { minorUnits: 0, currency: 'EUR' },
        },
      },
      routes: {
        page: {
          ...{ method: 'GET', path: '/v1/page', summary: 'A page', service: 'search' },
          price: { per: 'request', credits: 1 },
        },
      },
    },
  })
})
afterAll(() => shop.close())

const page = (key: TestKey, query = '') => shop.fetch(`/v1/page${query}`, { key: key.text })

/** What the log counts of the key's refusals, as `reason calls` of each route, once it has this many. */
async function refusalsOf({ keyId }: TestKey, calls: number): Promise<string[]> {
  let rows: readonly { endpoint: string; reason: string; calls: number }[] = []
  await until(async () => {
    rows = await shop.ledger.sql`
      select endpoint, payload ->> 'reason' as reason, sum(quantity)::bigint as calls from events
      where key_id = ${keyId} and type = 'CallsRefused' group by 1, 2 order by 1, 2`
    return rows.reduce((sum, row) => sum + Number(row.calls), 0) >= calls
  })
  return rows.map((row) => `${row.endpoint}: ${row.reason} ${row.calls}`)
}

/** The stored refusal with this id, once it is there: it is written beside the count, not with it. */
async function storedRefusal(refused: Response | undefined): Promise<string> {
  const id = refused?.headers.get('x-request-id') ?? ''
  let stored: string | undefined
  await until(async () => {
    const [row] = await shop.ledger.sql<[{ text: string }?]>`
      select r::text as text from refused_calls r where request_id = ${id}`
    stored = row?.text
    return stored !== undefined
  })
  return stored ?? ''
}

test('a key without credits leaves a trace: in the log, in usage, in its report, and by the call’s id', async () => {
  const key = await shop.newKey('poor')
  const statuses: number[] = []
  let refused: Response | undefined
  for (let call = 0; call < 5; call++) {
    const response = await page(key)
    statuses.push(response.status)
    refused = response
  }
  expect(statuses).toEqual([200, 200, 402, 402, 402])
  const document = await refused?.json()
  expect(await refusalsOf(key, 3)).toEqual(['page: insufficient_credits 3'])

  const { ledger } = shop
  const line = { endpoint: 'page', reason: 'insufficient_credits', calls: 3 }
  expect((await readKeyReport(ledger.sql, key.keyId, new Date(0))).refusals).toEqual([
    { ...line, lastAt: expect.any(String) },
  ])
  await until(async () => {
    const { refusals } = await readUsageSummary(ledger.sql, { keyId: key.keyId })
    return Bun.deepMatch([line], refusals)
  })
  const database = { database: ledger.url }
  const report = await runCli(['keys', 'report', key.keyId, '--since', '2020-01-01'], database)
  expect(report.stdout).toMatch(/Refused\n.*\n.*page +insufficient_credits +3 /)
  const usage = ['report', 'usage', '--key', key.keyId, '--month', '2030-06']
  expect((await runCli(usage, database)).stdout).toMatch(/page +insufficient_credits +3 /)

  await storedRefusal(refused)
  const id = refused?.headers.get('x-request-id') ?? ''
  const { position, required, available } = document
  expect(await runJson(['explain', id], database)).toMatchObject({
    refused: {
      ...{ requestId: id, keyId: key.keyId, endpoint: 'page', reason: 'insufficient_credits' },
      figures: { required, available, position },
    },
  })
  const { stdout } = await runCli(['explain', id], database)
  expect(stdout).toContain('402 insufficient_credits')
  expect(stdout).toContain(`explain --key ${key.keyId} --at ${position} --time `)
  expect(stdout).toContain(` --route page --credits ${required}\n`)
})

test('the command that explain names for a 402 decides the same, with the options that it had', async () => {
  const key = await shop.newKey('poor')
  const refused = await shop.post(
    '/v1/tts/synthesize',
    { text: 'x'.repeat(2_300), voice: 'v' },
    { key: key.text },
  )
  expect(refused.status).toBe(402)
  const { required, available } = await refused.json()
  expect(required).toBeGreaterThan(1)
  await storedRefusal(refused)
  const id = refused.headers.get('x-request-id') ?? ''
  const options = ['--config', shippedConfigFile]
  const { stdout } = await runCli(['explain', id, ...options], { database: shop.ledger.url })
  expect(stdout).toContain(`Account  ${key.accountId}`)
  expect(stdout.split('What its client read')[1]).not.toContain(key.accountId)
  expect(stdout).toContain('Its detail and errors are not kept')
  const again = /tollbook (explain --key .*)/.exec(stdout)?.[1]?.split(' ') ?? []
  expect(again).toContain('--config')
  const decided = await runCli(again, { database: shop.ledger.url })
  expect(decided.stdout).toStartWith(
    `insufficient_credits: the call needs ${required} credits and ${available} are available.`,
  )
  const elsewhere = ['explain', id, '--database', shop.ledger.url]
  expect((await runCli(elsewhere)).stdout).toEndWith(' --database URL\n')
})

test('usage of everyone names the keys that are refused most, and why, with --by and without', async () => {
  const key = await shop.newKey('poor')
  for (let call = 0; call < 5; call++) expect((await page(key, '?odd=1')).status).toBe(400)
  await refusalsOf(key, 5)
  const { keyId, accountId } = key
  const line = { keyId, accountId, reason: 'invalid_request', calls: 5 }
  const days = { from: '2030-06-01', to: '2030-06-30' }
  const { sql, url: database } = shop.ledger
  await until(async () => Bun.deepMatch([line], await readMostRefused(sql, { days }, 1)))
  const report = ['report', 'usage', '--month', '2030-06']
  for (const by of [[], ['--by', 'plan']]) {
    const { stdout } = await runCli([...report, ...by], { database })
    expect(stdout).toMatch(new RegExp(`${keyId} +${accountId} +invalid_request +5 `))
    const { refusals } = await runJson([...report, ...by], { database })
    expect(refusals[0]).toMatchObject(line)
  }
  const own = await readMostRefused(sql, { keyId, days }, 20)
  expect(own).toMatchObject([line])
})

test('whatever refuses a call is counted, and what has an event of its own is not', async () => {
  const account = await shop.ledger.account({ plan: 'pro' })
  const key = await shop.ledger.key(account, { rateLimit: 4 })
  expect((await page(key, '?odd=1')).status).toBe(400)
  shop.upstream.respond(() => new Response('', { status: 500 }))
  expect((await page(key)).status).toBe(502)
  shop.upstream.respond(() => Response.json({}))
  expect((await page(key)).status).toBe(200)
  expect((await shop.post('/v1/search', { query: 7 }, { key: key.text })).status).toBe(400)
  expect((await page(key)).status).toBe(200)
  expect((await page(key)).status).toBe(429)
  await shop.ledger.change(key, 'KeyDisabled')
  await until(async () => (await page(key)).status === 401)
  // Calls that were still over the limit may have been counted before the last one was made.
  await until(async () => (await refusalsOf(key, 4)).join().includes('key_disabled'))
  const counted = await refusalsOf(key, 4)
  expect(counted).toContain('page: invalid_request 1')
  expect(counted).toContain('search: invalid_request 1')
  expect(counted.join()).toMatch(/page: key_disabled \d/)
  expect(counted.join()).toMatch(/page: rate_limited \d/)
  expect(counted).toHaveLength(4)
})

test('a refusal keeps nothing of a body', async () => {
  const key = await shop.newKey()
  const secret = 'a-secret-in-the-wrong-field'
  const response = await shop.post(
    '/v1/search',
    { query: 'q', [secret]: secret },
    { key: key.text },
  )
  expect(response.status).toBe(400)
  const stored = await storedRefusal(response)
  expect(stored).toContain('invalid_request')
  expect(stored).not.toContain(secret)
})

test('keys that nobody has leave no event, and no row', async () => {
  const unknown = `${shop.key.text.slice(0, -1)}${shop.key.text.endsWith('a') ? 'b' : 'a'}`
  for (let call = 0; call < 20; call++) {
    expect((await shop.fetch('/v1/page', { key: unknown })).status).toBe(401)
    expect((await shop.fetch('/v1/page', { key: null })).status).toBe(401)
  }
  // What was counted before is written with what comes after.
  const key = await shop.newKey()
  const refused = await page(key, '?odd=1')
  expect(refused.status).toBe(400)
  await refusalsOf(key, 1)
  await storedRefusal(refused)
  const ofNobody = await shop.ledger.sql`
    select key_id from events
    where type = 'CallsRefused' and (key_id in (select key_id from key_state)) is not true
    union all select key_id from refused_calls where key_id not in (select key_id from key_state)`
  expect([...ofNobody]).toEqual([])
  expect(shop.gateway.warnings).toEqual([])
})
