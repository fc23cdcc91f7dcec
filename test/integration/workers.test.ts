/** `serve --workers`: several gateways on one port, whose limits, metrics and end are those of one. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { tariffOf } from '../../src/config/tariff.ts'
import { type Exposition, parseExposition } from '../support/exposition.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const wide = { rateLimit: 1_000_000, credits: 1_000_000, maxInFlight: 1_000 }
const narrow = { ...wide, rateLimit: 10 }

let upstream: Upstream
let ledger: Ledger
let redis: TestRedis
let workers: ServeProcess
beforeAll(async () => {
  upstream = startUpstream()
  const config = testConfig({ plans: { pro: wide, free: narrow } })
  ledger = await openLedger({ tariff: tariffOf(config) })
  redis = await startRedis()
  workers = await start()
})
afterAll(async () => {
  await workers?.stop()
  await redis?.stop()
  await upstream?.stop()
  await ledger?.close()
})

function start(
  changes: Readonly<Record<string, string>> = {},
  args = ['--plane', 'calls', '--workers', '2'],
): Promise<ServeProcess> {
  const { url } = upstream
  return startServe(
    {
      ...{ DATABASE_URL: ledger.url, REDIS_URL: redis.url },
      ...{ SEARCH_SERVICE_URL: url, STT_SERVICE_URL: url, TTS_SERVICE_URL: url },
      ...changes,
    },
    { args, servesSays: 'all workers serve' },
  )
}

/** One call on a connection of its own, so that the system chooses a worker for it. @returns its status; 0: cut off */
async function call(key: string, at = workers): Promise<number> {
  try {
    const response = await fetch(`${at.url}/v1/search`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ query: 'q' }),
      keepalive: false,
    })
    await response.arrayBuffer()
    return response.status
  } catch {
    return 0
  }
}

async function metrics(): Promise<Exposition> {
  const metricsUrl = workers.log.find(({ msg }) => msg === 'starting workers')?.metricsUrl
  return parseExposition(await (await fetch(`${metricsUrl}`)).text())
}

const pidsOf = ({ log }: ServeProcess) =>
  log.filter(({ msg }) => msg === 'a worker starts').map(({ pid }) => Number(pid))

/** A process that has ended, and whose parent has not noticed yet, is none. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('both take calls, and their metrics are one page with a label for each', async () => {
  const key = await ledger.key(await ledger.account({ plan: 'pro' }))
  let made = 0
  const sold = async () => (await metrics()).by('tollbook_requests_total', 'worker')
  await until(async () => {
    expect(await call(key.text)).toBe(200)
    made++
    return Object.keys(await sold()).length === 2
  })
  const page = await metrics()
  expect(page.sum('tollbook_requests_total')).toBe(made)
  expect(page.by('tollbook_worker_up', 'worker')).toEqual({ '1': 1, '2': 1 })
})

test('an account’s rate is one limit for all of them', async () => {
  const key = await ledger.key(await ledger.account({ plan: 'free' }))
  const statuses = await Promise.all(Array.from({ length: 40 }, () => call(key.text)))
  expect(statuses.filter((status) => status === 200)).toHaveLength(10)
  expect(statuses.filter((status) => status === 429)).toHaveLength(30)
})

test('one that is killed is replaced while the other sells, and what was charged was delivered', async () => {
  const key = await ledger.key(await ledger.account({ plan: 'pro' }))
  let over = false
  const load = async () => {
    const statuses: number[] = []
    while (!over) statuses.push(await call(key.text))
    return statuses
  }
  const loads = Array.from({ length: 4 }, load)
  const [first = 0] = pidsOf(workers)
  process.kill(first, 'SIGKILL')
  await until(() => pidsOf(workers).length === 3)
  await until(async () => {
    const up = (await metrics()).by('tollbook_worker_up', 'worker')
    return up['1'] === 1 && up['2'] === 1
  })
  over = true
  const statuses = (await Promise.all(loads)).flat()
  // Its own connections were cut off, those in its queue among them: at most one of each client, and one more that it had taken.
  expect(statuses.filter((status) => status !== 200 && status !== 0)).toEqual([])
  expect(statuses.filter((status) => status === 0).length).toBeLessThanOrEqual(8)
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(8)
  const charged = ledger.sql<[{ count: number }]>`
    select count(*)::int as count from events where type = 'HoldSettled' and key_id = ${key.keyId}`
  const [{ count }] = await charged
  expect(count).toBeGreaterThanOrEqual(statuses.filter((status) => status === 200).length)
})

test('all finish what is under way when each process of theirs is asked to end', async () => {
  const key = await ledger.key(await ledger.account({ plan: 'pro' }))
  const begun = Promise.withResolvers<void>()
  const end = Promise.withResolvers<void>()
  upstream.respond(async () => {
    begun.resolve()
    await end.promise
    return Response.json({ results: [] })
  })
  const asked = await start()
  const called = call(key.text, asked)
  await begun.promise
  for (const pid of [...pidsOf(asked), asked.pid]) process.kill(pid, 'SIGTERM')
  await until(() => asked.log.filter(({ msg }) => `${msg}`.startsWith('stopping')).length === 3)
  end.resolve()
  expect(await called).toBe(200)
  expect(await asked.exited).toBe(0)
  expect(pidsOf(asked).filter(isAlive)).toEqual([])
  upstream.respond(() => Response.json({ results: [] }))
})

test('they end with their supervisor: when it is killed, and at its second signal, at once', async () => {
  for (const signals of [['SIGKILL'], ['SIGTERM', 'SIGTERM']] as const) {
    const ended = await start({ DRAIN_SECONDS: signals.length === 1 ? '0' : '600' })
    const pids = pidsOf(ended)
    expect(pids.filter(isAlive)).toHaveLength(2)
    for (const signal of signals) {
      process.kill(ended.pid, signal)
      if (signals.length > 1) {
        await until(() => ended.log.some(({ msg }) => `${msg}`.startsWith('stopping all')))
      }
    }
    await until(() => pids.filter(isAlive).length === 0)
  }
})

test('what cannot work is refused with what to do', async () => {
  const failed = async (changes: Readonly<Record<string, string>>, args: string[]) => {
    return start(changes, args).then(
      () => 'it serves',
      (error: Error) => error.message,
    )
  }
  const calls = ['--plane', 'calls']
  expect(await failed({ REDIS_URL: '' }, [...calls, '--workers', '2'])).toContain('REDIS_URL')
  expect(await failed({}, ['--workers', '2'])).toContain('--plane management')
  expect(await failed({}, [...calls, '--workers', 'many'])).toContain('takes auto')
  // A port that another one has, workers or not, is taken.
  const { port } = new URL(workers.url)
  expect(await failed({ PORT: port }, [...calls, '--workers', '2'])).toContain('is taken')
  // One that cannot start ends all, with its reason.
  const away = 'postgres://nobody:wrong@127.0.0.1:1/none'
  expect(await failed({ DATABASE_URL: away }, [...calls, '--workers', '2'])).toContain(
    'could not start',
  )
})
