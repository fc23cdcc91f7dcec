/** /metrics is compared with what the clients got and with what the log has. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Exposition, parseExposition } from '../support/exposition.ts'
import { takeAway } from '../support/outage.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const plenty = { rateLimit: 1_000_000, maxInFlight: 1_000, credits: 1_000_000 }
const plan = { windowMs: 60_000, endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } }

let shop: Shop
beforeAll(async () => {
  shop = await openShop({
    config: {
      plans: {
        pro: plenty,
        poor: { ...plan, ...plenty, credits: 20 },
        slow: { ...plan, ...plenty, rateLimit: 10, windowMs: 3_600_000 },
      },
    },
  })
})
afterAll(() => shop.close())

async function scrape(): Promise<Exposition> {
  const response = await fetch(shop.gateway.metricsUrl)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return parseExposition(await response.text())
}

describe('a gateway at rest', () => {
  test('shows the state of the ledger and of the rate limits', async () => {
    const metrics = await scrape()
    expect(metrics.sum('tollbook_ledger_up')).toBe(1)
    expect(metrics.sum('tollbook_rate_limits_degraded')).toBe(0)
    expect(metrics.sum('tollbook_partitions_ready')).toBeGreaterThanOrEqual(2)
    expect(metrics.by('tollbook_accounts', 'plan')).toEqual({ pro: 1 })
    expect(metrics.by('tollbook_keys', 'plan')).toEqual({ pro: 1 })
    const [head] = await shop.ledger.sql<{ position: number }[]>`select position from heads`
    expect(metrics.sum('tollbook_ledger_position')).toBe(head?.position ?? -1)
    expect(metrics.sum('process_resident_memory_bytes')).toBeGreaterThan(0)
  })

  test('has the series of alerts before their first event', async () => {
    const families = (await scrape()).families
    const internal = families
      .flatMap(({ samples }) => samples)
      .find(({ labels }) => labels.route === 'search' && labels.reason === 'internal')
    expect(internal?.value).toBe(0)
  })

  test('serves nothing else beside its metrics', async () => {
    const response = await fetch(shop.gateway.metricsUrl.replace('/metrics', '/v1/search'))
    expect(response.status).toBe(404)
    expect((await shop.fetch('/metrics')).status).toBe(404)
  })
})

/** One kind of call in the mixed load. */
interface Kind {
  readonly calls: number
  readonly path: string
  readonly key: () => string | null
  readonly body?: unknown
  readonly method?: string
}

async function kinds(): Promise<readonly Kind[]> {
  const [poor, slow] = [await shop.newKey('poor'), await shop.newKey('slow')]
  const of = (key: TestKey) => () => key.text
  const good = of(shop.key)
  const unknown = `${shop.key.text.slice(0, -1)}${shop.key.text.endsWith('A') ? 'B' : 'A'}`
  const search = (query: string) => ({ path: '/v1/search', body: { query } })
  return [
    { ...search('honey'), calls: 1_600, key: good },
    { ...search('large'), calls: 100, key: good },
    { ...search('missing'), calls: 300, key: good },
    { ...search('broken'), calls: 300, key: good },
    { ...search('busy'), calls: 300, key: good },
    { ...search(''), calls: 200, key: good },
    { ...search('honey'), calls: 300, key: of(poor) },
    { ...search('honey'), calls: 400, key: of(slow) },
    { ...search('honey'), calls: 300, key: () => null },
    { ...search('honey'), calls: 200, key: () => unknown },
    { path: '/v1/search/engines', calls: 500, key: good },
    { path: '/v1/tts/languages', calls: 300, key: good },
    { path: '/v1/passwd?x', calls: 100, key: good },
    { path: '/v1/search', method: 'DELETE', calls: 100, key: good },
  ]
}

function respond(query: unknown): Response {
  switch (query) {
    case 'missing':
      return Response.json({ error: 'nothing found' }, { status: 404 })
    case 'broken':
      return new Response('no', { status: 500 })
    case 'busy':
      return new Response('later', { status: 503 })
    case 'large':
      return new Response('x'.repeat(200_000))
    default:
      return Response.json({ results: [] })
  }
}

describe('after 5,000 calls of all kinds', () => {
  const statuses: Record<string, number> = {}
  const codes: Record<string, number> = {}
  let metrics: Exposition
  let log: Record<string, { events: number; credits: number; quantity: number }>

  beforeAll(async () => {
    shop.upstream.respond(({ body }) =>
      respond(body.length > 0 ? JSON.parse(new TextDecoder().decode(body)).query : undefined),
    )
    const load = (await kinds()).flatMap((kind) => Array<Kind>(kind.calls).fill(kind))
    expect(load).toHaveLength(5_000)
    // Mixed, and the same in every run.
    const mixed = load.map((_, i) => load[(i * 1_237) % load.length] as Kind)
    await inParallel(32, mixed, async ({ path, key, body, method }) => {
      const response = body
        ? await shop.post(path, body, { key: key() })
        : await shop.fetch(path, { key: key(), ...(method ? { method } : {}) })
      const text = await response.text()
      add(statuses, String(response.status))
      const problem = response.headers.get('content-type') === 'application/problem+json'
      if (problem) add(codes, JSON.parse(text).code)
    })
    // Free calls reach the log every two seconds.
    await until(async () => {
      log = await readLog()
      return log.CallsCounted?.quantity === 800
    })
    // A busy key has a lease until it has been idle for a moment.
    await until(async () => (await scrape()).sum('tollbook_open_holds') === 0)
    log = await readLog()
    metrics = await scrape()
  })

  test('every call is counted once, by its status', () => {
    expect(statuses).toEqual({
      200: 2_530,
      400: 200,
      401: 500,
      402: 280,
      404: 400,
      405: 100,
      429: 390,
      502: 300,
      503: 300,
    })
    expect(metrics.by('tollbook_requests_total', 'status')).toEqual(statuses)
  })

  test('refusals are counted by the code that clients got', () => {
    const counted = metrics.by('tollbook_refusals_total', 'reason')
    expect(Object.fromEntries(Object.entries(counted).filter(([, count]) => count > 0))).toEqual(
      codes,
    )
  })

  test('credits settled are those of the log', () => {
    const settled = log.HoldSettled?.credits ?? -1
    expect(metrics.by('tollbook_credits_settled_total', 'mode')).toEqual({ live: settled, test: 0 })
    expect(metrics.sum('tollbook_credits_settled_total', { route: 'search' })).toBe(settled)
    expect(log.HoldSettled).toMatchObject({ events: 1_730, credits: 1_730 })
  })

  test('holds, settlements, releases and counts are those of the log', () => {
    const {
      hold,
      lease,
      settle,
      charge_on_lease: chargeOnLease,
      release,
      void_on_lease: voidOnLease,
      expire,
    } = metrics.by('tollbook_append_commands_total', 'kind', { verdict: 'ok' })
    const leases = log['CreditsHeld of a lease']?.events ?? 0
    expect(log['HoldReleased of a lease']?.events ?? 0).toBe(leases)
    expect({ hold, lease, ended: Number(settle) + Number(chargeOnLease), expire }).toEqual({
      ...{ hold: Number(log.CreditsHeld?.events), lease: leases, ended: 1_730, expire: 0 },
    })
    expect(Number(release) + Number(voidOnLease)).toBe(900 + leases)
    expect(log.HoldReleased?.events).toBe(900)
    expect(metrics.sum('tollbook_hold_to_settle_seconds_count')).toBe(1_730)
    expect(metrics.sum('tollbook_open_holds')).toBe(0)
  })

  test('a batch is counted with all that was in it', () => {
    expect(metrics.sum('tollbook_append_batch_commands_sum')).toBe(
      metrics.sum('tollbook_append_commands_total'),
    )
    expect(metrics.sum('tollbook_append_batch_commands_count')).toBe(
      metrics.sum('tollbook_append_seconds_count'),
    )
  })

  test('only calls that reached an upstream have an upstream time and an overhead', () => {
    expect(metrics.by('tollbook_upstream_seconds_count', 'route')).toEqual({
      search: 2_630,
      'search-engines': 500,
    })
    expect(metrics.sum('tollbook_gateway_overhead_seconds_count')).toBe(3_130)
    expect(shop.upstream.executed).toHaveLength(3_130)
  })

  test('nothing that a client chose becomes a label', () => {
    const values = new Set(
      metrics.families.flatMap(({ samples }) => samples.flatMap((s) => Object.values(s.labels))),
    )
    expect([...values].filter((value) => /passwd|sk_live|acc_|key_|FOO/.test(value))).toEqual([])
    expect(metrics.by('tollbook_requests_total', 'route').none).toBe(200)
  })
})

test('a gateway without its ledger still serves metrics, and says that the ledger is away', async () => {
  const giveBack = await takeAway(shop.ledger.url)
  try {
    await until(async () => (await scrape()).sum('tollbook_ledger_up') === 0)
    const names = (await scrape()).families.flatMap(({ samples }) => samples.map((s) => s.name))
    expect(names).toContain('tollbook_requests_total')
    expect(names).not.toContain('tollbook_open_holds')
    expect(names).not.toContain('tollbook_ledger_position')
  } finally {
    await giveBack()
  }
  await until(async () => (await scrape()).sum('tollbook_ledger_up') === 1)
})

async function readLog() {
  const rows = await shop.ledger.sql<
    { type: string; events: number; credits: number; quantity: number }[]
  >`
    select type || case when slots is not null then ' of a lease' else '' end as type, count(*) as events, coalesce(sum(credits), 0)::bigint as credits,
      coalesce(sum(quantity), 0)::bigint as quantity
    from events group by 1`
  return Object.fromEntries(rows.map(({ type, ...sums }) => [type, sums]))
}

async function inParallel<T>(
  workers: number,
  inputs: readonly T[],
  work: (input: T) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    for (let i = next++; i < inputs.length; i = next++) await work(inputs[i] as T)
  }
  await Promise.all(Array.from({ length: workers }, worker))
}

function add(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}
