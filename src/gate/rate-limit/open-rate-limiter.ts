/** Opens the rate limiter that the configuration asks for. */
import { parseRedisUrl } from '../../config/redis-url.ts'
import { openInProcessLimiter } from './in-process-limiter.ts'
import { openLocalLimiter } from './local-rate-limit.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { openRedisLimiter } from './redis-limiter.ts'
import type { RateLimiterLog } from './redis-nodes.ts'

/**
 * With a `redisUrl`, all gateways count together in Redis. Without one, this process counts: a single
 * gateway enforces each limit whole, and one of several enforces its local rate limit, so that no limit is
 * exceeded.
 *
 * Resolves within about two seconds, also when Redis is away; `degraded` says so.
 *
 * @param options.gateways how many gateways are configured, at least 1
 * @param options.prefix stands before every Redis key, such as 'tollbook:'; without braces
 */
export async function openRateLimiter(options: {
  redisUrl?: string | undefined
  gateways: number
  prefix: string
  log: RateLimiterLog
}): Promise<RateLimiter> {
  const { redisUrl, gateways, log } = options
  if (redisUrl !== undefined) {
    return openRedisLimiter({ ...options, address: parseRedisUrl(redisUrl) })
  }
  if (gateways === 1) return openInProcessLimiter()
  log.warn({ gateways }, 'several gateways and no Redis: each enforces its local rate limit')
  return openLocalLimiter(gateways)
}
