/** The masters that decide, each over one connection, and which of them decides a limit. */
import type { Logger } from 'pino'
import { printRedisHost, type RedisAddress, type RedisHost } from '../../config/redis-url.ts'
import type { RateLimit } from './rate-limiter.ts'
import { assertLimits } from './rate-limits.ts'
import { serverAt } from './redis-client.ts'
import { connectToRedis, type RedisConnection } from './redis-connection.ts'
import { discoverMasters, type Masters, maxLaterFoundMs } from './redis-discovery.ts'
import { WrongRedis } from './redis-identity.ts'
import { keepConnected, type RedisNode } from './redis-node.ts'
import { slotOf, tagInSlot } from './redis-slots.ts'

export type RateLimiterLog = Pick<Logger, 'info' | 'warn'>

export interface RedisNodes {
  /** Resolves after the first attempt to find and to connect. */
  readonly ready: Promise<void>
  /** The connection to the master that has these limits now, whether or not it can be trusted. */
  connectionFor(limits: readonly RateLimit[]): RedisConnection | undefined
  /** The same, when the master's memory reaches as far back as these limits look. */
  trustedFor(limits: readonly RateLimit[]): RedisConnection | undefined
  /** Whether some limits are not decided by Redis now. */
  readonly degraded: boolean
  close(): Promise<void>
}

/** Slots that came to a master at the same time. */
interface Assignment {
  readonly host: string
  readonly node: RedisNode
  /** Since when every gateway knows of it. */
  readonly sinceMs: number
}

/** @param isOnlyGateway whether no call can have been admitted beside Redis (see redis-trust.ts) */
export function connectToMasters(
  { address, prefix, log }: { address: RedisAddress; prefix: string; log: RateLimiterLog },
  isOnlyGateway: () => boolean,
): RedisNodes {
  const nodes = new Map<string, RedisNode>()
  /** By slot; of one server, there is one for all keys. undefined: nobody has it. */
  let slots: readonly (Assignment | undefined)[] = []
  let maxWindowMs = 0
  let isClosed = false
  const faults = logFaults(log)
  const discovery = discoverMasters(address, adopt, (error) => faults.found('discovery', error))

  function adopt(masters: Masters): void {
    if (isClosed) return
    faults.ended('discovery')
    const now = performance.now()
    const fresh = new Map<string, Assignment>()
    const isFirst = slots.length === 0
    const next = masters.map((host, slot) => {
      if (!host) return undefined
      const name = printRedisHost(host)
      const before = slots[slot]
      if (before?.host === name) return before
      const assignment = fresh.get(name) ?? {
        ...{ host: name, node: nodeAt(name, host, slot) },
        // Nothing is known of the time before the first reply: the master itself says since when it is one.
        sinceMs: isFirst ? Number.NEGATIVE_INFINITY : now + maxLaterFoundMs,
      }
      fresh.set(name, assignment)
      return assignment
    })
    if (fresh.size > 0 && !isFirst)
      log.info({ masters: [...fresh.keys()] }, 'Redis has new masters')
    slots = next
    dropOthers()
  }

  function nodeAt(name: string, host: RedisHost, slot: number): RedisNode {
    const known = nodes.get(name)
    if (known) return known
    const options = {
      ...{ kind: address.kind, prefix, onElsewhere: askSoon },
      tag: address.kind === 'cluster' ? tagInSlot(slot) : '{probe}',
    }
    const node = keepConnected(
      () => connectToRedis(serverAt(host, address), options),
      isOnlyGateway,
      () => faults.ended(name),
      (error) => faults.found(name, error),
    )
    nodes.set(name, node)
    return node
  }

  function dropOthers(): void {
    const used = new Set(slots.map((assignment) => assignment?.host))
    for (const [name, node] of nodes) {
      if (used.has(name)) continue
      nodes.delete(name)
      faults.ended(name)
      void node.close()
    }
  }

  // A function of its own: the first masters are told before there is a discovery to ask.
  function askSoon(): void {
    discovery.askSoon()
  }

  function assignmentOf([limit]: readonly RateLimit[]): Assignment | undefined {
    if (slots.length <= 1) return slots[0]
    return slots[slotOf(prefix + (limit?.key ?? ''))]
  }

  function isTrusted({ node, sinceMs }: Assignment, windowMs: number): boolean {
    const { trustedSinceMs } = node
    if (trustedSinceMs === undefined) return false
    return performance.now() - Math.max(trustedSinceMs, sinceMs) >= windowMs
  }

  return {
    ready: discovery.ready.then(async () => {
      await Promise.all([...nodes.values()].map(({ ready }) => ready))
    }),
    connectionFor: (limits) => assignmentOf(limits)?.node.connection,
    trustedFor(limits) {
      assertLimits(limits)
      const windowMs = Math.max(...limits.map((limit) => limit.windowMs))
      maxWindowMs = Math.max(maxWindowMs, windowMs)
      const assignment = assignmentOf(limits)
      return assignment && isTrusted(assignment, windowMs) ? assignment.node.connection : undefined
    },
    get degraded() {
      if (slots.length === 0) return true
      return [...new Set(slots)].some(
        (assignment) => !assignment?.node.connection || !isTrusted(assignment, maxWindowMs),
      )
    },
    async close() {
      isClosed = true
      await discovery.stop()
      await Promise.all([...nodes.values()].map((node) => node.close()))
    },
  }
}

/** Says once that something is at fault, until it is not. */
function logFaults(log: RateLimiterLog) {
  const open = new Set<string>()
  return {
    found(what: string, error: unknown): void {
      if (open.has(what)) return
      open.add(what)
      // A mistake in REDIS_URL has nothing to do with where in the program it was found.
      const err = error instanceof WrongRedis ? { message: error.message } : error
      log.warn({ err, redis: what }, 'no Redis: each gateway enforces its local rate limit')
    },
    ended(what: string): void {
      if (open.delete(what)) log.info({ redis: what }, 'Redis replies again')
    },
  }
}
