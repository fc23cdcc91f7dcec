/** What a gateway has in memory: for the keys it knows, and after an hour's worth of calls. */

import { type BenchGateway, startBenchGateway } from './parts/gateway.ts'
import { copyOf, openAccounts } from './parts/ledger.ts'
import { callFromEach, check, keysOf, load, type Target } from './parts/measure.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { takeTurns } from './suite/turns.ts'

const keysEach = 100
const connections = 128

export const memory: Family = {
  name: 'memory',
  summary: "a gateway's memory for the keys it knows, and after an hour's worth of calls",
  async run(bench) {
    await measureKeys(bench)
    await measureHour(bench)
  },
}

export const memoryRows = { keys: 'cached keys', hour: "an hour's worth of calls" } as const
export const moments = {
  start: 'started',
  warm: 'after as many calls from ten keys',
  full: 'after a call from each key',
  later: 'half a minute after that',
  half: 'half way',
  end: 'at the end',
} as const

/**
 * One call from each of so many keys, after as many calls from ten of them, so that what calls alone take is
 * not counted as the keys'.
 */
async function measureKeys(bench: Bench): Promise<void> {
  const { cachedKeys } = bench.sizes
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_memory')
  const accounts = Math.ceil(cachedKeys / keysEach)
  const opened = await openAccounts(ledger.url, { accounts, keysEach, named: 'memory' })
  const keys = keysOf(opened).slice(0, cachedKeys)
  await using upstream = await startUpstream()
  await using gateway = await startBenchGateway({
    ...{ databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url },
  })
  const target: Target = { ...gateway, name: 'Tollbook', keys, shape: search }
  const few = keysOf(ledger.keys.slice(0, 10))
  const fewTarget = { ...target, keys: keys.map((_, i) => few[i % few.length] as string) }
  const contenders = [
    { name: moments.start, measure: () => memoryOf(gateway, 0) },
    { name: moments.warm, measure: () => afterCalls(gateway, fewTarget) },
    { name: moments.full, measure: () => afterCalls(gateway, target) },
    { name: moments.later, measure: () => afterHalfAMinute(gateway, keys.length) },
  ]
  await takeTurns(memory.name, 1, [{ name: memoryRows.keys, contenders }], bench.record)
}

async function afterCalls(gateway: BenchGateway, target: Target) {
  const statuses = await callFromEach(target)
  const good = statuses.get(200) ?? 0
  if (good < target.keys.length) throw new Error(`${good} of ${target.keys.length} got 200`)
  return memoryOf(gateway, good)
}

/** What is known of a key only while it might call again at once is forgotten by then. */
async function afterHalfAMinute(gateway: BenchGateway, calls: number) {
  await Bun.sleep(30_000)
  return memoryOf(gateway, calls)
}

/** As many calls as an hour is said to have, as fast as they go. */
async function measureHour(bench: Bench): Promise<void> {
  const { hourOfCalls } = bench.sizes
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_memory')
  await using upstream = await startUpstream()
  await using gateway = await startBenchGateway({
    ...{ databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url },
  })
  const target: Target = {
    ...{ ...gateway, name: 'Tollbook', keys: keysOf(ledger.keys), shape: search },
  }
  let calls = 0
  const until = async (goal: number) => {
    while (calls < goal) {
      const measured = await load(target, connections, bench.seconds)
      check(target, measured)
      calls += measured.total
    }
    return memoryOf(gateway, calls)
  }
  const contenders = [
    { name: moments.start, measure: () => memoryOf(gateway, 0) },
    { name: moments.half, measure: () => until(hourOfCalls / 2) },
    { name: moments.end, measure: () => until(hourOfCalls) },
  ]
  await takeTurns(memory.name, 1, [{ name: memoryRows.hour, contenders }], bench.record)
}

async function memoryOf(gateway: BenchGateway, calls: number) {
  const { rss, heap } = await gateway.memory()
  return { calls, rssMb: rss / 2 ** 20, heapMb: heap / 2 ** 20 }
}
