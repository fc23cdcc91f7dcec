/**
 * Processor time per call of this gateway or, to see what a change costs, of this checkout and others in turns:
 * on a machine that is too busy for calls per second to say anything, it still does.
 */
import { compareCosts } from './against/cost.ts'
import { startBareProxy } from './parts/bare-proxy.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { copyOf, openAccounts } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { takeTurns } from './suite/turns.ts'

const connections = 128

export const cost: Family = {
  name: 'cost',
  summary: "processor time of a call; with --against FOLDER, beside another checkout's",
  run: measureFamily,
}

async function measureFamily(bench: Bench): Promise<void> {
  if (process.platform !== 'linux') throw new Error('processor time is read from /proc: Linux only')
  if (bench.against.length > 0) return compareCosts(bench, connections)
  const { record, rounds } = bench
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_cost')
  const small = await openAccounts(ledger.url, {
    ...{ accounts: bench.sizes.accounts, plan: 'small', named: 'small' },
  })
  await using upstream = await startUpstream()
  await using bare = await startBareProxy(upstream.url, 'buffered')
  const setup = { databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url }
  await using gateway = await startBenchGateway(setup)
  const keys = keysOf(ledger.keys)
  const targets: Target[] = [
    { ...bare, name: names.bare, keys, shape: search },
    { ...gateway, name: names.manyKeys, keys, shape: search },
    { ...gateway, name: names.oneKey, keys: keys.slice(0, 1), shape: search },
    { ...gateway, name: names.smallPlans, keys: keysOf(small), shape: search },
  ]
  for (const target of targets) {
    await callFromEach(target)
    await warmUp(target, connections, bench)
  }
  const contenders = targets.map((target) => contender(target, connections, bench))
  await takeTurns(cost.name, rounds, [{ name: `${connections} connections`, contenders }], record)
}
