/** Processor time of a call in this checkout's gateway, PostgreSQL and Redis, and in those of others. */
import { callFromEach, measureCalls, type Target, warmUp } from '../parts/measure.ts'
import { search } from '../parts/shapes.ts'
import { startUpstream } from '../parts/upstream.ts'
import type { Bench } from '../suite/bench.ts'
import { compare, type Measurements } from './rounds.ts'

export const costAgainst = 'cost, compared'

export async function compareCosts(bench: Bench, connections: number): Promise<void> {
  await using upstream = await startUpstream()
  await compare(costAgainst, bench, async (checkout, worker, n) => {
    const { ledger, name, server } = checkout
    const redis = databaseOfRedis(bench.redis.url, n)
    const gateway = await worker.ask({ task: 'gateway', ledger, upstream: upstream.url, redis })
    const many: Target = { ...gateway, name, shape: search }
    const one: Target = { ...many, keys: gateway.keys.slice(0, 1) }
    await callFromEach(many)
    const measuring = { ...bench, postgresPid: server.pid }
    const rows: [string, Target][] = [
      [`many keys, ${connections} connections`, many],
      [`one hot key, ${connections} connections`, one],
    ]
    for (const [, target] of rows) await warmUp(target, connections, bench)
    return new Map(
      rows.map(([row, target]) => [row, () => measureCalls(target, connections, measuring)]),
    ) satisfies Measurements
  })
}

/** Two versions may not read each other's keys. */
function databaseOfRedis(url: string | undefined, n: number): string | undefined {
  return url && Object.assign(new URL(url), { pathname: `/${n}` }).href
}
