/** `tollbook import`: the keys of the replaced service work here, with what they had, and nothing is imported twice. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { accountIdOf } from '../../src/lib/ids.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { catchUpAll } from '../support/catch-up-all.ts'
import { runCli, runJson } from '../support/cli.ts'
import { compareWithProjections } from '../support/compare.ts'
import { managementOn, shippedConfig } from '../support/management-test-app.ts'
import { openReplacedService, type ReplacedService } from '../support/replaced-service.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

let old: ReplacedService
let shop: Shop

beforeAll(open)
afterAll(close)

async function open() {
  old = await openReplacedService()
  shop = await openShop({ config: { legacyKeys: true } })
}

async function close() {
  await shop.close()
  await old[Symbol.asyncDispose]()
}

const june = (day: number) => new Date(Date.UTC(2030, 5, day))

function importOld(...more: string[]) {
  return runJson(['import', '--from', old.url, ...more], { database: shop.ledger.url })
}

function searchWith(key: string): Promise<Response> {
  return shop.post('/v1/search', { query: 'honey' }, { key })
}

function show(keyId: string) {
  return managementOn(shop.ledger, shippedConfig).readKey('everyone', keyId)
}

async function accountOf(user: string) {
  const id = accountIdOf({ kind: 'user', id: user })
  return {
    account: await managementOn(shop.ledger, shippedConfig).readAccount(id),
    balance: await readBalance(shop.ledger.sql, id, 'live'),
  }
}

test('two hundred old keys work at the gateway, and importing them twice doubles nothing', async () => {
  const keys: Awaited<ReturnType<ReplacedService['addKey']>>[] = []
  for (let i = 0; i < 200; i++) {
    const key = await old.addKey({
      user_id: `user-${i % 150}`,
      ...(i % 10 === 0 && { organization_id: `org-${i}` }),
      tier: i % 3 === 0 ? 'pro' : 'free',
      ...(i % 3 === 0 && { rate_limit: 100, monthly_credits: 5_000 }),
      ...(i % 20 === 1 && { expires_at: june(1) }),
      ...(i % 20 === 2 && { active: false }),
      ...(i % 20 === 3 && { allowed_ips: '["203.0.113.0/24"]' }),
      ...(i % 20 === 4 && { allowed_ips: '["127.0.0.0/8", "::1"]' }),
      credits_used: i % 7,
      credits_reset_at: new Date(Date.UTC(2030, 6, 1)),
    })
    keys.push(key)
    await old.addUsage(key.id, '2030-05-31', { request_count: 7, error_count: 1, credits_used: 6 })
    await old.addUsage(key.id, '2030-06-14', { endpoint: 'POST /v1/extract', credits_used: i % 7 })
  }

  const first = await importOld()
  expect(first).toMatchObject({
    keys: { found: 200, imported: 200, already: 0, leftOut: 0, usable: 180 },
    usage: { found: 400, written: 400, unsound: 0 },
    conflicts: [],
  })
  const size = await shop.ledger.size()
  const second = await importOld()
  expect(second).toMatchObject({
    keys: { found: 200, imported: 0, already: 200, leftOut: 0 },
    accounts: { opened: 0 },
    use: { taken: 0 },
    usage: { written: 0, changed: 0 },
  })
  expect(await shop.ledger.size()).toBe(size)

  const statuses = await Promise.all(
    keys.slice(0, 20).map(async ({ text }) => (await searchWith(text)).status),
  )
  expect(statuses).toEqual([...[200, 401, 401, 403, 200], ...Array.from({ length: 15 }, () => 200)])
  const ledger = await shop.ledger.sql<
    { event: string }[]
  >`select to_jsonb(e)::text as event from events e`
  const whole = ledger.map(({ event }) => event).join('\n')
  expect(keys.filter(({ text }) => whole.includes(text.slice('sk_live_'.length)))).toEqual([])
  // Counts of refusals and ends of leases may still come.
  await until(async () => {
    await catchUpAll(shop.ledger.sql)
    return (await compareWithProjections(shop.ledger.sql)).length === 0
  })
  // The tests that follow import a few keys each, again and again.
  await close()
  await open()
})

test('a dry run says what would be done and writes nothing', async () => {
  const { id } = await old.addKey({
    tier: 'enterprise',
    rate_limit: 1_000,
    monthly_credits: 50_000,
  })
  // What calls of the imported keys left is in the log, too: leases that end, and counts.
  const size = () => shop.ledger.sql`
    select count(*) from events where stream_version is not null or type = 'CreditsGranted'`
  const before = await size()
  const report = await importOld('--dry-run')
  expect(report).toMatchObject({ dryRun: true, keys: { imported: 1 }, accounts: { opened: 0 } })
  expect(report.accounts.byPlan.enterprise).toBe(1)
  expect([...(await size())]).toEqual([...before])
  expect(await show(id)).toBeUndefined()
})

describe('an imported key', () => {
  test('is whose it was, called what it was, and limited as it was', async () => {
    const { id, text } = await old.addKey({
      ...{ user_id: 'anna', organization_id: 'acme', name: "Anna's", description: 'For the shop' },
      ...{ tier: 'pro', rate_limit: 50, monthly_credits: 700 },
      allowed_endpoints: '["search", "tts"]',
      allowed_ips: '["127.0.0.1", "2001:db8::/32"]',
      expires_at: new Date('2031-01-01T00:00:00Z'),
    })
    await importOld()
    expect(await show(id)).toMatchObject({
      ...{ keyId: id, mode: 'live', display: `sk_live_…${text.slice(-4)}`, enabled: true },
      ...{ owner: { kind: 'organisation', id: 'acme' }, createdBy: 'anna', name: "Anna's" },
      ...{ description: 'For the shop', plan: 'pro', rateLimit: 50, monthlyCap: 700 },
      ...{ endpoints: ['search', 'tts'], allowedIps: ['127.0.0.1', '2001:db8::/32'] },
      expiresAt: '2031-01-01T00:00:00.000Z',
    })
    expect((await searchWith(text)).status).toBe(200)
  })

  test('has no limits of its own where its plan gives the same', async () => {
    const { id } = await old.addKey({ tier: 'pro' })
    const quiet = await old.addKey({ tier: 'pro', rate_limit: null, monthly_credits: null })
    await importOld()
    for (const key of [id, quiet.id]) {
      expect(await show(key)).toMatchObject({
        ...{ plan: 'pro', rateLimit: null, monthlyCap: null, endpoints: null },
      })
    }
  })

  test('shares the plan of the most expensive key that works, and keeps to what its own tier gave', async () => {
    const small = await old.addKey({ user_id: 'two-tiers', tier: 'free' })
    const large = await old.addKey({ user_id: 'two-tiers', tier: 'pro' })
    await old.addKey({ user_id: 'two-tiers', tier: 'enterprise', active: false })
    const { shared } = await importOld()
    const { account } = await accountOf('two-tiers')
    expect(account).toMatchObject({ plan: 'pro', rateLimit: 100 })
    expect(await show(small.id)).toMatchObject({
      ...{ rateLimit: 10, monthlyCap: 100, endpoints: ['search'] },
    })
    expect(await show(large.id)).toMatchObject({ rateLimit: null, monthlyCap: null })
    expect(shared).toContainEqual({
      ...{ accountId: account?.accountId, owner: 'user two-tiers', keys: 2 },
      ...{ before: 5_100, plan: 'pro', now: 5_000 },
    })
  })

  test('with a rate above its plan raises the rate of its account', async () => {
    const { id } = await old.addKey({ user_id: 'fast', tier: 'pro', rate_limit: 400 })
    const slow = await old.addKey({ user_id: 'fast', tier: 'pro' })
    await importOld()
    expect((await accountOf('fast')).account?.ownLimits).toEqual({
      rateLimit: 400,
      maxInFlight: null,
    })
    expect((await show(id))?.rateLimit).toBeNull()
    expect((await show(slow.id))?.rateLimit).toBe(100)
  })

  test('that comes later, of a dearer tier, lifts its account to that plan', async () => {
    await old.addKey({ user_id: 'later', tier: 'free' })
    await importOld()
    expect((await accountOf('later')).account?.plan).toBe('free')
    await old.addKey({ user_id: 'later', tier: 'pro' })
    await importOld()
    expect((await accountOf('later')).account?.plan).toBe('pro')
  })

  test('is not touched by another import after it was changed here', async () => {
    const { id, text } = await old.addKey({ user_id: 'changed' })
    await importOld()
    const { key } = await runJson(['keys', 'rotate', id], { database: shop.ledger.url })
    await importOld()
    expect((await searchWith(text)).status).toBe(401)
    expect((await searchWith(key)).status).toBe(200)
  })
})

describe('what was used this month', () => {
  const nextReset = new Date(Date.UTC(2030, 6, 1))

  test('is taken from the allowance of the month, and of this month only', async () => {
    const { text } = await old.addKey({
      ...{ user_id: 'used', credits_used: 60, credits_reset_at: nextReset },
    })
    await importOld()
    expect((await accountOf('used')).balance).toMatchObject({ available: 40, debt: 0 })
    expect((await searchWith(text)).headers.get('x-credits-remaining')).toBe('39')
    expect((await accountOf('used')).balance).toMatchObject({
      allowance: { granted: 100, due: 0 },
    })
  })

  test('beyond an allowance that keys now share is no debt', async () => {
    for (const credits_used of [80, 90]) {
      await old.addKey({ user_id: 'shared', credits_used, credits_reset_at: nextReset })
    }
    await importOld()
    expect((await accountOf('shared')).balance).toMatchObject({ available: 0, debt: 0 })
  })

  test('is what daily usage says when the counter belongs to a month that is over', async () => {
    const { id } = await old.addKey({
      ...{ user_id: 'stale', credits_used: 99, credits_reset_at: june(1) },
    })
    await old.addUsage(id, '2030-05-30', { credits_used: 50 })
    await old.addUsage(id, '2030-06-02', { credits_used: 5 })
    await importOld()
    expect((await accountOf('stale')).balance?.available).toBe(95)
  })
})

test('daily usage is shown as it was, under the names of our routes, and is in no statement', async () => {
  const { id } = await old.addKey({
    user_id: 'history',
    last_used_at: new Date('2030-06-10T08:30:00Z'),
  })
  await old.addUsage(id, '2030-06-10', { request_count: 9, error_count: 2, credits_used: 7 })
  await old.addUsage(id, '2030-06-09', { endpoint: 'GET /v1/tts/voices', credits_used: 0 })
  await old.addUsage(id, '2030-06-09', { endpoint: 'something/else', credits_used: 3 })
  await old.addUsage(id, '2031-01-01')
  const { usage } = await importOld()
  expect(usage).toMatchObject({ unsound: 1 })
  await shop.ledger.sql`select catch_up_daily_usage(0::smallint, 100000)`
  const month = ['--key', id, '--month', '2030-06']
  const shown = await runJson(['report', 'usage', ...month], { database: shop.ledger.url })
  expect(shown.days).toEqual([
    expect.objectContaining({
      date: '2030-06-10',
      endpoint: 'search',
      requests: 9,
      errors: 2,
      credits: 7,
    }),
    expect.objectContaining({
      date: '2030-06-09',
      endpoint: 'something/else',
      requests: 1,
      credits: 3,
    }),
    expect.objectContaining({
      date: '2030-06-09',
      endpoint: 'tts-voices',
      requests: 1,
      credits: 0,
    }),
  ])
  expect(shown.summary.lastUsedAt).toBe('2030-06-10T08:30:00.000Z')
  const bill = await runJson(['report', 'statement', ...month], { database: shop.ledger.url })
  expect(bill.charges).toMatchObject({ calls: 0, credits: 0 })
})

test('what cannot be taken over is left out, with the reason and what to do, and status 1', async () => {
  const text = `sk_live_${'a'.repeat(32)}`
  const bad = {
    twice: (await old.addKey({ key: text })).id,
    again: (await old.addKey({ key: text })).id,
    tier: (await old.addKey({ tier: 'gold' })).id,
    ip: (await old.addKey({ allowed_ips: '["10.0.0.0/8", "10.*"]' })).id,
    hash: (await old.addKey({ key_hash: null })).id,
    permission: (await old.addKey({ allowed_endpoints: '["chat"]' })).id,
    json: (await old.addKey({ allowed_endpoints: 'search' })).id,
    prefix: (await old.addKey({ key_prefix: 'pk_' })).id,
    nobody: (await old.addKey({ user_id: null })).id,
  }
  const { status, stdout } = await runCli(['import', '--from', old.url, '--json'], {
    database: shop.ledger.url,
  })
  const { conflicts } = JSON.parse(stdout)
  expect(status).toBe(1)
  const problems = Object.fromEntries(
    conflicts.map((left: { keyId: string; problem: string }) => [left.keyId, left.problem]),
  )
  expect(Object.keys(problems).sort()).toEqual(Object.values(bad).sort())
  expect(problems[bad.twice]).toContain('same hash')
  expect(problems[bad.again]).toContain('same hash')
  expect(problems[bad.tier]).toContain('"gold" is no plan')
  expect(problems[bad.ip]).toContain('"10.*"')
  expect(problems[bad.hash]).toContain('no hash')
  expect(problems[bad.permission]).toContain('"chat"')
  expect(problems[bad.json]).toContain('allowed_endpoints is not a JSON list')
  expect(problems[bad.prefix]).toContain('"pk_"')
  expect(problems[bad.nobody]).toContain('belongs to nobody')

  await old.sql`update api_gateway.api_keys set tier = 'pro' where id = ${bad.tier}`
  const table = await runCli(['import', '--from', old.url], { database: shop.ledger.url })
  expect(table.stdout).toMatch(/Keys imported +1$/m)
  expect(table.stdout).toContain('Left out')
  expect(table.stdout).toContain('Set "legacyKeys: true"')
  await old.sql`delete from api_gateway.api_keys where id in ${old.sql(Object.values(bad))}`
})

test('nothing of an owner who was erased here comes back', async () => {
  const { id } = await old.addKey({ user_id: 'forgotten', name: 'Forgotten' })
  await importOld()
  const { account } = await accountOf('forgotten')
  const management = managementOn(shop.ledger, shippedConfig)
  await management.eraseAccount(account?.accountId ?? '', { id: 'test' })
  const late = await old.addKey({ user_id: 'forgotten', name: 'Forgotten too' })
  const { stdout } = await runCli(['import', '--from', old.url, '--json'], {
    database: shop.ledger.url,
  })
  expect(JSON.parse(stdout).conflicts).toMatchObject([
    { keyId: late.id, problem: "its owner's account was erased here" },
  ])
  expect(await show(id)).toMatchObject({ name: '', revokedAt: expect.any(String) })
  expect(await show(late.id)).toBeUndefined()
  await old.sql`delete from api_gateway.api_keys where id = ${late.id}`
})

test('the replaced database is only read', async () => {
  const digest = async () => {
    const [row] = await old.sql`
      select md5(string_agg(k::text, '' order by id)) as keys from api_gateway.api_keys k`
    return row?.keys
  }
  const before = await digest()
  await importOld()
  expect(await digest()).toBe(before)
})

test('the error for a database that is not the replaced one is one sentence', async () => {
  const { status, stderr } = await runCli(['import', '--from', shop.ledger.url], {
    database: shop.ledger.url,
  })
  expect(stderr).toContain('without the tables of the replaced service')
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(status).toBe(1)
})

test('what the projections hold of all this is what the log means', async () => {
  await shop.ledger.sql`select catch_up_daily_usage(0::smallint, 100000)`
  expect(await compareWithProjections(shop.ledger.sql)).toEqual([])
})
