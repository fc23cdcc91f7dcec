/**
 * Rate windows shared by all gateways through Redis, and by local shares while Redis cannot be asked.
 *
 * A call never waits for a lost Redis to come back: the first calls that find it silent wait about
 * 75 ms, all others are decided at once by the local share, and a connection is tried in the background
 * until there is one. How shares and Redis add up is argued in memory.ts.
 *
 * A call that was under way when Redis fell silent may have taken a place there that nobody gives back:
 * the window is then too strict until that place has left it, never too lax.
 */
import type { Logger } from 'pino'
import { shareWindows } from './local-rate-limit.ts'
import type { Limit, Place, WindowState, Windows } from './rate-limiter.ts'
import { assertLimits, tightest } from './rate-limits.ts'
import { connect, type Link } from './redis-connection.ts'
import { type Memory, memoryOf } from './redis-trust.ts'

export type WindowsLog = Pick<Logger, 'info' | 'warn'>

const PROBE_EVERY_MS = 250

/**
 * Waits for the first attempt to connect (at most about a second) and resolves also when it failed.
 *
 * @param options.gateways how many gateways share the limits while Redis is away.
 * @param options.prefix stands before every key; without braces, which mark the hash tag.
 */
export async function redisWindows(options: {
  redisUrl: string
  gateways: number
  prefix: string
  log: WindowsLog
}): Promise<Windows> {
  const { redisUrl, gateways, prefix, log } = options
  const share = shareWindows(gateways)
  let link: Link | undefined
  let memory: Memory | undefined
  let shareUsed = false
  let longestWindowMs = 0
  let downSaid = false
  let closed = false
  let nextAttempt: ReturnType<typeof setTimeout> | undefined

  async function tryToConnect(): Promise<void> {
    try {
      const found = await connect(redisUrl, prefix)
      if (closed) return found.close()
      adopt(found)
    } catch (error) {
      lose(error)
    }
  }

  function adopt(found: Link): void {
    memory = memoryOf(found.seen, memory, performance.now(), gateways === 1 && !shareUsed)
    link = found
    if (downSaid) log.info('Redis answers again')
    downSaid = false
    found.lost.then((reason) => {
      link = undefined
      lose(reason)
    })
  }

  function lose(error: unknown): void {
    if (closed) return
    if (!downSaid)
      log.warn({ err: error }, 'no Redis: each gateway enforces its share of the limits')
    downSaid = true
    nextAttempt = setTimeout(tryToConnect, PROBE_EVERY_MS)
  }

  /** The connection, when it leads to a Redis that remembers as far back as these limits look. */
  function linkFor(limits: readonly Limit[]): Link | undefined {
    assertLimits(limits)
    const windowMs = Math.max(...limits.map((limit) => limit.windowMs))
    longestWindowMs = Math.max(longestWindowMs, windowMs)
    return remembers(windowMs) ? link : undefined
  }

  function remembers(windowMs: number): boolean {
    return memory !== undefined && performance.now() - memory.wholeSinceMs >= windowMs
  }

  await tryToConnect()

  return {
    async take(limits) {
      const reply = await linkFor(limits)?.take(limits).catch(unreachable)
      if (reply === undefined) {
        const decision = await share.take(limits)
        shareUsed ||= decision.allowed
        return decision
      }
      const state = tightest(statesIn(reply, limits))
      if (reply[0] !== 1) return { allowed: false, state, degraded: false }
      const place: Place = { limits, takenAtUs: reply[1] ?? 0, source: 'redis' }
      return { allowed: true, place, state, degraded: false }
    },
    async giveBack(place) {
      if (place.source === 'share') return share.giveBack(place)
      await link?.giveBack(place.limits, place.takenAtUs).catch(unreachable)
    },
    async peek(limits) {
      const reply = await linkFor(limits)?.peek(limits).catch(unreachable)
      return reply === undefined ? share.peek(limits) : tightest(statesIn(reply, limits))
    },
    get degraded() {
      return link === undefined || !remembers(longestWindowMs)
    },
    async close() {
      closed = true
      clearTimeout(nextAttempt)
      link?.close()
      await link?.lost
      await share.close()
    },
  }
}

/** What a failed call means here; the reason was logged when the connection was lost. */
function unreachable(): undefined {}

/** The script's answer: { allowed, time, remaining, resetUs, remaining, resetUs, … }. */
function statesIn(reply: readonly number[], limits: readonly Limit[]): WindowState[] {
  return limits.map(({ limit, windowMs }, index) => ({
    limit,
    windowMs,
    remaining: reply[2 + index * 2] ?? 0,
    resetMs: (reply[3 + index * 2] ?? 0) / 1_000,
  }))
}
