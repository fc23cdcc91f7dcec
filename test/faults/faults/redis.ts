/** Redis dies, comes back empty, or freezes: each gateway falls back to its local rate limit, and money is untouched. */
import { expectThat, type Fault } from '../fault.ts'
import type { Load } from '../load.ts'
import { narrow } from '../settings.ts'
import type { World } from '../world.ts'

const narrowly = { narrow: 0.4 }

export const redisFaults: readonly Fault[] = [
  {
    name: 'redis/kill',
    says: 'kill -9 of Redis, and its restart, empty',
    ...{ runs: 20, load: narrowly },
    strike: (world, load, random) =>
      away(world, load, async () => {
        await world.servers.redis.kill()
        await load.calls(random.int(1, 80))
        await world.servers.redis.start()
        await load.calls(20)
      }),
  },
  {
    name: 'redis/freeze',
    says: 'SIGSTOP of Redis',
    ...{ runs: 20, load: narrowly },
    strike: (world, load, random) =>
      away(world, load, async () => {
        world.servers.redis.freeze()
        await load.calls(random.int(20, 100))
        world.servers.redis.thaw()
        await load.calls(20)
      }),
  },
]

/**
 * The longest that a charged call took meanwhile, and how long after the return a gateway still used its local rate limit.
 * Gateways are asked until none does.
 */
async function away(world: World, load: Load, strike: () => Promise<void>) {
  const fromMs = performance.now()
  await strike()
  const backAtMs = performance.now()
  const degraded = world.calls.some((call) => call.sentAtMs >= fromMs && call.degraded)
  expectThat(degraded, 'a gateway used its local rate limit, and said so')
  const duringMs = world.calls
    .filter((call) => call.sentAtMs >= fromMs && call.kind.name === 'search' && call.worth === 1)
    .map(({ sentAtMs, endedAtMs = 0 }) => endedAtMs - sentAtMs)
  load.restMs = 60
  await untilShared(world)
  const untilMs = performance.now()
  world.auditor.redisAway.push({ fromMs, untilMs: untilMs + narrow.windowMs })
  return {
    'slowest search meanwhile': Math.max(0, ...duringMs),
    'until limits are shared again': untilMs - backAtMs,
  }
}

/** For half a span, no response says that its gateway used its local rate limit. */
async function untilShared({ calls }: World): Promise<void> {
  const begunAtMs = performance.now()
  for (;;) {
    const sinceMs = Math.max(begunAtMs, performance.now() - narrow.windowMs / 2)
    await Bun.sleep(50)
    if (performance.now() - begunAtMs > 15_000) throw new Error('limits are not shared again')
    const recent = calls.filter((call) => call.sentAtMs >= sinceMs && call.status === 200)
    const longEnough = performance.now() - begunAtMs > narrow.windowMs / 2
    if (longEnough && recent.length > 0 && !recent.some(({ degraded }) => degraded)) return
  }
}
