/**
 * Every page of the portal and of the console in a browser, on a ledger of ten thousand accounts and a year: with nothing beside
 * them, and while calls are sold at a pace; and the calls with and without the pages. Browser and load run on the same machine.
 */
import Table from 'cli-table3'
import type { Page } from 'playwright-core'
import { projections } from '../projections/index.ts'
import { signToken } from '../src/http/auth/sign-token.ts'
import { connect } from '../src/ledger/connect.ts'
import { rebuildAll } from '../src/projector/rebuild/rebuild.ts'
import { browserProgram, startBrowser } from '../test/support/browser.ts'
import { jwtSecret, startBenchGateway } from './parts/gateway.ts'
import { type BenchKey, fillAccounts, freshDatabase } from './parts/ledger.ts'
import { callAtPace, type Paced } from './parts/paced-client.ts'
import { exactTimeUs } from './parts/processor-time.ts'
import { startRedis } from './parts/redis.ts'
import type { BenchServer } from './parts/server.ts'
import { search } from './parts/shapes.ts'
import { median } from './parts/statistics.ts'
import { startUpstream } from './parts/upstream.ts'
import {
  type Customer,
  consoleVisits,
  follow,
  load,
  portalVisits,
  type Visit,
  type VisitResult,
  watchRequests,
} from './parts/visits.ts'
import { seedLog } from './seed-log.ts'

export interface PagesOptions {
  readonly server: BenchServer
  /** Of the year before. */
  readonly events: number
  /** Calls that are sold while the pages are open. */
  readonly perSecond: number
  /** Of a measurement of calls. */
  readonly seconds: number
  readonly rounds: number
}

/** Of these, accounts have one to four each. */
const seededKeys = 25_000
/** Accounts that call while the pages are open. */
const callingAccounts = 1_000
/** Between two pages, as whoever reads them takes; owners may ask 300 times a minute. */
const readingMs = 1_000

export async function benchPages(options: PagesOptions): Promise<void> {
  const { server, events, perSecond, seconds, rounds } = options
  const program = browserProgram()
  if (!program) throw new Error('`bench pages` needs Chromium: install the package chromium.')
  const databaseUrl = await freshDatabase(server.url, 'tollbook_bench_pages')
  const keys = await fill(databaseUrl, events)
  const customer = await busiestCustomer(databaseUrl)
  await using redis = await startRedis()
  await using upstream = await startUpstream()
  await using gateway = await startBenchGateway({
    ...{ databaseUrl, redisUrl: redis.url, upstream: upstream.url, customer: customer.owner },
  })
  const browser = await startBrowser(program)
  try {
    const links = await gateway.signInLinks()
    const tabs = [
      await openTab(await signIn(browser, links.portal), 'portal', portalVisits(customer)),
      await openTab(await signIn(browser, links.console), 'console', consoleVisits(customer)),
    ]
    const call = (n: number) =>
      fetch(`${gateway.url}${search.path}`, {
        method: 'POST',
        headers: { ...search.headers, 'X-API-Key': keys[n % keys.length]?.key ?? '' },
        body: search.body,
      })
    const sell = () => callAtPace(perSecond, seconds, call)

    console.error('pages: once, so that all is known and compiled…')
    await callAtPace(perSecond, 5, call)
    await Promise.all(tabs.map((tab) => tab.openAll()))
    const found = { quiet: new Map<string, Opened>(), underCalls: new Map<string, Opened>() }
    const calls = { without: [] as Paced[], with: [] as Paced[] }
    for (let round = 1; round <= rounds; round++) {
      console.error(`pages, round ${round} of ${rounds}…`)
      calls.without.push(await sell())
      for (const tab of tabs) await tab.openAll(found.quiet)
      let isOver = false
      const opened = Promise.all(tabs.map((tab) => tab.openAll(found.underCalls))).finally(() => {
        isOver = true
      })
      while (!isOver) calls.with.push(await sell())
      await opened
    }
    const charts = await measureCharts(gateway.url, customer, server.pid, rounds)
    console.log(
      `\n${events.toLocaleString('en')} events of a year, of which the customer has ${customer.events.toLocaleString('en')}; ${rounds} rounds\n`,
    )
    console.log(pagesTable(found.quiet, found.underCalls))
    console.log(`\n${perSecond} calls a second, in spans of ${seconds} s\n`)
    console.log(callsTable(calls))
    console.log('\nResponses from which charts are drawn, with nothing beside them\n')
    console.log(chartsTable(charts))
  } finally {
    await browser.close()
  }
}

async function fill(databaseUrl: string, events: number): Promise<readonly BenchKey[]> {
  console.error(`pages: writing ${events.toLocaleString('en')} events…`)
  await seedLog(databaseUrl, { events, keys: seededKeys, months: 12 })
  const sql = connect({ url: databaseUrl, as: 'owner', max: 1 })
  await sql.unsafe('vacuum analyze')
  await sql.end()
  console.error('pages: building the projections…')
  await rebuildAll(projections, { url: databaseUrl })
  return (await fillAccounts(databaseUrl, callingAccounts, new Date().toISOString())).keys
}

/** The account with the most calls, and its last call that was charged. */
async function busiestCustomer(url: string): Promise<Customer & { readonly events: number }> {
  const sql = connect({ url, as: 'owner', max: 1 })
  const [account] = await sql<{ accountId: string; owner: string; events: number }[]>`
    select m.account_id as "accountId", a.owner_id as owner,
      (select count(*) from events e where e.account_id = m.account_id)::int as events
    from (select account_id from monthly_balances group by 1 order by sum(calls) desc limit 1) m
    join account_state a using (account_id)`
  const [call] = await sql<{ keyId: string; requestId: string }[]>`
    select key_id as "keyId", request_id as "requestId" from events
    where account_id = ${account?.accountId ?? ''} and type = 'HoldSettled' and mode = 'live'
    order by position desc limit 1`
  const [busiest] = await sql<{ month: string }[]>`
    select to_char(month, 'YYYY-MM') as month from monthly_balances
    where account_id = ${account?.accountId ?? ''} order by calls desc limit 1`
  await sql.end()
  if (!account || !call || !busiest) throw new Error('nobody has called')
  return { ...account, ...call, ...busiest }
}

async function signIn(
  browser: Awaited<ReturnType<typeof startBrowser>>,
  link: string,
): Promise<Page> {
  const { page } = await browser.open(link, false)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
  return page
}

/** How a page came, loaded anew and followed to, with all that was asked for. */
interface Opened {
  readonly loaded: VisitResult[]
  readonly followed: VisitResult[]
}

interface Tab {
  /** Loads each page, and then goes from one to the next. @param into what was measured is added, by page */
  openAll(into?: Map<string, Opened>): Promise<void>
}

function openTab(page: Page, site: string, visits: readonly Visit[]): Tab {
  const { origin } = new URL(page.url())
  const requestsSince = watchRequests(page)
  const pages = visits.filter(({ isDocument }) => !isDocument)
  return {
    async openAll(into) {
      const measure = async (visit: Visit, how: keyof Opened, open: () => Promise<number>) => {
        const ms = await open()
        // What a page asks for after it can be used belongs to it, too.
        await Bun.sleep(readingMs)
        const name = `${site}: ${visit.name}`
        const opened = into?.get(name) ?? { loaded: [], followed: [] }
        opened[how].push({ ms, requests: await requestsSince() })
        into?.set(name, opened)
      }
      for (const visit of visits.filter(({ path }) => path !== undefined)) {
        await measure(visit, 'loaded', () => load(page, origin, visit))
      }
      const last = pages.findLast(({ path }) => path !== undefined)
      if (last) await load(page, origin, last)
      await Bun.sleep(readingMs)
      await requestsSince()
      for (const visit of pages) await measure(visit, 'followed', () => follow(page, visit))
    },
  }
}

interface ChartResponse {
  readonly path: string
  readonly ms: readonly number[]
  /** Processor time of PostgreSQL for one of them; NaN where it is not known. */
  readonly postgresMs: number
  readonly bytes: number
}

/** The longest that each chart can be asked for, and what pages draw first. */
const ofAccount = [
  ...['all', 'key', 'route', 'model', 'outcome'].flatMap((group) => [
    `usage?group=${group}&by=day&days=366`,
    `usage?group=${group}&by=hour&days=31`,
  ]),
  'usage?group=route&by=day&days=30',
  'balance/history',
  'balance/history?days=366',
]
const ofEveryone = ['days=1&by=hour', 'days=31&by=hour', 'days=366&by=day']

async function measureCharts(
  origin: string,
  { owner, accountId }: Customer,
  postgresPid: number | undefined,
  rounds: number,
): Promise<ChartResponse[]> {
  const tokenOf = (subject: string, role?: string) =>
    signToken({ ...{ secret: jwtSecret, expiresInSeconds: 3_600, subject }, ...(role && { role }) })
  const [customer, operator] = await Promise.all([tokenOf(owner), tokenOf('ops', 'admin')])
  const asked = [
    ...ofAccount.map((path) => ({ path: `/account/${path}`, token: customer })),
    ...ofEveryone.map((query) => ({ path: `/admin/usage/hourly?${query}`, token: operator })),
    ...['usage?group=route&by=day&days=90', 'balance/history?days=366'].map((path) => ({
      ...{ path: `/admin/accounts/${accountId}/${path}`, token: operator },
    })),
  ]
  const found: ChartResponse[] = []
  for (const { path, token } of asked) {
    const ms: number[] = []
    let bytes = 0
    const before = exactTimeUs(postgresPid)
    for (let n = 0; n < rounds; n++) {
      const sentMs = performance.now()
      const response = await fetch(origin + path, { headers: { authorization: `Bearer ${token}` } })
      bytes = (await response.arrayBuffer()).byteLength
      ms.push(performance.now() - sentMs)
      if (!response.ok) throw new Error(`${path}: ${response.status}`)
    }
    const postgresMs = (exactTimeUs(postgresPid) - before) / 1_000 / rounds
    found.push({ path: path.replace(accountId, '{id}'), ms, bytes, postgresMs })
  }
  return found
}

function newTable(head: string[]) {
  return new Table({
    ...{ head, style: { head: [], border: [] } },
    colAligns: head.map((_, n) => (n === 0 ? 'left' : 'right')),
  })
}

const kilobytes = (bytes: number) => (bytes / 1_000).toFixed(1)

function pagesTable(
  quiet: ReadonlyMap<string, Opened>,
  underCalls: ReadonlyMap<string, Opened>,
): string {
  const table = newTable([
    ...['page', 'loaded: median, worst ms', 'followed', 'beside calls: loaded', 'followed'],
    ...['largest response, kB', 'slowest request, ms'],
  ])
  const times = (results: readonly VisitResult[] = []) => {
    const ms = results.map((result) => result.ms)
    if (ms.length === 0) return '–'
    return `${median(ms).toFixed(0)}, ${Math.max(...ms).toFixed(0)}`
  }
  for (const [name, { loaded, followed }] of quiet) {
    const under = underCalls.get(name)
    const requests = [loaded, followed, under?.loaded ?? [], under?.followed ?? []]
      .flat()
      .flatMap((result) => result.requests)
    const largest = Math.max(0, ...requests.map(({ bytes }) => bytes))
    const slowest = requests.toSorted((a, b) => b.ms - a.ms).at(0)
    table.push([
      ...[name, times(loaded), times(followed), times(under?.loaded), times(under?.followed)],
      ...[kilobytes(largest), slowest ? `${slowest.path}: ${slowest.ms.toFixed(0)}` : '–'],
    ])
  }
  return table.toString()
}

function callsTable(calls: Readonly<Record<'without' | 'with', readonly Paced[]>>): string {
  const table = newTable(['calls', 'calls', 'p50 ms', 'p99 ms', 'failed'])
  for (const which of ['without', 'with'] as const) {
    const spans = calls[which]
    const sum = (of: (span: Paced) => number) => spans.reduce((all, span) => all + of(span), 0)
    table.push([
      `${which} pages`,
      sum((span) => span.calls),
      median(spans.map(({ p50Ms }) => p50Ms)).toFixed(1),
      median(spans.map(({ p99Ms }) => p99Ms)).toFixed(1),
      sum(({ failed }) => failed),
    ])
  }
  return table.toString()
}

function chartsTable(charts: readonly ChartResponse[]): string {
  const table = newTable(['GET', 'median ms', 'worst ms', 'of PostgreSQL, ms', 'kB'])
  for (const { path, ms, postgresMs, bytes } of charts) {
    table.push([
      ...[path, median(ms).toFixed(0), Math.max(...ms).toFixed(0)],
      ...[postgresMs.toFixed(0), kilobytes(bytes)],
    ])
  }
  return table.toString()
}
