/**
 * Reports harm nobody else: they have connections of their own, few of them run at once, and the rest wait in a bounded
 * queue. Here the ledger's clock keeps the connections of reports waiting, so that they take as long as the test wants.
 */
import { afterAll, afterEach, expect, spyOn, test } from 'bun:test'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { Pace } from '../../src/lib/pace.ts'
import { type ApiDocument, checkDocument } from '../support/api-document.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const maxReportSeconds = 2
const shop = await openShop({ config: { limits: { maxReportSeconds } } })
const patient = await openShop({ config: { limits: { maxReportSeconds: 120 } } })
afterAll(async () => {
  await shop.close()
  await patient.close()
})

const releases: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const release of releases.splice(0)) await release()
})

/** The advisory lock for which statements wait. */
const gate = 4_711
for (const { ledger } of [shop, patient]) {
  await ledger.owner.unsafe(`create or replace function ledger_now() returns timestamptz
    language plpgsql volatile as $$
    begin
      if current_setting('application_name') = 'tollbook reports' then
        perform pg_advisory_xact_lock_shared(${gate});
      end if;
      return timestamptz '${ledger.now.toISOString()}';
    end $$`)
}

/** Keeps the statements of a shop waiting until the result is called. */
async function holdReports({ ledger }: typeof shop): Promise<() => Promise<unknown>> {
  const free = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const held = ledger.owner.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${gate})`
    locked.resolve()
    await free.promise
  })
  await locked.promise
  const release = () => {
    free.resolve()
    return held
  }
  releases.push(release)
  return release
}

/** An owner with a key. `report` asks for a statement. */
async function newOwner({ gateway }: typeof shop, subject: string) {
  const token = await signToken({ secret: jwtSecret, subject, expiresInSeconds: 600 })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const issued = await fetch(`${gateway.url}/api-keys`, {
    ...{ method: 'POST', headers, body: '{"name":"A key"}' },
  })
  const { apiKey } = (await issued.json()) as { apiKey: { id: string } }
  const path = '/account/statements/2030-06'
  return {
    ...{ path, ofKey: `/api-keys/${apiKey.id}` },
    report: () => fetch(gateway.url + path, { headers }),
    ask: (path: string) => fetch(gateway.url + path, { headers }),
  }
}

/** How many statements of a shop's ledger wait for the lock. */
async function waitingStatements({ ledger }: typeof shop): Promise<number> {
  const [row] = await ledger.owner<[{ count: number }]>`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
      and application_name = 'tollbook reports'`
  return row.count
}

test('thirty reports at once leave calls and management as they are', async () => {
  const owners = await Promise.all(
    Array.from({ length: 10 }, (_, n) => newOwner(patient, `busy-${n}`)),
  )
  const release = await holdReports(patient)
  const reports = Array.from({ length: 30 }, (_, n) => owners[n % 10]?.report())
  await until(async () => (await waitingStatements(patient)) > 0)

  // A key that nobody has looked up yet, so that the call needs a connection to the ledger.
  const stranger = await patient.newKey()
  patient.upstream.respond(() => Response.json({ ok: true }))
  const call = await patient.post('/v1/search', { query: 'q' }, { key: stranger.text })
  expect(call.status).toBe(200)
  expect((await owners[0]?.ask('/api-keys'))?.status).toBe(200)
  expect(await waitingStatements(patient)).toBeLessThanOrEqual(2)

  await release()
  const statuses = (await Promise.all(reports)).map((response) => response?.status)
  expect(statuses.filter((status) => status === 200)).toHaveLength(22)
  expect(statuses.filter((status) => status === 503)).toHaveLength(8)
})

test('an owner has one report at a time and few that wait: 429 for one more, and others have theirs', async () => {
  const greedy = await newOwner(patient, 'greedy')
  const modest = await newOwner(patient, 'modest')
  const release = await holdReports(patient)
  using counted = spyOn(Pace.prototype, 'count')
  const reports = Array.from({ length: 6 }, () => greedy.report())
  const statuses: number[] = []
  for (const report of reports) void report.then(({ status }) => statuses.push(status))
  await until(() => statuses.length === 2)
  expect(statuses).toEqual([429, 429])
  const whose = expect.stringMatching(/^acc_/)
  expect(counted.mock.calls).toEqual([
    [whose, 1],
    [whose, 1],
  ])
  const other = modest.report()
  await until(async () => (await waitingStatements(patient)) === 2)

  await release()
  expect((await other).status).toBe(200)
  await Promise.all(reports)
  expect(statuses.sort()).toEqual([200, 200, 200, 200, 429, 429])
})

test('the refusals say how long to wait, and are documented', async () => {
  const { gateway } = patient
  const document = (await (await fetch(`${gateway.url}/docs/json`)).json()) as ApiDocument
  const check = checkDocument(document)
  const owner = await newOwner(patient, 'told')
  const release = await holdReports(patient)
  const reports = Array.from({ length: 5 }, () => owner.report())
  const refused = await Promise.race(reports)
  await release()
  expect(refused.status).toBe(429)
  expect(refused.headers.get('retry-after')).toBe('2')
  const problem = await check.expectDocumented('GET', owner.path, refused)
  expect(problem).toMatchObject({ code: 'concurrency_exceeded' })
  await Promise.all(reports)
})

test('a report that takes too long ends with 504, and the next one is computed', async () => {
  const owner = await newOwner(shop, 'slow')
  const release = await holdReports(shop)
  const refused = await owner.report()
  expect(refused.status).toBe(504)
  expect(await refused.json()).toMatchObject({ code: 'report_timeout' })
  expect(await waitingStatements(shop)).toBe(0)
  await release()
  expect((await owner.report()).status).toBe(200)
  expect(shop.gateway.warnings).toEqual([])
})

test('usage and events wait in the same queue', async () => {
  const owner = await newOwner(patient, 'bookkeeper')
  const release = await holdReports(patient)
  const reports = Array.from({ length: 4 }, () => owner.report())
  await until(async () => (await waitingStatements(patient)) === 1)
  const paths = ['usage', 'usage/summary', 'events'].map((report) => `${owner.ofKey}/${report}`)
  for (const path of paths) expect((await owner.ask(path)).status).toBe(429)
  await release()
  await Promise.all(reports)
  for (const path of paths) expect((await owner.ask(path)).status).toBe(200)
})
