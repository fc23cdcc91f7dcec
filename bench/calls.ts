/**
 * Calls per second: this gateway against the upstream alone, bare Bun proxies and nginx, in one run, taking
 * turns, so that a machine that slows down slows them all. The figure to quote is the ratio.
 */
import { startBareProxy } from './parts/bare-proxy.ts'
import { measureCommits } from './parts/commits.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { copyOf } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { nginxAvailable, startNginx } from './parts/nginx.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { takeTurns } from './suite/turns.ts'

const connectionCounts = [1, 32, 128, 512]

export const calls: Family = {
  name: 'calls',
  summary: 'calls/s and latency at 1 to 512 connections, against proxies that do not bill',
  run: measureFamily,
}

async function measureFamily(bench: Bench): Promise<void> {
  const { record, rounds, seconds } = bench
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_calls')
  await using upstream = await startUpstream()
  await using buffered = await startBareProxy(upstream.url, 'buffered')
  await using streamed = await startBareProxy(upstream.url, 'streamed')
  await using nginx = nginxAvailable() ? await startNginx(upstream.url) : undefined
  await using gateway = await startBenchGateway({
    ...{ databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url },
  })
  const keys = keysOf(ledger.keys)
  const charged: Target = { ...gateway, name: names.manyKeys, keys, shape: search }
  const targets: Target[] = [
    { ...upstream, name: names.upstream, keys, shape: search },
    ...(nginx ? [{ ...nginx, name: names.nginx, keys, shape: search }] : []),
    { ...streamed, name: names.streamed, keys, shape: search },
    { ...buffered, name: names.bare, keys, shape: search },
    charged,
    { ...charged, name: names.oneKey, keys: keys.slice(0, 1) },
  ]
  await callFromEach(charged)
  for (const target of targets) await warmUp(target, 128, bench)
  const commits = {
    name: names.commit,
    measure: () => measureCommits(bench.serverUrl, 'tollbook_bench_commits', seconds),
  }
  const rows = connectionCounts.map((connections) => ({
    name: connectionsRow(connections),
    contenders: [
      ...targets.map((target) => contender(target, connections, bench)),
      ...(connections === 1 ? [commits] : []),
    ],
  }))
  await takeTurns(calls.name, rounds, rows, record)
}

export function connectionsRow(connections: number): string {
  return connections === 1 ? '1 connection' : `${connections} connections`
}
