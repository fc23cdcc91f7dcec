/** One gateway process against two on the same ledger and the same Redis. */

import { startBenchGateway } from './parts/gateway.ts'
import { copyOf } from './parts/ledger.ts'
import { callFromEach, check, keysOf, load, type Target, warmUp } from './parts/measure.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import type { Figures } from './suite/samples.ts'
import { takeTurns } from './suite/turns.ts'

const connections = 128

export const gateways: Family = {
  name: 'gateways',
  summary: 'two gateway processes against one',
  run: measureFamily,
}

export const gatewaysRow = `${connections} connections, from two load generators`
export const processes = { one: 'one process', two: 'two processes' } as const

/** In both cases two load generators send half of the calls each: to the same gateway, or to one each. */
async function measureFamily(bench: Bench): Promise<void> {
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_gateways')
  await using upstream = await startUpstream()
  const setup = { databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url }
  await using first = await startBenchGateway(setup)
  await using second = await startBenchGateway(setup)
  const [one, other] = [first, second].map(
    ({ url, pid }): Target => ({ name: url, url, pid, keys: keysOf(ledger.keys), shape: search }),
  ) as [Target, Target]
  for (const target of [one, other]) {
    await callFromEach(target)
    await warmUp(target, connections, bench)
  }
  const contenders = [
    { name: processes.one, measure: () => measureHalves(one, one, bench.seconds) },
    { name: processes.two, measure: () => measureHalves(one, other, bench.seconds) },
  ]
  await takeTurns(gateways.name, bench.rounds, [{ name: gatewaysRow, contenders }], bench.record)
}

/** The rates' sum; of the latencies the worse. */
async function measureHalves(one: Target, other: Target, seconds: number): Promise<Figures> {
  const halves = await Promise.all(
    [one, other].map((target) => load(target, connections / 2, seconds)),
  )
  for (const half of halves) check(one, half)
  return {
    callsPerSecond: halves.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0),
    p50Ms: Math.max(...halves.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...halves.map(({ p99Ms }) => p99Ms)),
  }
}
