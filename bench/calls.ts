/**
 * Calls per second: this gateway against the upstream alone, a bare Bun proxy and nginx, in one run,
 * taking turns, so that a machine that slows down slows them all. The figure to quote is the ratio.
 */
import Table from 'cli-table3'
import { startBareProxy } from './parts/bare-proxy.ts'
import { type BenchBook, fillBook } from './parts/book.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { type Measured, runLoad } from './parts/load.ts'
import { nginxAvailable, startNginx } from './parts/nginx.ts'
import { startRedis } from './parts/redis.ts'
import { startUpstream } from './parts/upstream.ts'

export interface CallsOptions {
  readonly serverUrl: string
  readonly connections: number
  readonly seconds: number
  readonly rounds: number
  readonly accounts: number
}

interface Contender {
  readonly name: string
  readonly url: string
  readonly keys: readonly string[]
}

const path = '/v1/search'
const body = JSON.stringify({ query: 'how much is a call' })

export async function benchCalls(options: CallsOptions): Promise<void> {
  const { connections, seconds, rounds } = options
  console.error(`Filling a book with ${options.accounts} accounts…`)
  const book = await fillBook(options.serverUrl, 'tollbook_bench_calls', options.accounts)
  const redis = await startRedis()
  const upstream = await startUpstream()
  const bare = await startBareProxy(upstream.url, 'buffered')
  const nginx = nginxAvailable() ? await startNginx(upstream.url) : undefined
  const gateway = await startBenchGateway({
    databaseUrl: book.url,
    redisUrl: redis.url,
    upstream: upstream.url,
  })
  const contenders: Contender[] = [
    { name: 'upstream alone', url: upstream.url, keys: [] },
    { name: 'bare Bun proxy, buffered', url: bare.url, keys: [] },
    ...(nginx ? [{ name: 'nginx with limit_req', url: nginx.url, keys: [] }] : []),
    { name: `Tollbook, ${options.accounts} keys`, url: gateway.url, keys: keysOf(book) },
    { name: 'Tollbook, one hot key', url: gateway.url, keys: keysOf(book).slice(0, 1) },
  ]
  const measured = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]))
  try {
    for (const contender of contenders) await load(contender, connections, 2)
    for (let round = 1; round <= rounds; round++) {
      for (const contender of contenders) {
        console.error(`round ${round} of ${rounds}: ${contender.name}…`)
        measured.get(contender.name)?.push(await load(contender, connections, seconds))
      }
    }
  } finally {
    await gateway.stop()
    await Promise.all([nginx?.stop(), bare.stop(), upstream.stop(), redis.stop()])
  }
  console.log(`\n${connections} connections, ${rounds} rounds of ${seconds} s, medians`)
  console.log(`windows in ${redis.url ? 'Redis' : 'the process'}\n`)
  console.log(print(contenders, measured))
}

function keysOf(book: BenchBook): string[] {
  return book.keys.map(({ key }) => key)
}

function load({ url, keys }: Contender, connections: number, durationSeconds: number) {
  return runLoad({
    url: url + path,
    connections,
    durationSeconds,
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    ...(keys.length > 0 ? { apiKeys: keys } : {}),
  })
}

function print(contenders: readonly Contender[], all: Map<string, Measured[]>): string {
  const rates = (name: string) => (all.get(name) ?? []).map((m) => m.requestsPerSecond)
  const bare = median(rates('bare Bun proxy, buffered'))
  const table = new Table({
    head: ['', 'calls/s', 'min–max', 'of the bare proxy', 'p50 ms', 'p99 ms', 'refused'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const { name } of contenders) {
    const figures = all.get(name) ?? []
    const rate = median(rates(name))
    table.push([
      name,
      Math.round(rate),
      `${Math.round(Math.min(...rates(name)))}–${Math.round(Math.max(...rates(name)))}`,
      (rate / bare).toFixed(2),
      median(figures.map((m) => m.p50Ms)).toFixed(2),
      median(figures.map((m) => m.p99Ms)).toFixed(2),
      figures.reduce((sum, m) => sum + m.non2xx, 0),
    ])
  }
  return table.toString()
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
