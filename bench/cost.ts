/**
 * Processor time per call of this gateway and, to see what a change gains, of another checkout's in turns:
 * on a machine that is too busy for calls per second to say anything, it still does.
 */
import { startBareProxy } from './parts/bare-proxy.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { copyOf } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { search } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { takeTurns } from './suite/turns.ts'

const connections = 128

export const cost: Family = {
  name: 'cost',
  summary: "processor time of a call, against another checkout's gateway (--against FOLDER)",
  run: measureFamily,
}

async function measureFamily(bench: Bench): Promise<void> {
  if (process.platform !== 'linux') throw new Error('processor time is read from /proc: Linux only')
  const { against, record, rounds } = bench
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_cost')
  await using upstream = await startUpstream()
  await using bare = await startBareProxy(upstream.url, 'buffered')
  const place = { databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url }
  await using gateway = await startBenchGateway(place)
  await using other = against === undefined ? undefined : await startBenchGateway(place, against)
  const keys = keysOf(ledger.keys)
  const gateways = [
    ...(other ? [{ ...other, as: (name: string) => name.replace('Tollbook', `${against}`) }] : []),
    { ...gateway, as: (name: string) => name },
  ]
  const targets: Target[] = [
    { ...bare, name: names.bare, keys, shape: search },
    ...gateways.map(({ as, ...each }) => ({
      ...each,
      name: as(names.manyKeys),
      keys,
      shape: search,
    })),
    ...gateways.map(({ as, ...each }) => ({
      ...{ ...each, name: as(names.oneKey), keys: keys.slice(0, 1), shape: search },
    })),
  ]
  for (const target of targets) {
    await callFromEach(target)
    await warmUp(target, connections, bench)
  }
  const contenders = targets.map((target) => contender(target, connections, bench))
  await takeTurns(cost.name, rounds, [{ name: `${connections} connections`, contenders }], record)
}
