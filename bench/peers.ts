/**
 * A chat call through this gateway, with its key, an exact rate limit and a durable charge, beside what somebody would pick
 * instead from npm or Debian: each of them only forwards, or only limits.
 */
import { startBareProxy } from './parts/bare-proxy.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { copyOf } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { nginxAvailable, startNginx } from './parts/nginx.ts'
import { portkeyHeaders, portkeyName, startPortkey } from './parts/portkey.ts'
import { chatOf } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { takeTurns } from './suite/turns.ts'

const connections = 128

export const peers: Family = {
  name: 'peers',
  summary: 'a chat call, against what npm and Debian have instead; fetches one of them from npm',
  run: measureFamily,
}

async function measureFamily(bench: Bench): Promise<void> {
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_peers')
  await using upstream = await startUpstream()
  await using bare = await startBareProxy(upstream.url, 'buffered')
  await using nginx = nginxAvailable() ? await startNginx(upstream.url) : undefined
  await using portkey = await startPortkey()
  const setup = { databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url }
  await using gateway = await startBenchGateway(setup)
  // Everyone is sent the same calls.
  const [keys, shape] = [keysOf(ledger.keys), chatOf(portkeyHeaders(upstream.url))]
  const charged: Target = { ...gateway, name: names.manyKeys, keys, shape }
  const targets: Target[] = [
    { ...bare, name: names.bare, keys, shape },
    ...(nginx ? [{ ...nginx, name: names.nginx, keys, shape }] : []),
    { ...portkey, name: portkeyName, keys, shape },
    charged,
    { ...charged, name: names.oneKey, keys: keys.slice(0, 1) },
  ]
  await callFromEach(charged)
  for (const target of targets) await warmUp(target, connections, bench)
  const contenders = targets.map((target) => contender(target, connections, bench))
  const rows = [{ name: `${connections} connections`, contenders }]
  await takeTurns(peers.name, bench.rounds, rows, bench.record)
}
