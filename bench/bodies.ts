/** Bodies that are large or come piece by piece, against a proxy that pipes them. */
import { startBareProxy } from './parts/bare-proxy.ts'
import { startBenchGateway } from './parts/gateway.ts'
import { copyOf } from './parts/ledger.ts'
import { callFromEach, contender, keysOf, type Target, warmUp } from './parts/measure.ts'
import { nginxAvailable, startNginx } from './parts/nginx.ts'
import { eventStream, largeRequest, largeResponse, upload } from './parts/shapes.ts'
import { startUpstream } from './parts/upstream.ts'
import type { Bench, Family } from './suite/bench.ts'
import { names } from './suite/names.ts'
import { takeTurns } from './suite/turns.ts'

/** The load generator makes all requests beforehand, so there cannot be many large ones. */
const keysInTurn = 100
const connections = 32

export const bodies: Family = {
  name: 'bodies',
  summary: '100 kB sent and received, a multipart upload, a stream of server-sent events',
  run: measureFamily,
}

async function measureFamily(bench: Bench): Promise<void> {
  const ledger = await copyOf(bench.serverUrl, bench.ledger, 'tollbook_bench_bodies')
  await using upstream = await startUpstream()
  await using bare = await startBareProxy(upstream.url, 'streamed')
  await using nginx = nginxAvailable() ? await startNginx(upstream.url) : undefined
  await using gateway = await startBenchGateway({
    ...{ databaseUrl: ledger.url, redisUrl: bench.redis.url, upstream: upstream.url },
  })
  const keys = keysOf(ledger.keys.slice(0, keysInTurn))
  const rows = [largeResponse, largeRequest, upload, eventStream].map((shape) => ({
    name: shape.name,
    targets: [
      { ...upstream, name: names.upstream, keys, shape },
      ...(nginx ? [{ ...nginx, name: names.nginx, keys, shape }] : []),
      { ...bare, name: names.streamed, keys, shape },
      { ...gateway, name: names.manyKeys, keys, shape },
    ] satisfies Target[],
  }))
  for (const { targets } of rows) {
    for (const target of targets) {
      await callFromEach(target)
      await warmUp(target, connections, bench)
    }
  }
  const turns = rows.map(({ name, targets }) => ({
    name,
    contenders: targets.map((target) => contender(target, connections, bench)),
  }))
  await takeTurns(bodies.name, bench.rounds, turns, bench.record)
}
