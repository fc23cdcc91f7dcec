/**
 * Processor time per call, by whose it is: the gateway's own, PostgreSQL's, Redis'. It says what a change
 * gains on a machine that is too busy for calls per second to say anything, and what is left to gain.
 */
import Table from 'cli-table3'
import { median } from './calls.ts'
import { startBareProxy } from './parts/bare-proxy.ts'
import { fillBook } from './parts/book.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { runLoad } from './parts/load.ts'
import { firstThreadTime, type ProcessorTime, processorTime } from './parts/processor-time.ts'
import { startRedis } from './parts/redis.ts'
import { startUpstream } from './parts/upstream.ts'

export interface CostOptions {
  readonly serverUrl: string
  /** The PostgreSQL server's first process, where it runs on this machine and we know it. */
  readonly postgresPid: number | undefined
  readonly connections: number
  readonly seconds: number
  readonly rounds: number
  readonly accounts: number
  /** Folder of another checkout, whose gateway takes turns with this one. */
  readonly against: string | undefined
  readonly json: boolean
}

interface Contender {
  readonly name: string
  readonly url: string
  readonly pid: number
  readonly keys: readonly string[]
}

/** One measurement. Processor time is in microseconds per call; NaN where it cannot be known. */
interface Cost {
  readonly callsPerSecond: number
  readonly p50Ms: number
  readonly refused: number
  readonly userUs: number
  readonly systemUs: number
  /** Both together. */
  readonly ownUs: number
  /** Of it, in the thread that runs JavaScript. The others send requests, compile code and free memory. */
  readonly javaScriptUs: number
  readonly postgresUs: number
  readonly redisUs: number
}

const path = '/v1/search'
const body = JSON.stringify({ query: 'how much is a call' })
/** Until then much of the time goes into compiling what runs often. */
const warmUpSeconds = 10

export async function benchCost(options: CostOptions): Promise<void> {
  if (process.platform !== 'linux') throw new Error('processor time is read from /proc: Linux only')
  const { rounds, seconds, accounts, against } = options
  console.error(`Filling a book with ${accounts} accounts…`)
  const book = await fillBook(options.serverUrl, 'tollbook_bench_cost', accounts)
  const redis = await startRedis()
  const upstream = await startUpstream()
  const bare = await startBareProxy(upstream.url, 'buffered')
  const place = { databaseUrl: book.url, redisUrl: redis.url, upstream: upstream.url }
  const gateway = await startBenchGateway(place)
  const other = against === undefined ? undefined : await startBenchGateway(place, against)
  const gateways = [
    ...(other ? [{ ...other, name: against }] : []),
    { ...gateway, name: 'Tollbook' },
  ]
  const keys = book.keys.map(({ key }) => key)
  const contenders: Contender[] = [
    { ...bare, name: 'bare Bun proxy, buffered', keys: [] },
    ...gateways.map((each) => ({ ...each, name: `${each.name}, ${accounts} keys`, keys })),
    ...gateways.map((each) => ({ ...each, name: `${each.name}, one key`, keys: keys.slice(0, 1) })),
  ]
  const costs = new Map<string, Cost[]>(contenders.map(({ name }) => [name, []]))
  const pids = { postgres: options.postgresPid, redis: redis.pid }
  try {
    for (const one of contenders) await measure(one, options.connections, warmUpSeconds, pids)
    for (let round = 1; round <= rounds; round++) {
      for (const one of contenders) {
        console.error(`round ${round} of ${rounds}: ${one.name}…`)
        costs.get(one.name)?.push(await measure(one, options.connections, seconds, pids))
      }
    }
  } finally {
    await Promise.all([gateway.stop(), other?.stop()])
    await Promise.all([bare.stop(), upstream.stop(), redis.stop()])
  }
  if (options.json) return console.log(JSON.stringify(Object.fromEntries(costs), undefined, 2))
  console.log(`\n${options.connections} connections, ${rounds} rounds of ${seconds} s, medians`)
  console.log('processor time in microseconds per call\n')
  console.log(print(costs))
}

async function measure(
  { url, pid, keys }: Contender,
  connections: number,
  durationSeconds: number,
  pids: { readonly postgres: number | undefined; readonly redis: number | undefined },
): Promise<Cost> {
  const read = () => [pid, pids.postgres, pids.redis].map(processorTime)
  const before = read()
  const threadBefore = firstThreadTime(pid)
  const load = await runLoad({
    url: url + path,
    connections,
    durationSeconds,
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    ...(keys.length > 0 ? { apiKeys: keys } : {}),
  })
  const [own, postgres, redis] = read().map(({ userUs, systemUs }, i) => ({
    userUs: (userUs - (before[i] as ProcessorTime).userUs) / load.total,
    systemUs: (systemUs - (before[i] as ProcessorTime).systemUs) / load.total,
  })) as [ProcessorTime, ProcessorTime, ProcessorTime]
  return {
    callsPerSecond: load.requestsPerSecond,
    p50Ms: load.p50Ms,
    refused: load.non2xx,
    ...own,
    ownUs: own.userUs + own.systemUs,
    javaScriptUs: (firstThreadTime(pid) - threadBefore) / load.total,
    postgresUs: postgres.userUs + postgres.systemUs,
    redisUs: redis.userUs + redis.systemUs,
  }
}

function print(costs: ReadonlyMap<string, readonly Cost[]>): string {
  const columns: readonly [string, keyof Cost, digits: number][] = [
    ['own', 'ownUs', 0],
    ['user', 'userUs', 0],
    ['system', 'systemUs', 0],
    ['JavaScript', 'javaScriptUs', 0],
    ['PostgreSQL', 'postgresUs', 0],
    ['Redis', 'redisUs', 0],
    ['calls/s', 'callsPerSecond', 0],
    ['p50 ms', 'p50Ms', 2],
  ]
  const table = new Table({
    head: ['', ...columns.map(([title]) => title), 'own, min–max', 'refused'],
    style: { head: [], border: [] },
    colAligns: ['left', ...columns.map(() => 'right' as const), 'right', 'right'],
  })
  for (const [name, all] of costs) {
    const figures = columns.map(([, field, digits]) => {
      const figure = median(all.map((cost) => cost[field]))
      return Number.isNaN(figure) ? '–' : figure.toFixed(digits)
    })
    const own = all.map(({ ownUs }) => ownUs)
    const spread = `${Math.min(...own).toFixed(0)}–${Math.max(...own).toFixed(0)}`
    table.push([name, ...figures, spread, all.reduce((sum, { refused }) => sum + refused, 0)])
  }
  return table.toString()
}
